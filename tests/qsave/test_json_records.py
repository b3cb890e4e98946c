"""Records of figures survive a round through JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsave.axes import AXES, Axis
from qsave.json_records import NOT_STORED, decode_record, encode_record
from qsave.statistics.evidence import Weighed
from qsave.statistics.figures import Estimate, Figure, Interval, Undefined


@dataclass(frozen=True, slots=True)
class Row:
    name: object
    axis: Axis
    figure: Figure
    weighed: Weighed
    by_axis: Mapping[Axis, tuple[Estimate, ...]]
    by_key: Mapping[int, float]
    pair: tuple[str, int]
    maybe: Estimate | None
    is_new: bool
    live: list[str] = field(default_factory=list, metadata=NOT_STORED)


reasons = st.builds(Undefined, st.text())
figures = st.one_of(st.floats(allow_nan=False), reasons)
intervals = st.one_of(st.builds(Interval, st.floats(allow_nan=False), st.floats(allow_nan=False), st.text()), reasons)
estimates = st.builds(Estimate, figures, intervals)
rows = st.builds(
    Row,
    name=st.one_of(st.integers(), st.text()),
    axis=st.sampled_from(AXES),
    figure=figures,
    weighed=st.builds(Weighed, estimates, st.text()),
    by_axis=st.dictionaries(st.sampled_from(AXES), st.lists(estimates, max_size=2).map(tuple)),
    by_key=st.dictionaries(st.integers(), st.floats(allow_nan=False)),
    pair=st.tuples(st.text(), st.integers()),
    maybe=st.one_of(st.none(), estimates),
    is_new=st.booleans(),
)


@settings(max_examples=25)
@given(st.lists(rows, max_size=2).map(tuple))
def test_a_record_is_the_same_after_a_round_through_json(records: tuple[Row, ...]) -> None:
    text = json.dumps(encode_record(records), allow_nan=False)
    assert decode_record(tuple[Row, ...], json.loads(text)) == records


def test_what_is_not_stored_has_its_default_again_and_other_values_are_refused() -> None:
    nothing = Undefined("none")
    row = Row(1, Axis.VISUAL, 1.0, Weighed(Estimate(nothing, nothing), ""), {}, {}, ("", 0), None, False, ["live"])
    assert "live" not in encode_record(row)
    assert decode_record(Row, encode_record(row)).live == []
    with pytest.raises(TypeError, match="set cannot be part"):
        encode_record({"rows": {1, 2}})
