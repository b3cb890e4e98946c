"""A cache stores what comes first, within its bound."""

import pytest

from modelassist.engine.support.cache import BoundedCache


def test_the_first_values_stay_and_the_others_are_made_each_time() -> None:
    made: list[str] = []

    def make(key: str) -> str:
        made.append(key)
        return key

    cache: BoundedCache[str] = BoundedCache(5, len)
    for key in ("aa", "bb", "cc", "d", "aa", "bb", "cc", "d"):
        assert cache.get(key, lambda key=key: make(key)) == key  # type: ignore[misc]
    assert made == ["aa", "bb", "cc", "d", "cc"]


def test_a_value_may_be_stored_in_another_form() -> None:
    cache: BoundedCache[str] = BoundedCache(5, len)
    assert cache.get("a", lambda: "abc", str.upper) == "abc"
    assert cache.get("a", pytest.fail, str.upper) == "ABC"
