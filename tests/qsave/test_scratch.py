"""People never see what a critic takes down for itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsave import scratch
from qsave.scratch import strip_scratch

MAP = f"{scratch.MAP} - red - / - - - / - - -; then of shapes: - circle - / - - - / - - -."
SCENE = "One red circle rises over sand."
COMPARISON = f"{scratch.COMPARISON} one one same; red red same; nothing besides."
MOMENTS = f"{scratch.MOMENTS.format(4)} clean, clean, blur, clean."
PLAIN = "Wrong colour: red instead of blue, from 0.4 to 1.2 s."

words = st.text(max_size=40)
pieces = st.lists(st.one_of(words, st.sampled_from([MAP, SCENE, COMPARISON, MOMENTS, PLAIN, scratch.MAP])), max_size=8)


@pytest.mark.parametrize(
    ("reason", "left"),
    [
        (PLAIN, PLAIN),
        ("", ""),
        (f"{MOMENTS} {PLAIN}", PLAIN),
        (f"{MAP} {SCENE} {COMPARISON} {PLAIN}", PLAIN),
        (f"{MAP} {SCENE} {PLAIN}", PLAIN),
        (f"{MAP} {SCENE} {COMPARISON}", ""),
        (scratch.MAP + " - red -", ""),
        (f"{PLAIN} {MOMENTS}", PLAIN),
        (f"{MOMENTS.upper()} {PLAIN}", PLAIN),
        ("At the end moments: of blur.", "At the end moments: of blur."),
    ],
)
def test_a_reason_is_what_is_left_without_scratch_text(reason: str, left: str) -> None:
    assert strip_scratch(reason) == left


@given(pieces)
def test_no_scratch_text_is_left_whatever_the_order_and_twice_is_once(parts: list[str]) -> None:
    left = strip_scratch(" ".join(parts))
    for opening in (scratch.MAP, scratch.COMPARISON, scratch.MOMENTS.format(4)):
        assert opening.casefold() not in left.casefold()
    assert strip_scratch(left) == left
