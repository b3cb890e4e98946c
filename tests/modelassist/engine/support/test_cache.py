"""Keeping what comes first, within bounds."""

import pytest

from modelassist.engine.support.cache import Held


def test_who_comes_first_stays_and_the_rest_is_made_each_time() -> None:
    made: list[str] = []

    def make(key: str) -> str:
        made.append(key)
        return key

    held: Held[str] = Held(5, len)
    for key in ("aa", "bb", "cc", "d", "aa", "bb", "cc", "d"):
        assert held.get(key, lambda key=key: make(key)) == key  # type: ignore[misc]
    assert made == ["aa", "bb", "cc", "d", "cc"]


def test_what_is_held_may_have_another_form() -> None:
    held: Held[str] = Held(5, len)
    assert held.get("a", lambda: "abc", str.upper) == "abc"
    assert held.get("a", pytest.fail, str.upper) == "ABC"
