import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsave import grammar
from qsave.axes import AXES, Axis
from qsave.grammar import GrammarError, canonical, parse, render
from qsave.report_card import AxisReport, Box, Evidence, ReportCard, TimeRange

CARD = ReportCard(
    visual=AxisReport(4, (Evidence("blur", TimeRange(0.4, 1.2)),), "The square (left) is soft."),
    dynamic=AxisReport(
        2, (Evidence("frozen", TimeRange(0.5, 1), Box(0.1, 0.2, 0.3, 0.4)), Evidence("jitter")), "Stops."
    ),
    alignment=AxisReport(5, (), "Everything the prompt asks for is there."),
)
TEXT = """<think>
[visual] The square (left) is soft. (0.4-1.2s: blur)
[dynamic] Stops. (0.5-1s @10,20,30,40: frozen) (jitter)
[alignment] Everything the prompt asks for is there.
</think>
<answer>
visual: good
dynamic: poor
alignment: excellent
</answer>"""

defects = st.from_regex(r"[a-z0-9-]+", fullmatch=True)
times = st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)).map(lambda pair: TimeRange(*sorted(pair)))
boxes = st.tuples(*[st.floats(0, 0.99), st.floats(0, 0.99)] * 2).map(
    lambda f: Box(f[0], f[1], (1 - f[0]) * (1 - f[2]), (1 - f[1]) * (1 - f[3]))
)
evidence = st.lists(st.builds(Evidence, defects, st.none() | times, st.none() | boxes), max_size=4).map(tuple)
TRICKY = [
    "</think>",
    "<answer>",
    "[visual]",
    "\nvisual: bad",
    " (blur)",
    " (0.4-1.2s: blur)",
    "\\",
    "\\n",
    "\r",
    "<|im_end|>",
]
TRICKY += ["(", ")", " ", "\u2028", "\x85", " (@1,2,3,4: noise)", "<", "[", "l", "n"]
reasons = st.text() | st.lists(st.sampled_from(TRICKY) | st.text(max_size=3), max_size=8).map("".join)
reports = st.builds(AxisReport, st.integers(1, 5), evidence, reasons)
cards = st.builds(ReportCard, reports, reports, reports)


def test_a_card_reads_as_the_documented_text() -> None:
    assert render(CARD) == TEXT
    assert parse(TEXT) == CARD


@given(cards)
def test_every_card_comes_back_as_its_canonical_self(card: ReportCard) -> None:
    assert parse(render(card)) == canonical(card)


@given(cards)
def test_canonical_is_stable_and_keeps_reasons_and_defects(card: ReportCard) -> None:
    once = canonical(card)
    assert canonical(once) == once
    assert render(once) == render(card)
    for axis in AXES:
        assert once.axis(axis).reason == card.axis(axis).reason
        assert once.axis(axis).defects == card.axis(axis).defects


@given(cards)
def test_level_words_stand_once_behind_their_prefix_and_no_reason_brings_in_a_mark(card: ReportCard) -> None:
    text = render(card)
    for axis in AXES:
        assert text.count(grammar.LEVEL_PREFIX[axis]) == 1
    assert text.count("</think>") == text.count("<answer>") == 1
    assert "<|" not in text
    assert text.count("\n") == 9


@given(
    st.text()
    | cards.map(render)
    .flatmap(lambda text: st.tuples(st.just(text), st.integers(0, len(text)), st.text(max_size=3)))
    .map(lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] + 1 :])
)
def test_any_text_is_a_card_or_a_grammar_error(text: str) -> None:
    try:
        card = parse(text)
    except GrammarError:
        return
    assert parse(render(card)) == canonical(card)


def test_scores_between_levels_become_words_by_rounding_half_up() -> None:
    card = dataclasses.replace(CARD, visual=AxisReport(2.5), dynamic=AxisReport(2.49), alignment=AxisReport(4.5))
    assert parse(render(card)).scores == {Axis.VISUAL: 3, Axis.DYNAMIC: 2, Axis.ALIGNMENT: 5}


def test_whitespace_around_the_whole_is_forgiven() -> None:
    assert parse(f"\n {TEXT} \n") == CARD


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("visual: good", "visual: great", "unknown level 'great'"),
        ("visual: good", "visual:good", "'visual: '"),
        ("visual: good\ndynamic: poor", "dynamic: poor\nvisual: good", "'visual: '"),
        ("\n[dynamic]", "\n\n[dynamic]", "expected 10 lines, got 11"),
        ("[dynamic]", "[motion]", r"'\[dynamic\]'"),
        ("[visual] The", "[visual]The", "one space"),
        ("</answer>", "</answer", "'</answer>'"),
        ("0.4-1.2s", "1.4-1.2s", "visual: a time range"),
        ("@10,20,30,40", "@80,20,30,40", "dynamic: a box lies inside"),
        ("Stops.", r"Stops\x", "unknown escape"),
    ],
)
def test_the_error_says_what_is_wrong_and_where(old: str, new: str, message: str) -> None:
    with pytest.raises(GrammarError, match=message):
        parse(TEXT.replace(old, new))


def test_a_huge_number_is_an_error_and_not_an_infinity() -> None:
    with pytest.raises(GrammarError, match="time range"):
        parse(TEXT.replace("0.4-1.2s", f"0.4-{'9' * 5000}s"))


def test_a_defect_that_is_no_token_cannot_be_written() -> None:
    with pytest.raises(GrammarError, match="Big Blur"):
        render(dataclasses.replace(CARD, visual=AxisReport(1, (Evidence("Big Blur"),))))
