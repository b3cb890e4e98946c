"""Answers that the site must refuse."""

from collections.abc import Callable

import pytest

from annotation.models import Rating
from annotation.rating.answers import AnswersRefused


def expect_refusal(call: Callable[..., object]) -> dict[str, list[str]]:
    """Return the problems by field for which the call is refused; fail if it stores a rating."""
    with pytest.raises(AnswersRefused) as caught:
        call()
    assert not Rating.objects.exists()
    return caught.value.problems
