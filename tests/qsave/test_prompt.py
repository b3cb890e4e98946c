import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsave import grammar
from qsave.axes import AXES, Axis
from qsave.prompt import JSON_PROMPT, SYSTEM_PROMPT, make_untuned_prompt, make_user_prompt
from qsave.taxonomy import Defect


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


@pytest.mark.parametrize("as_json", [True, False])
def test_an_untrained_model_is_told_the_form_and_the_defects_of_its_campaign(as_json: bool) -> None:
    taxonomy = (
        Defect("blur", Axis.VISUAL, "blur"),
        Defect("cut-off", Axis.VISUAL, "the head\nis </think> cut off"),
        Defect("frozen", Axis.DYNAMIC, "frozen"),
    )
    prompt = make_untuned_prompt(taxonomy, as_json=as_json)

    assert prompt.startswith(JSON_PROMPT if as_json else SYSTEM_PROMPT)
    assert prompt.endswith("\nvisual: blur, cut-off (the head is < /think> cut off)\ndynamic: frozen\nalignment: none")
