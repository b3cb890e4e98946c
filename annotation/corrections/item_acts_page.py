"""Acts on the clips chosen in the list: a page asks for what the act needs, and the list then says what was done."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.access import AuthedRequest, role_required
from accounts.models import Role, User
from annotation.campaigns.item_act_forms import ActForm, GoldForm, PriorityForm, RatingsForm, ReasonForm, ReturnForm
from annotation.campaigns.item_acts import MAX_ITEMS, Outcome, act_on_keys
from annotation.campaigns.marking import Mark, mark_items
from annotation.campaigns.more_ratings import request_ratings
from annotation.campaigns.reports import exclude_items, give_out_items
from annotation.campaigns.undo import find_entries, restore_priorities, undo_exclusions, withdraw_ratings
from annotation.corrections.withdrawal import restore_items, withdraw_items
from annotation.models import Campaign, Item
from annotation.shared.clip_holders import list_holders
from annotation.shared.key_lists import parse_keys, write_keys
from annotation.shared.text import parse_number

_NO_QUALIFICATION = _("This is a qualification clip. Its page changes its mark.")


@dataclass(frozen=True, slots=True)
class Act:
    """`label` is on its button, `title` heads its page, `effect` says what will happen, `done` what has happened.

    `undo` is the name of the act that takes it back, if one does, and `undo_label` the words of the link to it. An act
    of UNDOS takes back what the audit entries of `undoes` say.
    """

    label: str | Promise
    title: str | Promise
    effect: str | Promise
    done: Any
    run: Callable[..., Outcome]
    form: type[ActForm] = ActForm
    undo: str = ""
    undo_label: str | Promise = ""
    undoes: str = ""
    is_dangerous: bool = False
    has_holders: bool = False
    """Frozen releases keep the clips, so the page lists those that have them."""


def make_gold(*, actor: User, items: Sequence[Item], scores: dict[str, float]) -> Outcome:
    """Mark the items as golds with these scores; qualification clips are left as they are."""
    return _mark_others(actor, items, Mark.GOLD, scores)


def take_gold_back(*, actor: User, items: Sequence[Item]) -> Outcome:
    """Take the mark from golds; qualification clips are left as they are."""
    return _mark_others(actor, items, Mark.PLAIN, None)


def _mark_others(actor: User, items: Sequence[Item], mark: Mark, scores: dict[str, float] | None) -> Outcome:
    others = [item for item in items if not item.is_qualification]
    left = {item.pk: ValidationError(_NO_QUALIFICATION) for item in items if item.is_qualification}
    outcome = mark_items(actor=actor, items=others, mark=mark, scores=scores) if others else Outcome([])
    return Outcome(outcome.changed, outcome.left | left)


ACTS = {
    "exclude": Act(
        _("Exclude"),
        _("Exclude these clips"),
        _("Raters do not get excluded clips, and figures and the next release leave them out. Their ratings are kept."),
        ngettext_lazy("%(n)s clip excluded.", "%(n)s clips excluded.", "n"),
        exclude_items,
        ReasonForm,
        "undo-exclusion",
        _("Undo the exclusion"),
        is_dangerous=True,
    ),
    "return": Act(
        _("Return to the queue"),
        _("Return these clips to the queue"),
        _("Raters get these clips again, and open reports are settled."),
        ngettext_lazy("%(n)s clip returned to the queue.", "%(n)s clips returned to the queue.", "n"),
        give_out_items,
        ReturnForm,
        "exclude",
        _("Exclude them again"),
    ),
    "gold": Act(
        _("Make gold"),
        _("Make these clips golds"),
        _("All of them get the same known scores. Raters get golds unannounced."),
        ngettext_lazy("%(n)s clip is gold now.", "%(n)s clips are golds now.", "n"),
        make_gold,
        GoldForm,
        "plain",
        _("Take the mark back"),
    ),
    "plain": Act(
        _("Take gold mark back"),
        _("Take the gold mark back"),
        _("These clips are then rated like the others. Their known scores are removed."),
        ngettext_lazy("%(n)s clip is no longer gold.", "%(n)s clips are no longer golds.", "n"),
        take_gold_back,
    ),
    "priority": Act(
        _("Set priority"),
        _("Set the priority of these clips"),
        _("All of them get the same priority."),
        ngettext_lazy("The priority of %(n)s clip changed.", "The priority of %(n)s clips changed.", "n"),
        mark_items,
        PriorityForm,
        "restore-priority",
        _("Restore their priorities"),
    ),
    "ratings": Act(
        _("More ratings"),
        _("Ask for more ratings of these clips"),
        _("Clips with fewer rating slots get free ones. No clip loses any."),
        ngettext_lazy("%(n)s clip gets more ratings.", "%(n)s clips get more ratings.", "n"),
        request_ratings,
        RatingsForm,
        "withdraw-ratings",
        _("Withdraw the request"),
    ),
    "withdraw": Act(
        _("Withdraw"),
        _("Withdraw these clips"),
        _(
            "Withdrawn clips leave the queue, lists, figures and new releases of every campaign at once. Raters who "
            "are rating one are told. Ratings stay stored, and you can restore the clips."
        ),
        ngettext_lazy("%(n)s clip withdrawn.", "%(n)s clips withdrawn.", "n"),
        withdraw_items,
        ReasonForm,
        "restore",
        _("Restore them"),
        is_dangerous=True,
        has_holders=True,
    ),
}
UNDOS = {
    "restore": Act(
        "",
        _("Restore these clips"),
        _("The clips are in their campaigns again. Clips that were excluded before are excluded again."),
        ngettext_lazy("%(n)s clip restored.", "%(n)s clips restored.", "n"),
        restore_items,
        ReasonForm,
    ),
    "restore-priority": Act(
        "",
        _("Restore the priorities of these clips"),
        _("Each clip gets the priority that it had before. A clip whose priority has changed again is left as it is."),
        ngettext_lazy("The priority of %(n)s clip is restored.", "The priorities of %(n)s clips are restored.", "n"),
        restore_priorities,
        undoes="item.priority",
    ),
    "withdraw-ratings": Act(
        "",
        _("Withdraw the request for more ratings"),
        _("The added rating slots that no rater has taken are removed. Ratings are kept."),
        ngettext_lazy(
            "The added rating slots of %(n)s clip are removed, except those that raters have taken.",
            "The added rating slots of %(n)s clips are removed, except those that raters have taken.",
            "n",
        ),
        withdraw_ratings,
        undoes="item.more_ratings",
    ),
    "undo-exclusion": Act(
        "",
        _("Undo the exclusion of these clips"),
        _("Each clip is as it was before, and the reports that the exclusion settled are open again."),
        ngettext_lazy("The exclusion of %(n)s clip is undone.", "The exclusions of %(n)s clips are undone.", "n"),
        undo_exclusions,
        undoes="item.excluded",
    ),
}
"""Acts that only a message offers, after the act that they take back."""


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def act_on_items(request: AuthedRequest, name: str) -> HttpResponse:
    """Ask for what the act on the chosen clips needs; POST acts and returns to the list, whose address is in `list`."""
    campaign, act_name = get_object_or_404(Campaign, name=name), request.GET.get("act", "")
    act = (ACTS | UNDOS).get(act_name)
    if act is None:
        raise Http404(_("There is no such act."))
    entries = find_entries(campaign, act.undoes, parse_keys(request.GET.get("entries", ""))) if act.undoes else {}
    keys = sorted(entries) if act.undoes else _read_keys(request.GET)
    form = act.form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and keys and form.is_valid():
        values = form.read_values() | ({"entries": entries} if act.undoes else {})
        outcome = _run(request.user, campaign, keys, act, form, values)
        if outcome is not None:
            level = messages.WARNING if outcome.left else messages.SUCCESS
            messages.add_message(request, level, _describe(request.GET, campaign, keys, act, outcome))
            return redirect(_write_list_address(campaign, request.GET))
    items = list(Item.objects.filter(campaign=campaign, pk__in=keys).select_related("clip").order_by("pk")[:MAX_ITEMS])
    context = {
        "campaign": campaign,
        "act": act,
        "act_name": act_name,
        "form": form,
        "items": items,
        "holders": list_holders([item.clip for item in items]) if act.has_holders else [],
        "back": _write_list_address(campaign, request.GET),
    }
    return render(request, "annotation/items_act.html", context)


def _read_keys(given: QueryDict) -> list[int]:
    """Return the chosen clips: those of `item`, one by one, and those of `items`, many in one text."""
    keys = (parse_number(text) for text in given.getlist("item"))
    return sorted({key for key in keys if key is not None} | set(parse_keys(given.get("items", ""))))


def _run(
    actor: User, campaign: Campaign, keys: Collection[int], act: Act, form: ActForm, values: dict[str, Any]
) -> Outcome | None:
    """Do the act. None if a service refuses the values: the form then says why."""
    try:
        return act_on_keys(campaign, keys, lambda items: act.run(actor=actor, items=items, **values))
    except ValidationError as refusal:
        form.add_refusal(refusal)
        return None


def _write_list_address(campaign: Campaign, given: QueryDict) -> str:
    query = QueryDict(given.get("list", "")).urlencode()
    path = reverse("campaign-items", args=(campaign.name,))
    return f"{path}?{query}" if query else path


def _describe(given: QueryDict, campaign: Campaign, keys: Collection[int], act: Act, outcome: Outcome) -> SafeString:
    """Return the message: what was done, which clips were left and why, and the way back."""
    names = dict(Item.objects.filter(pk__in=outcome.left).values_list("pk", "clip__clip_id"))
    left: dict[str, list[str]] = defaultdict(list)
    for key, reason in outcome.describe_left().items():
        left[reason].append(names.get(key, str(key)))
    context = {
        "act": act,
        "done": act.done % {"n": len(outcome.changed)} if outcome.changed else "",
        "unchanged": len(keys) - len(outcome.changed) - len(outcome.left),
        "left": dict(left),
        "undo": _write_undo_address(given, campaign, act, outcome),
    }
    return render_to_string("annotation/_items_acted.html", context)


def _write_undo_address(given: QueryDict, campaign: Campaign, act: Act, outcome: Outcome) -> str:
    if not act.undo or not outcome.changed:
        return ""
    query = QueryDict(mutable=True)
    if outcome.entries:
        query["entries"] = write_keys(outcome.entries)
    else:
        query["items"] = write_keys(item.pk for item in outcome.changed)
    query["act"], query["list"] = act.undo, given.get("list", "")
    return f"{reverse('act-on-items', args=(campaign.name,))}?{query.urlencode()}"
