"""The rules that a rating's answers must meet."""

from dataclasses import replace

import pytest

from accounts.models import User
from annotation.models import Campaign
from annotation.rating.answers import AnswersRefused
from qsave.axes import Axis
from qsave.report_card import Evidence, TimeRange
from tests.annotation import factories
from tests.annotation.rating.refusals import expect_refusal

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"score": 6}, "visual.score"),
        ({"score": 0}, "visual.score"),
        ({"reason": ""}, "visual.reason"),
        ({"reason": "  too short   "}, "visual.reason"),
        ({"reason": "! ? ! ? ! ? ! ? ! ? ! ? ! ?"}, "visual.reason"),
        ({"reason": "x" * 5000}, "visual.reason"),
        ({"evidence": (Evidence("sliding"),)}, "visual.evidence"),
        ({"evidence": (Evidence("blur", TimeRange(0, 99)),)}, "visual.evidence"),
    ],
)
def test_an_answer_that_breaks_a_rule_is_refused_by_field(
    rater: User, campaign: Campaign, change: dict[str, object], field: str
) -> None:
    slot, given = factories.claim(rater, campaign), factories.make_answers()
    given[Axis.VISUAL] = replace(given[Axis.VISUAL], **change)  # type: ignore[arg-type]  # wrong on purpose

    problems = expect_refusal(lambda: factories.submit(rater, slot, answers=given))

    assert set(problems) == {field}


def test_a_missing_axis_is_named(rater: User, campaign: Campaign) -> None:
    given = factories.make_answers()
    del given[Axis.DYNAMIC]

    assert set(expect_refusal(lambda: factories.submit(rater, factories.claim(rater, campaign), answers=given))) == {
        "dynamic"
    }


def test_the_prompt_is_no_reason(rater: User, campaign: Campaign) -> None:
    slot = factories.claim(rater, campaign)
    shouted = slot.item.clip.prompt.upper() + "!"

    problems = expect_refusal(lambda: factories.submit(rater, slot, answers=factories.make_answers(reason=shouted)))

    assert "prompt" in problems["visual.reason"][0]


def test_the_reasons_of_a_raters_last_rating_are_refused_but_those_of_an_earlier_one_are_not(
    rater: User, campaign: Campaign
) -> None:
    given = factories.make_answers()
    factories.submit(rater, factories.claim(rater, campaign), answers=given)

    with pytest.raises(AnswersRefused, match="last rating"):
        factories.submit(rater, factories.claim(rater, campaign), answers=given)
    factories.submit(rater, factories.claim(rater, campaign))
    factories.submit(rater, factories.claim(rater, campaign), answers=given)


def test_the_reason_may_be_waived_for_excellent_without_a_defect(rater: User) -> None:
    campaign = factories.make_campaign(2, waives_reason_when_excellent=True)
    slot = factories.claim(rater, campaign)
    expect_refusal(lambda: factories.submit(rater, slot, answers=factories.make_answers(4, reason="")))

    assert factories.submit(rater, slot, answers=factories.make_answers(5, reason="")).slot_id == slot.pk


def test_hostile_characters_in_a_reason_are_dropped_not_stored(rater: User, campaign: Campaign) -> None:
    words = "The colours \x00 swim \ud800 all over <script>"

    rating = factories.submit(rater, factories.claim(rater, campaign), answers=factories.make_answers(reason=words))

    stored = rating.revisions.get().answers.get(axis="visual").reason
    assert stored == "The colours  swim ? all over <script>"


def test_a_viewing_record_that_is_too_large_is_refused(rater: User, campaign: Campaign) -> None:
    slot = factories.claim(rater, campaign)

    assert "viewing" in expect_refusal(lambda: factories.submit(rater, slot, viewing={"stalls": "x" * 9000}))
