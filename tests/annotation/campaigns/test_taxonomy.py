"""A campaign's own defects: their ids stay the same through every change."""

from dataclasses import replace
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import AuditEntry
from annotation.campaigns import taxonomy
from annotation.campaigns.taxonomy import add_defect, move_defect, relabel_defect, restore_defect, retire_defect
from annotation.models import AxisAnswer, Campaign
from annotation.rating.desk_form import make_blank_answer
from annotation.rating.desk_presenter import list_axis_forms
from annotation.rating.draft_use import make_prefills
from qsave.axes import AXES, Axis
from qsave.grammar import render
from qsave.report_card import AxisReport, Evidence, ReportCard
from tests.annotation import factories

pytestmark = pytest.mark.django_db
SHORT = [
    {"id": "blur", "axis": "visual", "label": "blur"},
    {"id": "noise", "axis": "visual", "label": "noise"},
    {"id": "frozen", "axis": "dynamic", "label": "frozen"},
    {"id": "banding", "axis": "visual", "label": "banding"},
]


@pytest.fixture
def custom_campaign() -> Campaign:
    """A campaign with defects of its own."""
    return factories.make_campaign(1, taxonomy=[dict(entry) for entry in SHORT])


def list_offered(campaign: Campaign, axis: Axis = Axis.VISUAL, chosen: str = "") -> list[str]:
    campaign.refresh_from_db()
    evidence = [{"defect": chosen, "time": None, "box": None}] if chosen else []
    answers = {axis.value: make_blank_answer() | {"evidence": evidence}}
    forms = list_axis_forms(campaign, answers, draft=None, problems={})
    return [choice.label for choice in forms[AXES.index(axis)].defects]


def test_a_defect_gets_an_id_from_its_label_and_keeps_it_under_another(custom_campaign: Campaign) -> None:
    lead = factories.make_lead()
    made = add_defect(actor=lead, campaign=custom_campaign, axis="visual", label=" Crème  brûlée look ")
    relabel_defect(actor=lead, campaign=custom_campaign, defect=made, label="Sugary look")

    assert made == "creme-brulee-look"
    assert list_offered(custom_campaign) == ["blur", "noise", "banding", "Sugary look"]
    assert custom_campaign.taxonomy[-1] == {"id": made, "axis": "visual", "label": "Sugary look"}
    actions = AuditEntry.objects.filter(action__startswith="campaign.defect_").order_by("pk")
    assert [entry.action for entry in actions] == ["campaign.defect_added", "campaign.defect_relabelled"]


def test_an_id_is_never_given_out_twice(custom_campaign: Campaign) -> None:
    lead = factories.make_lead()
    retire_defect(actor=lead, campaign=custom_campaign, defect="blur")
    relabel_defect(actor=lead, campaign=custom_campaign, defect="blur", label="soft picture")
    assert add_defect(actor=lead, campaign=custom_campaign, axis="visual", label="Blur") == "blur-2"
    assert add_defect(actor=lead, campaign=custom_campaign, axis="dynamic", label="blur") == "blur-3"


@given(label=st.text(min_size=1, max_size=80))
def test_every_id_fits_the_critics_grammar(label: str) -> None:
    entries: list[dict[str, Any]] = [dict(entry) for entry in SHORT]
    made = taxonomy._new_id(entries, "visual", label)
    assert made not in {entry["id"] for entry in SHORT}
    plain = AxisReport(3.0, (), "Nothing to say.")
    render(ReportCard(AxisReport(3.0, (Evidence(made),), "There it is."), plain, plain))


@pytest.mark.parametrize("label", ["", "  ", "...", "x" * 61, "Noise", "BLUR "])
def test_a_label_must_say_something_new(custom_campaign: Campaign, label: str) -> None:
    with pytest.raises(ValidationError) as caught:
        add_defect(actor=factories.make_lead(), campaign=custom_campaign, axis="visual", label=label)
    assert list(caught.value.message_dict) == ["label"]
    custom_campaign.refresh_from_db()
    assert custom_campaign.taxonomy == SHORT


def test_a_retired_defect_is_not_offered_and_may_come_back(custom_campaign: Campaign) -> None:
    lead = factories.make_lead()
    retire_defect(actor=lead, campaign=custom_campaign, defect="noise")
    assert list_offered(custom_campaign) == ["blur", "banding"]
    with pytest.raises(ValidationError, match="Restore it below"):
        add_defect(actor=lead, campaign=custom_campaign, axis="visual", label="noise")
    restore_defect(actor=lead, campaign=custom_campaign, defect="noise")
    assert list_offered(custom_campaign) == ["blur", "noise", "banding"]
    assert custom_campaign.taxonomy == SHORT


def test_defects_change_positions_within_their_axis(custom_campaign: Campaign) -> None:
    lead = factories.make_lead()
    retire_defect(actor=lead, campaign=custom_campaign, defect="noise")
    for defect, by, expected in (
        ("blur", 1, ["banding", "blur"]),
        ("blur", 1, ["banding", "blur"]),
        ("blur", -5, ["blur", "banding"]),
    ):
        move_defect(actor=lead, campaign=custom_campaign, defect=defect, by=by)
        assert list_offered(custom_campaign) == expected
    with pytest.raises(ValidationError, match="retired"):
        move_defect(actor=lead, campaign=custom_campaign, defect="noise", by=1)


def test_a_rating_that_names_a_retired_defect_still_shows_and_keeps_it(custom_campaign: Campaign) -> None:
    lead, rater = factories.make_lead(), factories.make_user()
    slot = factories.claim(rater, custom_campaign)
    given = factories.make_answers()
    given[Axis.VISUAL] = replace(given[Axis.VISUAL], evidence=(Evidence("noise"),))
    rating = factories.submit(rater, slot, answers=given)

    retire_defect(actor=lead, campaign=custom_campaign, defect="noise")

    assert list_offered(custom_campaign, chosen="noise") == ["blur", "noise", "banding"]
    changed = given | {Axis.DYNAMIC: replace(given[Axis.DYNAMIC], score=5)}
    factories.revise(rating, answers=changed)
    answer = AxisAnswer.objects.get(revision__is_current=True, axis="visual")
    assert answer.evidence == [{"defect": "noise", "time": None, "box": None}]


def test_a_draft_no_longer_proposes_a_retired_defect(custom_campaign: Campaign) -> None:
    retire_defect(actor=factories.make_lead(), campaign=custom_campaign, defect="blur")
    custom_campaign.refresh_from_db()
    item = custom_campaign.items.get()
    draft = factories.store_draft(item.pk, critic="c@1")
    proposed = make_prefills(custom_campaign, draft)[Axis.VISUAL]
    assert proposed["evidence"] == []
    assert proposed["no_defect"] is False  # the critic saw a defect, so the rater must say what they saw


def test_annotators_change_no_defects(custom_campaign: Campaign) -> None:
    with pytest.raises(PermissionDenied):
        retire_defect(actor=factories.make_user(), campaign=custom_campaign, defect="blur")
