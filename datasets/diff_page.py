"""The engineer's page of what differs between two releases of a campaign, and all of it as CSV."""

from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from accounts.access import AuthedRequest, role_required
from accounts.downloads import send_csv
from accounts.models import Role
from annotation.shared.plots import Mark, Plot, Scale, Side
from annotation.shared.text import parse_number
from datasets.models import Release
from datasets.services.diff import ReleasePair, list_others, make_pair
from datasets.services.policy import ReleaseRefused
from qsave.release.diff import Action, Change, Kind
from qsave.release.diff_summary import BIN, AxisMoves, Summary, measure_move
from qsave.release.diff_text import format_value, write_changes
from qsave.release.encoding import ReleaseError

KINDS = {Kind.TARGET: gettext_lazy("Targets"), Kind.CLIP: gettext_lazy("Clips"), Kind.RATING: gettext_lazy("Ratings")}
ACTIONS = {
    Action.ADDED: gettext_lazy("added"),
    Action.REMOVED: gettext_lazy("removed"),
    Action.CHANGED: gettext_lazy("changed"),
}
SHOWN = 5
"""How many of the largest moves the page names for each axis."""


@role_required(Role.ENGINEER)
@require_safe
def release_diff(request: AuthedRequest, number: int) -> HttpResponse:
    """Show what differs between a release and another one, at first its parent."""
    release = get_object_or_404(Release.objects.select_related("campaign"), number=number)
    context: dict[str, Any] = {"release": release, "others": list_others(release)}
    try:
        pair = make_pair(release, _read_other(request))
        context |= {"pair": pair, **_read_summary(pair), **_read_rows(request, pair)}
    except (ReleaseRefused, ReleaseError) as refusal:
        context["refusal"] = str(refusal)
    return render(request, "datasets/diff.html", context)


@role_required(Role.ENGINEER)
@require_safe
def release_diff_file(request: AuthedRequest, number: int) -> HttpResponseBase:
    """Send every difference as CSV. If that is not possible, return to the page, which says why."""
    release = get_object_or_404(Release.objects.select_related("campaign"), number=number)
    try:
        pair = make_pair(release, _read_other(request))
        name = f"release-{pair.before.number}-to-{pair.after.number}.csv"
        return send_csv(write_changes(pair.read_all()), name)
    except (ReleaseRefused, ReleaseError):
        query = request.GET.urlencode()
        return redirect(f"{reverse('release-diff', args=[number])}?{query}")


def _read_other(request: AuthedRequest) -> int | None:
    return parse_number(request.GET.get("against", ""))


def _read_summary(pair: ReleasePair) -> dict[str, Any]:
    summary = pair.summarise()
    moved = [(axis, moves, moves.largest[:SHOWN]) for axis, moves in summary.moves.items() if moves.count]
    return {
        "summary": summary,
        "action_labels": ACTIONS.values(),
        "counts": [(label, _describe_counts(summary, kind)) for kind, label in KINDS.items()],
        "moved": moved,
        "plots": [plot_moves(axis, moves, simulated=pair.after.is_simulated) for axis, moves, _largest in moved],
        "policies": [
            (name.replace("_", " "), format_value(before), format_value(after))
            for name, (before, after) in summary.policies.items()
        ],
        "more_split_moves": summary.split_moves - len(summary.moved_clips),
    }


def _describe_counts(summary: Summary, kind: Kind) -> dict[str, Any]:
    columns = summary.changed_columns[kind].most_common(SHOWN)
    return {"counts": [summary.counts[kind][action] for action in ACTIONS], "columns": columns}


def _read_rows(request: AuthedRequest, pair: ReleasePair) -> dict[str, Any]:
    """Return one page of the changed rows of one kind."""
    kind = _read_kind(request)
    changes, following = pair.read_page(kind, max(0, parse_number(request.GET.get("start", "")) or 0))
    address = f"?against={_name_other(request, pair)}&kind={kind.value}"
    return {
        "kind": kind.value,
        "kinds": [(one.value, label) for one, label in KINDS.items()],
        "other": _name_other(request, pair),
        "rows": [_describe_change(change) for change in changes],
        "next_url": f"{address}&start={following}#rows-heading" if following else "",
    }


def _read_kind(request: AuthedRequest) -> Kind:
    kind = request.GET.get("kind", "")
    return Kind(kind) if kind in list(Kind) else Kind.TARGET


def _name_other(request: AuthedRequest, pair: ReleasePair) -> int:
    """Return the number of the release with which that of the address is compared."""
    match = request.resolver_match
    assert match is not None
    return pair.before.number if pair.after.number == match.kwargs["number"] else pair.after.number


def _describe_change(change: Change) -> dict[str, Any]:
    mos = change.find("mos")
    return {
        "change": change,
        "action": ACTIONS[change.action],
        "move": f"{measure_move(change):+.2f}".replace("-", "\N{MINUS SIGN}"),
        "mos": mos,
        "differences": [(one.column, format_value(one.before), format_value(one.after)) for one in change.differences],
    }


def plot_moves(axis: str, moves: AxisMoves, *, simulated: bool) -> Plot:
    """Plot how many targets of an axis moved how far."""
    low, high = min(moves.histogram), max(moves.histogram)
    bins = [low + BIN * number for number in range(round((high - low) / BIN) + 1)]
    summary = ngettext(
        "%(n)s target of the axis %(axis)s moved, by %(mean)s.",
        "%(n)s targets of the axis %(axis)s moved, by %(mean)s on average.",
        moves.count,
    )
    return Plot(
        id=f"plot-moves-{axis}",
        title=_("How far targets of the axis %(axis)s moved") % {"axis": axis},
        summary=summary % {"n": moves.count, "axis": axis, "mean": f"{moves.mean:+.3f}"},
        mark=Mark.BAR,
        columns={"label": _("Move of the MOS"), "y": _("Targets")},
        rows=tuple((_label_bin(low), float(moves.histogram[low])) for low in bins),
        x=Side(_("Move of the MOS"), Scale.NAMES),
        y=Side(_("Targets"), low=0),
        is_simulated=simulated,
    )


def _label_bin(low: float) -> str:
    return _("%(low)s to %(high)s") % {
        name: f"{value:+.2f}".replace("-", "\N{MINUS SIGN}") for name, value in (("low", low), ("high", low + BIN))
    }
