"""Five thousand broken outputs: the parser agrees with the BNF on each, and names a line of each that it refuses."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.qsave.test_grammar import holds_for, mutated

pytestmark = pytest.mark.long


@settings(max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutated())
def test_the_parser_agrees_with_the_grammar(text: str) -> None:
    holds_for(text)
