"""Text of others is read, or refused with a ValueError: a deep one too."""

from collections.abc import Callable
from typing import Any

import pytest

from qsave.parsing import parse_json, parse_toml


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, b"[" * 100_000])
def test_deep_json_is_refused_like_any_other_that_cannot_be_read(text: str | bytes) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json(text)


def test_deep_toml_is_refused_like_any_other_that_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_toml("a = " + "[" * 100_000)


@pytest.mark.parametrize(("parse", "text"), [(parse_json, "{"), (parse_json, b"\xff"), (parse_toml, "a = ")])
def test_what_is_no_json_and_no_toml_is_a_value_error(parse: Callable[[Any], object], text: object) -> None:
    with pytest.raises(ValueError):
        parse(text)


def test_whole_texts_are_read() -> None:
    assert parse_json('{"a": [1]}') == {"a": [1]}
    assert parse_toml("a = [1]") == {"a": [1]}
