"""Write predictions as files: CSV that is safe for spreadsheets, and Parquet."""

from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from modelassist.models import PredictionSet
from modelassist.reads.predictions import COLUMNS, read_rows
from qsave.csv_rows import Cell, round_cell, write_csv

ROWS_A_GROUP = 10_000


def write_predictions_csv(prediction_set: PredictionSet) -> Iterator[str]:
    """Yield the lines, header first. What was not proposed is an empty cell; no defect is `none`."""
    return write_csv(COLUMNS, (list(map(_make_cell, COLUMNS, row.values())) for row in read_rows(prediction_set)))


def _make_cell(column: str, value: str | float | None) -> Cell:
    if isinstance(value, float):
        return round_cell(value, 4)
    if value == "" and column.endswith("_defects"):
        return "none"
    return "" if value is None else value


def write_predictions_parquet(prediction_set: PredictionSet, file: BinaryIO) -> None:
    """Write the same columns; scores and MOS are float64, `clip_version` is int64, and the others are text."""
    import pyarrow as pa  # it takes a while to load, and few requests need it
    import pyarrow.parquet as pq

    types = {"clip_version": pa.int64()}
    schema = pa.schema([(name, types.get(name, pa.float64() if _is_number(name) else pa.string())) for name in COLUMNS])
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        rows = read_rows(prediction_set)
        while group := list(islice(rows, ROWS_A_GROUP)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


def _is_number(column: str) -> bool:
    return column.endswith(("_score", "_mos"))
