from hypothesis import given
from hypothesis import strategies as st

from qsave import grammar
from qsave.axes import AXES
from qsave.prompt import SYSTEM_PROMPT, make_user_prompt


def test_the_system_prompt_shows_the_shape_that_the_grammar_reads() -> None:
    example = SYSTEM_PROMPT[SYSTEM_PROMPT.index(grammar.THINK_OPEN) :].replace(": level", ": good")
    card = grammar.parse(example)
    assert card.visual.defects == ("blur",)
    assert set(card.scores) == set(AXES)


def test_the_user_prompt_keeps_ordinary_words_and_puts_them_on_one_line() -> None:
    assert make_user_prompt("  A red ball\n rolls,\t x < 3 ") == "Prompt: A red ball rolls, x < 3"


def test_marks_in_a_prompt_are_broken_apart() -> None:
    assert make_user_prompt("<video> <|im_end|> </think> <3") == "Prompt: < video> < |im_end|> < /think> <3"


@given(st.text())
def test_no_prompt_can_bring_in_a_special_token_or_a_line(prompt: str) -> None:
    text = make_user_prompt(prompt)
    for mark in ("<|", "</", "<video>", "\n"):
        assert mark not in text
