import json

import jsonschema  # type: ignore[import-untyped]
from hypothesis import given, settings

from qsave.answers.check import NO_DEFECT
from qsave.answers.json_form import make_schema, render_json
from qsave.answers.reading import locate_levels, read_answer
from qsave.axes import AXES, name_level, round_to_level
from qsave.grammar import round_card
from qsave.proposal import Proposal
from qsave.report_card import ReportCard
from qsave.taxonomy import DEFAULT_TAXONOMY, Defect
from tests.qsave.test_grammar import CARD, cards


def list_defects(card: ReportCard) -> list[Defect]:
    """List a taxonomy of all that a card names, each defect once on each axis that names it."""
    return [Defect(piece.defect, axis, piece.defect) for axis in AXES for piece in card.axis(axis).evidence]


@settings(max_examples=25)
@given(cards)
def test_a_card_in_json_fits_the_schema_and_reads_as_itself(card: ReportCard) -> None:
    text = render_json(card)
    jsonschema.validate(json.loads(text), make_schema(list_defects(card)))

    levels = {axis: text[start:end] for axis, (start, end) in locate_levels(text).items()}

    assert levels == {axis: name_level(round_to_level(card.axis(axis).score)) for axis in AXES}


def test_the_documented_card_reads_as_itself_through_json() -> None:
    answer = read_answer(render_json(CARD), DEFAULT_TAXONOMY, 5.0)

    assert answer.proposal == Proposal.from_card(round_card(CARD))
    assert answer.refused == {}


def test_the_schema_is_strict_throughout() -> None:
    """OpenAI's strict mode wants every property required and no other allowed."""

    def list_objects(value: object) -> list[dict[str, object]]:
        if isinstance(value, dict):
            inner = [one for part in value.values() for one in list_objects(part)]
            return [*([value] if value.get("type") == "object" else []), *inner]
        return [one for part in value for one in list_objects(part)] if isinstance(value, list) else []

    objects = list_objects(make_schema(DEFAULT_TAXONOMY))

    assert len(objects) == 1 + len(AXES) * 4
    for one in objects:
        assert one["additionalProperties"] is False
        assert one["required"] == list(one["properties"])  # type: ignore[call-overload]


def test_the_default_taxonomy_has_no_word_for_no_defect() -> None:
    assert not NO_DEFECT & {defect.id for defect in DEFAULT_TAXONOMY}
