import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.models import Campaign
from annotation.rating.answers import Answer, AnswersRefused, answers_to_json, parse_answers
from annotation.rating.validation import check_answers, make_rules
from qsave.axes import AXES
from qsave.report_card import Box, Evidence, TimeRange

times = st.tuples(st.floats(0, 100), st.floats(0, 100)).map(lambda pair: TimeRange(*sorted(pair)))
pieces = st.builds(
    Evidence,
    st.sampled_from(["blur", "sliding", "x-1"]),
    st.none() | times,
    st.none() | st.just(Box(0.1, 0.2, 0.3, 0.4)),
)
answers = st.builds(
    Answer,
    score=st.integers(1, 5),
    evidence=st.lists(pieces, max_size=4).map(tuple),
    reason=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")).map(str.strip),
    draft_use=st.sampled_from(["none", "confirmed", "edited", "cleared"]),
    confirm_ms=st.none() | st.integers(0, 10_000),
)


@given(st.fixed_dictionaries(dict.fromkeys(AXES, answers)))
def test_answers_survive_their_json(cards: dict[Any, Answer]) -> None:
    assert parse_answers(json.loads(json.dumps(answers_to_json(cards)))) == cards


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
fields = st.sampled_from(["score", "evidence", "no_defect", "reason", "draft_use", "confirm_ms"])


@given(json_values | st.fixed_dictionaries(dict.fromkeys(AXES, st.dictionaries(fields, json_values) | json_values)))
def test_any_other_json_is_refused_by_field_and_never_breaks(value: object) -> None:
    assert check_outcome(value)


def check_outcome(value: object) -> bool:
    """Whether it was read whole, or refused with words for every field at fault."""
    try:
        return set(parse_answers(value)) == set(AXES)
    except AnswersRefused as refusal:
        return bool(refusal.problems) and all(refusal.problems.values())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"score": 6}, "visual.score"),
        ({"score": "4"}, "visual.score"),
        ({"score": True}, "visual.score"),
        ({"score": None}, "visual.score"),
        ({"evidence": [], "no_defect": False}, "visual.evidence"),
        ({"evidence": [{"defect": "blur"}], "no_defect": True}, "visual.evidence"),
        ({"evidence": [{"defect": "blur", "time": [10**400, 10**401]}]}, "visual.evidence"),
        ({"reason": 7}, "visual.reason"),
        ({"draft_use": []}, "visual.draft_use"),
        ({"confirm_ms": "soon"}, "visual.confirm_ms"),
    ],
)
def test_each_field_at_fault_is_named(change: dict[str, object], field: str) -> None:
    good = {"score": 4, "evidence": [], "no_defect": True, "reason": "It is sharp from edge to edge."}
    data = {axis.value: dict(good) for axis in AXES}
    data["visual"].update(change)

    with pytest.raises(AnswersRefused) as caught:
        parse_answers(data)

    assert set(caught.value.problems) == {field}


def test_an_axis_nobody_knows_is_named() -> None:
    with pytest.raises(AnswersRefused) as caught:
        parse_answers({"taste": {}})

    assert set(caught.value.problems) == {"taste", "visual", "dynamic", "alignment"}


@pytest.mark.parametrize(
    ("last", "now"),
    [("यह गेंद नीला है", "यह गेंद नाला है"), ("เห็นเสือในภาพ", "เห็นเสื้อในภาพ"), ("சிறுவன் ஓடுகிறான்", "சிறுமி ஓடுகிறாள்")],
)
def test_words_that_differ_in_a_vowel_sign_are_other_words(last: str, now: str) -> None:
    assert find_reason_problems(now, last=last) == []
    assert "the words of your last rating" in find_reason_problems(f"{last} !", last=last)[0]


def find_reason_problems(reason: str, *, last: str = "", prompt: str = "") -> list[str]:
    rules = make_rules(
        Campaign(min_reason_length=1),
        prompt=prompt,
        duration=1.0,
        last_reasons=dict.fromkeys(AXES, last),
        drafted_reasons={},
    )
    try:
        check_answers(dict.fromkeys(AXES, Answer(score=3, evidence=(), reason=reason)), rules)
    except AnswersRefused as refusal:
        return refusal.problems[f"{AXES[0]}.reason"]
    return []


def test_a_prompt_that_differs_in_a_vowel_sign_may_be_the_reason() -> None:
    assert find_reason_problems("एक नीला पक्षी", prompt="एक नाला पक्षी") == []
    assert "This is the prompt again" in find_reason_problems("एक नाला पक्षी।", prompt="एक नाला पक्षी")[0]
