"""The default defect taxonomy. The id of a defect never changes; each campaign has its own copy."""

from dataclasses import dataclass

from qsave.axes import Axis


@dataclass(frozen=True, slots=True)
class Defect:
    """One kind of defect. Ratings, releases and critics store `id`; pages show `label`."""

    id: str
    axis: Axis
    label: str


_IDS: dict[Axis, str] = {
    Axis.VISUAL: (
        "blur noise blockiness banding over-exposed under-exposed colour-cast warped-shape "
        "melted-detail garbled-text bad-anatomy watermark"
    ),
    Axis.DYNAMIC: (
        "frozen sliding jitter flicker morphing identity-drift pops-in-or-out implausible-physics "
        "unnatural-gait too-little-motion camera-shake"
    ),
    Axis.ALIGNMENT: (
        "missing-object wrong-object wrong-count wrong-colour wrong-attribute wrong-action "
        "wrong-relation wrong-setting wrong-style wrong-camera extra-content"
    ),
}

DEFAULT_TAXONOMY: tuple[Defect, ...] = tuple(
    Defect(id=defect_id, axis=axis, label=defect_id.replace("-", " "))
    for axis, ids in _IDS.items()
    for defect_id in ids.split()
)

DEFAULT_AXIS_OF_DEFECT: dict[str, Axis] = {defect.id: defect.axis for defect in DEFAULT_TAXONOMY}
