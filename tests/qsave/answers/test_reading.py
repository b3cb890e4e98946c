"""What models write instead of what was asked for: what is read nevertheless, and what is refused with which words."""

import contextlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsave.answers.guided import make_answer_pattern
from qsave.answers.json_form import render_json
from qsave.answers.reading import AnswerError, locate_levels, read_answer
from qsave.axes import AXES, LEVEL_WORDS, Axis, name_level
from qsave.grammar import GrammarError, parse, render
from qsave.proposal import AxisProposal, Proposal
from qsave.report_card import AxisReport, Evidence, TimeRange
from qsave.taxonomy import DEFAULT_TAXONOMY, Defect
from tests.qsave.test_grammar import CARD, TEXT

SECONDS = 5.0
JSON = render_json(CARD)
HARMLESS = {
    "grammar": TEXT,
    "space around": f"\n  {TEXT} \n",
    "prose before": f"Here is my grade.\n{TEXT}",
    "prose after": f"{TEXT}\nI hope that helps.",
    "a code fence": f"```\n{TEXT}\n```",
    "a level in capitals": TEXT.replace("visual: good", "visual: Good"),
    "an axis in capitals": TEXT.replace("visual: good", "Visual: GOOD"),
    "a trailing space": TEXT.replace("visual: good", "visual: good  "),
    "blank lines": TEXT.replace("\n", "\n\n"),
    "blank lines in prose": "Well.\n\n" + TEXT.replace("\n", "\n\n") + "\n\nSo.",
    "returns": TEXT.replace("\n", "\r\n"),
    "no space before a level": TEXT.replace("dynamic: poor", "dynamic:poor"),
    "an earlier thought": f"<think>\n[visual] hm\n</think>\n{TEXT}",
    "no defect in words": TEXT.replace("is there.", "is there. (none)"),
    "JSON": JSON,
    "JSON in a code fence": f"```json\n{JSON}\n```",
    "JSON in prose": f"Sure: {JSON} That is all.",
    "JSON over lines": json.dumps(json.loads(JSON), indent=2),
    "JSON after a thought": f"<think>Maybe {{x}} or {{'a': 1}}</think>{JSON}",
    "JSON after a drafted one": JSON.replace("good", "bad") + JSON,
    "JSON in another order": json.dumps(dict(reversed(json.loads(JSON).items()))),
    "JSON with more keys": JSON.replace('"reason"', '"score": 9, "reason"'),
    "JSON with a level in capitals": JSON.replace('"good"', '"Good"'),
}


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_a_harmless_deviation_is_read(text: str) -> None:
    answer = read_answer(text, DEFAULT_TAXONOMY, SECONDS)

    assert answer.proposal == Proposal.from_card(CARD)
    located = {axis: text[start:end].lower() for axis, (start, end) in locate_levels(text).items()}
    assert located == {axis: name_level(round(CARD.axis(axis).score)) for axis in AXES}


REFUSED = {
    "": "is not in the form",
    "I cannot see a video.": "is not in the form",
    "{}": "is not in the form",
    "[1, 2]": "is not in the form",
    "{" * 50_000: "is not in the form",
    '{"a":' * 50_000: "is not in the form",
    TEXT[:-60]: "is not in the form",
    TEXT.replace("poor", "4"): "is not in the form",
    TEXT.replace("poor", "terrible"): "unknown level",
    TEXT.replace("[dynamic]", "dynamic:"): "expected '[dynamic]'",
    '{"visual": 3}': "no usable axis (visual: it is not an object but '3'; dynamic: it is missing",
    '{"visual": {"reason": "x", "evidence": [], "level": 3}}': "level is not one of bad, poor",
    '{"visual": {"reason": "x", "evidence": "blur", "level": "good"}}': "evidence is not a list",
    '{"visual": {"evidence": [], "level": "good"}}': "reason is not text",
}


@pytest.mark.parametrize(("text", "words"), REFUSED.items(), ids=[str(number) for number in range(len(REFUSED))])
def test_another_text_is_refused_in_a_sentence(text: str, words: str) -> None:
    with pytest.raises(AnswerError) as refusal:
        read_answer(text, DEFAULT_TAXONOMY, SECONDS)

    assert words in str(refusal.value)
    assert str(refusal.value).endswith(").")
    assert len(str(refusal.value)) < 500


@pytest.mark.parametrize(
    ("evidence", "taxonomy", "expected"),
    [
        ({}, DEFAULT_TAXONOMY, None),
        ({"evidence": None}, DEFAULT_TAXONOMY, None),
        ({"evidence": []}, DEFAULT_TAXONOMY, ()),
        ({"evidence": []}, [defect for defect in DEFAULT_TAXONOMY if defect.axis != "visual"], None),
    ],
)
def test_an_answer_that_was_not_asked_for_defects_or_leaves_them_out_says_nothing_of_them(
    evidence: dict[str, object], taxonomy: Sequence[Defect], expected: tuple[()] | None
) -> None:
    text = json.dumps({"visual": {"reason": "Clear.", "level": "good", **evidence}})
    visual = read_answer(text, taxonomy, SECONDS).proposal.visual
    assert visual == AxisProposal(expected, "Clear.", 4)


PIECES = {
    "an unknown defect": (Evidence("grain"), "'grain' is not a defect of this campaign"),
    "one of another axis": (Evidence("frozen"), "'frozen' is a defect of dynamic, not of visual"),
    "after the end": (Evidence("noise", TimeRange(400, 1200)), "'noise' at 400-1200 s is outside the clip of 5 s"),
    "far past the end": (Evidence("noise", TimeRange(1, 9)), "'noise' at 1-9 s is outside the clip of 5 s"),
}


@pytest.mark.parametrize("render_form", [render, render_json])
@pytest.mark.parametrize(("piece", "words"), PIECES.values(), ids=PIECES)
def test_a_wrong_piece_of_evidence_is_left_out_and_named(piece: Evidence, words: str, render_form: object) -> None:
    assert callable(render_form)
    card = replace(CARD, visual=replace(CARD.visual, evidence=(*CARD.visual.evidence, piece)))
    answer = read_answer(render_form(card), DEFAULT_TAXONOMY, SECONDS)

    assert answer.proposal.visual is not None
    assert answer.proposal.visual.evidence == CARD.visual.evidence
    assert answer.proposal.visual.note == f"Left out: {words}."
    assert answer.proposal.dynamic == Proposal.from_card(CARD).dynamic


@pytest.mark.parametrize("render_form", [render, render_json])
def test_an_axis_that_keeps_no_evidence_does_not_say_no_defect(render_form: object) -> None:
    assert callable(render_form)
    card = replace(CARD, visual=AxisReport(2, (Evidence("grain"),), "It is grainy."))
    answer = read_answer(render_form(card), DEFAULT_TAXONOMY, SECONDS)

    assert answer.proposal.visual is None
    assert answer.refused == {Axis.VISUAL: "none of its evidence can be used: 'grain' is not a defect of this campaign"}


@pytest.mark.parametrize(
    "piece",
    [
        3,
        {"defect": 7, "time": None, "box": None},
        {"defect": "blur", "time": {"start": 2, "end": 1}, "box": None},
        {"defect": "blur", "time": {"start": "0:01", "end": 1}, "box": None},
        {"defect": "blur", "time": [0, 1], "box": None},
        {"defect": "blur", "time": {"start": 10**400, "end": 1}, "box": None},
        {"defect": "blur", "time": None, "box": {"left": 90, "top": 0, "width": 20, "height": 10}},
    ],
)
def test_a_malformed_piece_of_evidence_is_left_out(piece: object) -> None:
    value = json.loads(JSON)
    value["visual"]["evidence"].append(piece)
    answer = read_answer(json.dumps(value), DEFAULT_TAXONOMY, SECONDS)

    assert answer.proposal.visual is not None
    assert answer.proposal.visual.evidence == CARD.visual.evidence
    assert answer.proposal.visual.note.startswith("Left out: ")


def test_a_time_just_past_the_end_is_cut_to_the_end() -> None:
    card = replace(CARD, visual=replace(CARD.visual, evidence=(Evidence("blur", TimeRange(4, 5.2)),)))
    answer = read_answer(render(card), DEFAULT_TAXONOMY, SECONDS)

    assert answer.proposal.visual is not None
    assert answer.proposal.visual.evidence == (Evidence("blur", TimeRange(4, 5)),)
    assert not answer.proposal.visual.note


def test_one_wrong_axis_of_json_leaves_the_others() -> None:
    value = json.loads(JSON)
    value["dynamic"]["level"] = "so so"
    answer = read_answer(json.dumps(value), DEFAULT_TAXONOMY, SECONDS)

    assert set(answer.proposal.axes) == {Axis.VISUAL, Axis.ALIGNMENT}
    assert "unknown level 'so so'" in answer.refused[Axis.DYNAMIC]


@given(st.text(max_size=300) | st.text(alphabet='{}[]",:\n visualdyncgmetodp0123456789<>/thinkasw', max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(AnswerError):
        assert read_answer(text, DEFAULT_TAXONOMY, SECONDS).proposal.axes
    locate_levels(text)


@given(st.from_regex(make_answer_pattern([d for d in DEFAULT_TAXONOMY if d.id in {"blur", "frozen"}]), fullmatch=True))
def test_what_the_pattern_allows_parses_but_for_places_out_of_order(text: str) -> None:
    try:
        card = parse(text)
    except GrammarError as error:
        problem = str(error)
        card = None
    else:
        problem = ""

    assert card is not None or re.search("time range|box must be", problem)
    if card is not None:
        assert {piece.defect for piece in card.visual.evidence} <= {"blur"}
        assert not card.alignment.evidence


def test_the_pattern_allows_the_documented_text_without_its_brackets() -> None:
    text = TEXT.replace("(left) ", "")

    assert re.fullmatch(make_answer_pattern(DEFAULT_TAXONOMY), text)
    assert not re.fullmatch(make_answer_pattern(DEFAULT_TAXONOMY), text.replace("blur", "grain"))
    assert all(word in make_answer_pattern(DEFAULT_TAXONOMY) for word in LEVEL_WORDS)
