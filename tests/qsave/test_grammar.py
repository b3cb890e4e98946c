import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsave import grammar
from qsave.axes import AXES, LEVEL_WORDS, Axis
from qsave.grammar import GrammarError, parse, render, round_card
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
    assert parse(render(card)) == round_card(card)


@given(cards)
def test_canonical_is_stable_and_keeps_reasons_and_defects(card: ReportCard) -> None:
    once = round_card(card)
    assert round_card(once) == once
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
    assert parse(render(card)) == round_card(card)


def test_scores_between_levels_become_words_by_rounding_half_up() -> None:
    card = dataclasses.replace(CARD, visual=AxisReport(2.5), dynamic=AxisReport(2.49), alignment=AxisReport(4.5))
    assert parse(render(card)).scores == {Axis.VISUAL: 3, Axis.DYNAMIC: 2, Axis.ALIGNMENT: 5}


def test_whitespace_around_the_whole_is_forgiven() -> None:
    assert parse(f"\n {TEXT} \n") == CARD


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("<think>\n", "", 1, "expected '<think>', got '[visual] The square (left) is soft. (0.4-1.2s: blur)'"),
        ("<think>", "<Think>", 1, "expected '<think>', got '<Think>'"),
        ("<think>", "Sure! <think>", 1, "expected '<think>', got 'Sure! <think>'"),
        ("[visual]", "[dynamic]", 2, "expected '[visual]' and a reason, got '[dynamic] The"),
        ("[visual]", " [visual]", 2, "expected '[visual]' and a reason, got ' [visual] The"),
        ("[visual] The", "[visual]The", 2, "visual: expected one space and a reason after '[visual]', got 'The"),
        (
            "[alignment] Everything the prompt asks for is there.",
            "[alignment] ",
            4,
            "alignment: expected one space and a r",
        ),
        ("0.4-1.2s", "1.4-1.2s", 2, "visual: a time range needs 0 <= start <= end, got 1.4-1.2"),
        ("@10,20,30,40", "@80,20,30,40", 3, "dynamic: a box must be inside the frame"),
        ("@10,20,30,40", "@10,20,0,40", 3, "dynamic: a box must be inside the frame"),
        ("Stops.", r"Stops\x", 3, r"dynamic: unknown escape '\\x' in the reason; there is \\ \n \r \l \[ \("),
        ("Stops.", "Stops\\", 3, r"dynamic: unknown escape '\\' in the reason"),
        ("Stops.", "Stops\r", 3, r"dynamic: a raw carriage return; in a reason it is written \r"),
        ("\n[dynamic]", "\n\n[dynamic]", 3, "expected '[dynamic]' and a reason, got ''"),
        ("[dynamic]", "[motion]", 3, "expected '[dynamic]' and a reason, got '[motion]"),
        ("soft. ", "soft.\nAnd more. ", 3, "expected '[dynamic]' and a reason, got 'And more."),
        ("</think>\n", "", 5, "expected '</think>', got '<answer>'"),
        ("</think>", "</think> ", 5, "expected '</think>', got '</think> '"),
        ("<answer>", "<answer>\nvisual: good", 8, "expected 'dynamic: ' and a level, got 'visual: good'"),
        (
            "visual: good",
            "visual: great",
            7,
            "visual: unknown level 'great'; expected one of bad, poor, fair, good, exc",
        ),
        ("visual: good", "visual: good.", 7, "visual: unknown level 'good.'"),
        ("visual: good", "visual: 4", 7, "visual: unknown level '4'"),
        ("visual: good", "visual: good\r", 7, r"visual: unknown level 'good\r'"),
        ("visual: good", "visual:good", 7, "expected 'visual: ' and a level, got 'visual:good'"),
        (
            "visual: good\ndynamic: poor",
            "dynamic: poor\nvisual: good",
            7,
            "expected 'visual: ' and a level, got 'dynamic",
        ),
        ("\ndynamic: poor", "", 8, "expected 'dynamic: ' and a level, got 'alignment: excellent'"),
        ("</answer>", "</answer", 10, "expected '</answer>', got '</answer'"),
        ("\n</answer>", "", 10, "the text ends; expected '</answer>'"),
        ("alignment: excellent\n</answer>", "", 9, "the text ends; expected the line of alignment"),
        ("</answer>", "</answer>\nI hope this helps!", 11, "expected the end, got 'I hope this helps!'"),
        (TEXT, "", 1, "expected '<think>', got ''"),
        (TEXT, "A" * 500, 1, f"expected '<think>', got '{'A' * 80}…'"),
    ],
)
def test_the_error_says_what_was_expected_in_which_line(old: str, new: str, line: int, message: str) -> None:
    with pytest.raises(GrammarError) as caught:
        parse(TEXT.replace(old, new))
    assert caught.value.line == line
    assert f"line {line}: {message}" in str(caught.value)


def test_lines_are_counted_as_a_reader_counts_them() -> None:
    with pytest.raises(GrammarError, match=r"^line 9: visual: unknown level"):
        parse("\n \n" + TEXT.replace("visual: good", "visual: great"))


# The grammar once more, as regular expressions written from the BNF alone: what they refuse, the parser must refuse.
_ITEM = r"(?:(?:\d+(?:\.\d+)?-\d+(?:\.\d+)?s(?: @\d{1,3}(?:,\d{1,3}){3})?|@\d{1,3}(?:,\d{1,3}){3}): )?[a-z0-9-]+"
_REASON = r"(?:[^\\\n\r]|\\[nr\\(\[l])+?"
_THINK = "".join(rf"\[{axis}\](?: (?P<{axis}>{_REASON}))??(?: \({_ITEM}\))*\n" for axis in AXES)
_LEVELS = "".join(rf"{axis}: (?:bad|poor|fair|good|excellent)\n" for axis in AXES)
BNF = re.compile(rf"<think>\n{_THINK}</think>\n<answer>\n{_LEVELS}</answer>", re.ASCII)
ENDS_IN_ITEM = re.compile(rf"(?s:.*) \({_ITEM}\)", re.ASCII)


def is_in_the_grammar(text: str) -> bool:
    match = BNF.fullmatch(text)
    return match is not None and not any(ENDS_IN_ITEM.fullmatch(reason) for reason in match.groups() if reason)


PIECES = [*TRICKY, *(f"[{axis}]" for axis in AXES), *(f"{axis}: " for axis in AXES), *LEVEL_WORDS, "\n", " ", "0.5-1s"]
PIECES += ["<think>\n", "</think>\n", "<answer>\n", "</answer>", ": ", "@1,2,3,4", "\\(", "\\l", "9", "٣"]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A well-formed text with a few accidents: cut, doubled, swapped or dropped lines, and bits of the grammar where
    they do not belong."""
    text = draw(cards.map(render))
    for _ in range(draw(st.integers(1, 3))):
        lines = text.split("\n")
        place, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        start, end = sorted(draw(st.integers(0, len(text))) for _ in range(2))
        kind = draw(st.sampled_from(["insert", "replace", "drop", "double", "swap", "cut"]))
        if kind in ("insert", "replace"):
            text = text[:start] + draw(st.sampled_from(PIECES)) + text[start if kind == "insert" else end :]
        elif kind == "cut":
            text = text[:start]
        else:
            if kind == "swap":
                lines[place], lines[other] = lines[other], lines[place]
            else:
                lines[place : place + 1] = [] if kind == "drop" else [lines[place]] * 2
            text = "\n".join(lines)
    return text


def outcome(text: str) -> ReportCard | GrammarError:
    try:
        return parse(text)
    except GrammarError as error:
        return error


def holds_for(text: str) -> None:
    """The parser takes what the BNF takes, but for times that end before they start and boxes outside the frame."""
    found, inside = outcome(text), is_in_the_grammar(text.strip())
    if isinstance(found, GrammarError):
        assert not inside or "a time range" in str(found) or "a box" in str(found)
        assert found.line is not None
        assert 1 <= found.line <= text.count("\n") + 2
    else:
        assert inside
        assert parse(render(found)) == round_card(found)


@given(mutated())
def test_the_parser_takes_what_the_grammar_says_and_nothing_else(text: str) -> None:
    holds_for(text)


@given(cards, st.integers(0, 9), st.sampled_from(["", "x", "<answer>", "visual: good"]))
def test_the_line_that_is_wrong_is_the_line_that_is_named(card: ReportCard, place: int, wrong: str) -> None:
    lines = render(card).split("\n")
    if lines[place] == wrong:
        return
    lines[place] = wrong
    with pytest.raises(GrammarError) as caught:
        parse("\n".join(lines))
    # of an empty first or last line nothing is left: the next one takes its place, or the text ends before it
    assert caught.value.line == (place + 1 if wrong or 0 < place < 9 else 2 if place == 0 else 10)


def test_a_huge_number_is_an_error_and_not_an_infinity() -> None:
    with pytest.raises(GrammarError, match="time range"):
        parse(TEXT.replace("0.4-1.2s", f"0.4-{'9' * 5000}s"))


def test_a_defect_that_is_no_token_cannot_be_written() -> None:
    with pytest.raises(GrammarError, match="Big Blur"):
        render(dataclasses.replace(CARD, visual=AxisReport(1, (Evidence("Big Blur"),))))
