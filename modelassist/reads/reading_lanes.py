"""Draw the stored readings of a file as lanes of the timeline."""

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.shared.reading_lanes import ReadingLane
from modelassist.models import ClipReadings, Critic
from qsave.detectors.strip import NAMES

HEIGHT = 20
LABELS = {
    "brightness": gettext_lazy("Brightness"),
    "sharpness": gettext_lazy("Sharpness"),
    "change": gettext_lazy("Change"),
    "shift": gettext_lazy("Shift"),
}
LEAST_TOPS = {"brightness": 255.0, "sharpness": 10.0, "change": 20.0, "shift": 0.02}
"""The value at the top of a lane is at least this, so that the noise of a still clip stays flat: grey levels; of shift,
the share of the picture."""


def read_reading_lanes(sha256: str) -> list[ReadingLane]:
    """Return the lanes of a file. One query."""
    stored = ClipReadings.objects.filter(sha256=sha256).values_list("strip", flat=True).first() or {}
    return [_draw(name, stored[name]) for name in NAMES if stored.get(name)]


def _draw(name: str, values: Sequence[float]) -> ReadingLane:
    top, step = max(LEAST_TOPS[name], *values), 100 / len(values)
    points = " ".join(
        f"{(number + 0.5) * step:.2f},{HEIGHT * (1 - max(0.0, value) / top):.1f}" for number, value in enumerate(values)
    )
    figures = {"figure": LABELS[name], "low": f"{min(values):.3g}", "high": f"{max(values):.3g}"}
    return ReadingLane(str(LABELS[name]), points, _("%(figure)s over the clip, from %(low)s to %(high)s.") % figures)


def is_detectors(critic: str) -> bool:
    """Return whether `name@version` is a version of the detectors. One query."""
    name, _at, version = critic.rpartition("@")
    return (
        version.isdecimal()
        and Critic.objects.filter(name=name, version=int(version), kind=Critic.Kind.DETECTORS).exists()
    )
