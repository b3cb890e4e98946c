import re
from dataclasses import replace
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from accounts.audit_trail import describe_entries
from accounts.models import AuditEntry
from annotation.agreement import reviews
from annotation.models import Item, Review
from annotation.rating.answers import AnswersRefused
from annotation.rating.validation import EVIDENCE_LIMIT, REASON_LIMIT, validate_answers
from qsave.axes import Axis
from qsave.report_card import Evidence, TimeRange, card_from_json
from tests.annotation import factories

pytestmark = pytest.mark.django_db


def test_a_review_stores_its_card() -> None:
    item = factories.make_campaign(1).items.get()

    decision = reviews.review(actor=factories.make_lead(), item=item, card=factories.make_card(4), note=" clear ")

    assert (card_from_json(decision.card), decision.note) == (factories.make_card(4), "clear")
    assert AuditEntry.objects.filter(action="item.reviewed", target_id=str(item.pk)).exists()


PIECE = Evidence("blur")
FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "a time after the clip": ("evidence", {"evidence": (Evidence("blur", TimeRange(0, 99)),)}),
    "a defect of another axis": ("evidence", {"evidence": (Evidence("jitter"),)}),
    "too much evidence": ("evidence", {"evidence": (PIECE,) * (EVIDENCE_LIMIT + 1)}),
    "a long reason": ("reason", {"reason": "so blurred " * REASON_LIMIT}),
    "half a level": ("score", {"score": 2.5}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_leads_card_obeys_the_rules_of_raters_answers(fault: str) -> None:
    campaign = factories.make_campaign(1)
    item = Item.objects.select_related("campaign", "clip").get()
    field, changes = FAULTS[fault]
    answers = factories.make_answers(3)
    answers[Axis.VISUAL] = replace(answers[Axis.VISUAL], **changes)
    card = replace(factories.make_card(), visual=replace(factories.make_card().visual, **changes))
    with pytest.raises(AnswersRefused) as of_rater:
        validate_answers(campaign, answers, None, prompt="", duration=item.clip.duration, last_reasons={})
    with pytest.raises(AnswersRefused) as of_lead:
        reviews.review(actor=campaign.created_by, item=item, card=card, note="")
    assert of_lead.value.problems == of_rater.value.problems
    assert set(of_lead.value.problems) == {f"visual.{field}"}
    assert not Review.objects.exists()


def test_screening_needs_a_verdict_a_reason_and_a_rater_of_this_campaign() -> None:
    campaign, stranger = factories.make_campaign(1), factories.make_user()

    with pytest.raises(AnswersRefused) as caught:
        reviews.screen(actor=factories.make_lead(), campaign=campaign, rater=stranger, verdict="gone", reason=" ")

    assert set(caught.value.problems) == {"verdict", "reason", "rater"}


def test_the_newest_verdict_on_a_rater_is_the_last_one_given() -> None:
    campaign, rater, lead = factories.make_campaign(1), factories.make_user(), factories.make_lead()
    factories.rate_all(rater, campaign)
    for verdict in ("screened", "kept"):
        reviews.screen(actor=lead, campaign=campaign, rater=rater, verdict=verdict, reason="all threes")

    assert campaign.screenings.order_by("-pk").values_list("verdict", flat=True)[0] == "kept"


def test_annotators_neither_review_nor_screen() -> None:
    campaign, rater = factories.make_campaign(1), factories.make_user()

    with pytest.raises(PermissionDenied):
        reviews.review(actor=rater, item=campaign.items.get(), card=factories.make_card(), note="")
    with pytest.raises(PermissionDenied):
        reviews.screen(actor=rater, campaign=campaign, rater=rater, verdict="kept", reason="fine")


@pytest.mark.parametrize(("verdict", "words"), [("screened", "screened"), ("kept", "decided that the ratings of")])
def test_the_audit_trail_tells_a_verdict(verdict: str, words: str) -> None:
    campaign, rater = factories.make_campaign(1), factories.make_user()
    factories.rate_all(rater, campaign)

    reviews.screen(actor=factories.make_lead(), campaign=campaign, rater=rater, verdict=verdict, reason="all threes")

    (row,) = describe_entries(AuditEntry.objects.filter(action="rater.screened"))
    assert f" {words} " in re.sub(r"<[^>]+>", "", row.sentence)
