"""A draft of some axes only: the others look and work as in the blind arm."""

import re
from typing import Any

import pytest
from django.test import Client

from annotation.models import Arm, AxisAnswer, Campaign, Draft, Item, Rating
from annotation.rating import drafts
from qsave.axes import Axis
from qsave.proposal import AxisProposal, Proposal
from qsave.report_card import Evidence, TimeRange
from tests.annotation.factories import store_draft
from tests.annotation.rating.desk.forms import SCRIPT, add_clip, make_form, post, start

pytestmark = pytest.mark.django_db

FROZEN = AxisProposal((Evidence("frozen", TimeRange(0.25, 0.75)),), note="6 equal frames in a row, threshold <5>")
"""What a critic proposes that measures: defects with times, and no reason or score."""
JUDGED = AxisProposal((Evidence("blur"),), "The left half is soft all the time.", 2.0)
SCORED = AxisProposal(score=2.0, note="The score is a regression from readings.")
"""A score alone: nothing is said of defects."""
MARKS = '[{"defect": "frozen", "time": [0.25, 0.75], "box": null}]'


def show_axes(page: str) -> dict[str, str]:
    """Return the HTML of each axis of the desk."""
    sections = re.finditer(r'<section\s+class="rate-axis".*?data-axis="(\w+)".*?</section>', page, re.DOTALL)
    return {found[1]: found[0] for found in sections}


def open_desk(client: Client, campaign: Campaign, proposal: Proposal, *, arm: Arm = Arm.ASSISTED) -> tuple[Item, str]:
    """Open the desk on a new clip with a draft."""
    item = add_clip(campaign, arm=arm)
    store_draft(item.pk, proposal=proposal)
    return item, post(client, campaign, "start", headers=SCRIPT).content.decode()


def fill_form(client: Client, campaign: Campaign, **changes: Any) -> dict[str, Any]:
    """Make the form of a rating that keeps the drafted `frozen` and has the rater's own words on every axis."""
    form = make_form(
        start(client, campaign), **{"dynamic-defect": "frozen", "dynamic-evidence": MARKS, "dynamic-drafted": "1"}
    )
    del form["dynamic-none"]
    return form | changes


def test_an_axis_that_is_not_proposed_has_the_html_of_the_blind_arm(as_rater: Client, empty_campaign: Campaign) -> None:
    Campaign.objects.update(shows_draft_scores=True)
    open_desk(as_rater, empty_campaign, Proposal(), arm=Arm.BLIND)
    blind = show_axes(as_rater.get("/rate/autumn/").content.decode())
    item = Item.objects.get()
    item.offers.all().delete()
    item.slots.update(arm=Arm.ASSISTED, state="free", rater=None, lease=None, lease_expires_at=None)
    store_draft(item.pk, critic="detectors@1", proposal=Proposal(visual=JUDGED, dynamic=FROZEN))
    post(as_rater, empty_campaign, "start")
    assisted = show_axes(as_rater.get("/rate/autumn/").content.decode())

    assert list(blind) == list(assisted) == ["visual", "dynamic", "alignment"]
    assert assisted["alignment"] == blind["alignment"]
    assert (assisted["visual"] != blind["visual"], assisted["dynamic"] != blind["dynamic"]) == (True, True)
    assert "<strong>2 poor</strong>" in assisted["visual"]
    assert "score" not in re.sub(r'name="\w+-score"|: score|Draft by', "", assisted["dynamic"])


def test_defects_without_a_reason_leave_the_reason_to_the_rater_and_tell_what_was_measured(
    as_rater: Client, empty_campaign: Campaign
) -> None:
    _item, page = open_desk(as_rater, empty_campaign, Proposal(dynamic=FROZEN))
    dynamic = show_axes(page)["dynamic"]
    assert re.search(r'value="frozen"[^>]*checked', dynamic)
    assert re.search(r"<textarea[^>]*></textarea>", dynamic)
    assert "6 equal frames in a row, threshold &lt;5&gt;" in dynamic
    assert "defects only" in dynamic


def test_only_proposed_axes_need_a_confirmation(as_rater: Client, empty_campaign: Campaign) -> None:
    open_desk(as_rater, empty_campaign, Proposal(dynamic=FROZEN))
    form = fill_form(as_rater, empty_campaign)
    refused = post(as_rater, empty_campaign, "", form, headers=SCRIPT)
    assert list(refused.json()["problems"]["axes"]) == ["dynamic"]
    assert post(as_rater, empty_campaign, "", form | {"dynamic-confirm": "1"}, headers=SCRIPT).status_code == 200
    uses = dict(AxisAnswer.objects.values_list("axis", "draft_use"))
    assert uses == {"visual": "none", "dynamic": "confirmed", "alignment": "none"}
    assert set(AxisAnswer.objects.values_list("draft_edit_distance", flat=True)) == {None}


def test_the_reason_must_be_written_if_only_defects_were_drafted(as_rater: Client, empty_campaign: Campaign) -> None:
    open_desk(as_rater, empty_campaign, Proposal(dynamic=FROZEN))
    form = fill_form(as_rater, empty_campaign, **{"dynamic-confirm": "1", "dynamic-reason": ""})
    problems = post(as_rater, empty_campaign, "", form, headers=SCRIPT).json()["problems"]["axes"]
    assert list(problems) == ["dynamic"]
    assert "Write a reason" in problems["dynamic"][0]


def test_a_late_draft_brings_only_the_axes_that_it_proposes(as_rater: Client, empty_campaign: Campaign) -> None:
    item = add_clip(empty_campaign, arm=Arm.ASSISTED)
    slot = start(as_rater, empty_campaign)
    path = f"draft?lease={slot.lease}"
    store_draft(item.pk, proposal=Proposal(dynamic=FROZEN))
    assert as_rater.get(f"/rate/autumn/{path}").json() == {"critic": "starter@1"}
    axes = post(as_rater, empty_campaign, path, {"lease": slot.lease}).json()["axes"]
    assert list(axes) == ["dynamic"]
    answer = axes["dynamic"]["answer"]
    assert (answer["reason"], answer["no_defect"]) == ("", False)
    assert "6 equal frames" in axes["dynamic"]["html"]


def test_a_draft_without_any_axis_is_stored_and_never_shown(as_rater: Client, empty_campaign: Campaign) -> None:
    item, page = open_desk(as_rater, empty_campaign, Proposal())
    slot = start(as_rater, empty_campaign)
    assert "starter@1" not in page
    assert as_rater.get(f"/rate/autumn/draft?lease={slot.lease}").status_code == 204
    assert post(as_rater, empty_campaign, f"draft?lease={slot.lease}", {"lease": slot.lease}).status_code == 204
    assert drafts.list_items_without_draft(campaign=empty_campaign, critic="starter@1", limit=9) == []
    assert post(as_rater, empty_campaign, "", make_form(slot), headers=SCRIPT).status_code == 200
    rating = Rating.objects.get()
    assert (rating.draft, rating.exposure, item.drafts.count()) == (None, "none", 1)


def test_a_score_alone_looks_as_in_the_blind_arm_unless_the_campaign_shows_scores(
    as_rater: Client, empty_campaign: Campaign
) -> None:
    _item, page = open_desk(as_rater, empty_campaign, Proposal(visual=SCORED, dynamic=FROZEN))
    hidden = show_axes(page)["visual"]
    assert "starter@1" not in hidden
    assert "regression" not in page
    Campaign.objects.update(shows_draft_scores=True)
    shown = show_axes(as_rater.get("/rate/autumn/").content.decode())["visual"]
    assert "<strong>2 poor</strong>" in shown
    assert "the score only, nothing about defects" in shown
    for absent in ("data-draft=", "visual-confirm", "visual-drafted"):
        assert absent not in shown
    assert not re.search(r'name="visual-none"[^>]*checked', shown)


@pytest.mark.parametrize(("shows_scores", "exposure"), [(False, "none"), (True, "from_start")])
def test_a_score_alone_is_neither_confirmed_nor_edited(
    as_rater: Client, empty_campaign: Campaign, *, shows_scores: bool, exposure: str
) -> None:
    Campaign.objects.update(shows_draft_scores=shows_scores)
    open_desk(as_rater, empty_campaign, Proposal(visual=SCORED))
    assert (
        post(as_rater, empty_campaign, "", make_form(start(as_rater, empty_campaign)), headers=SCRIPT).status_code
        == 200
    )
    visual = AxisAnswer.objects.get(axis="visual")
    assert (visual.exposure, visual.draft_use, visual.draft_edit_distance) == (exposure, "none", None)


@pytest.mark.parametrize(("shows_scores", "status"), [(False, 204), (True, 200)])
def test_a_late_score_alone_is_offered_only_where_it_is_seen(
    as_rater: Client, empty_campaign: Campaign, *, shows_scores: bool, status: int
) -> None:
    Campaign.objects.update(shows_draft_scores=shows_scores)
    item = add_clip(empty_campaign, arm=Arm.ASSISTED)
    path = f"draft?lease={start(as_rater, empty_campaign).lease}"
    store_draft(item.pk, proposal=Proposal(visual=SCORED))
    assert as_rater.get(f"/rate/autumn/{path}").status_code == status


SEEN = {
    "a score alone": (SCORED, False),
    "no defect": (AxisProposal((), score=2.0), True),
    "a reason and nothing of defects": (AxisProposal(None, "Soft.", 2.0), True),
    "defects alone": (FROZEN, True),
    "nothing": (None, False),
}


@pytest.mark.parametrize(("proposed", "is_seen"), SEEN.values(), ids=SEEN)
def test_the_database_and_the_desk_agree_on_what_raters_see(
    empty_campaign: Campaign, proposed: AxisProposal | None, *, is_seen: bool
) -> None:
    draft = store_draft(add_clip(empty_campaign).pk, proposal=Proposal(dynamic=proposed))
    for shows_scores in (False, True):
        empty_campaign.shows_draft_scores = shows_scores
        seen = Draft.objects.filter(drafts.make_visible_condition(empty_campaign, Axis.DYNAMIC)).exists()
        assert seen == (Axis.DYNAMIC in drafts.list_visible_axes(draft, empty_campaign))
        assert seen == (is_seen or (shows_scores and proposed is not None))
