"""Keeping the last used, within bounds."""

import pytest

from modelassist.engine.held import Held


def test_the_last_used_stay_and_the_rest_makes_room() -> None:
    made: list[str] = []

    def make(key: str) -> str:
        made.append(key)
        return key

    held: Held[str] = Held(5, len)
    for key in ("aa", "bb", "aa", "cc", "aa", "bb"):
        assert held.get(key, lambda key=key: make(key)) == key  # type: ignore[misc]
    assert made == ["aa", "bb", "cc", "bb"]


def test_what_is_larger_than_all_room_is_held_alone() -> None:
    held: Held[str] = Held(3, len)
    held.get("a", lambda: "a")
    held.get("large", lambda: "large")
    assert held.get("large", pytest.fail) == "large"
    assert held.get("a", lambda: "again") == "again"
