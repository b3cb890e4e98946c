"""What people reach on the clips of an evaluation: one rater's showing, and the ceiling that noise in the MOS sets.

Both need single ratings, which a release keeps in `ratings.parquet`. A release without them is no error: then the
figures are said to be missing, and why.
"""

from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from modelassist.engine import figures
from qsave.axes import AXES, Axis
from qsave.release import ReleaseReader
from qsave.statistics.ceiling import reach
from qsave.statistics.table import RatingTable

RATINGS = "ratings.parquet"


def people_reach(reader: ReleaseReader, clip_ids: Collection[str], seed: int) -> dict[Axis, dict[str, Any]]:
    """Baseline and ceiling of each axis over the given clips, from the ratings that made their targets; else
    `{"missing": why}`."""
    if RATINGS not in reader.manifest["files"]:
        return _missing(f"the release has no {RATINGS}")
    try:
        return {axis: _reach(table, seed) for axis, table in _tables(reader, clip_ids).items()}
    except (pa.ArrowException, KeyError, ValueError) as error:
        return _missing(f"{RATINGS} cannot be read: {error}")


def _tables(reader: ReleaseReader, clip_ids: Collection[str]) -> Mapping[Axis, RatingTable]:
    columns = ["clip_id", "rater", "counted", *(f"{axis}_score" for axis in AXES)]
    wanted = [("counted", "=", True), ("clip_id", "in", set(clip_ids))]
    rows = pq.read_table(reader.folder / RATINGS, columns=columns, filters=wanted).to_pylist()
    return {
        axis: RatingTable.from_triples((row["clip_id"], row["rater"], float(row[f"{axis}_score"])) for row in rows)
        for axis in AXES
    }


def _reach(table: RatingTable, seed: int) -> dict[str, Any]:
    if not len(table):
        return {"missing": f"{RATINGS} holds no counted rating of these clips"}
    found = reach(table, seed=seed, resamples=figures.RESAMPLES)
    return {
        "items": found.items,
        "baseline_srcc": figures.estimate(found.baseline_srcc),
        "baseline_plcc": figures.estimate(found.baseline_plcc),
        "ceiling_srcc": figures.estimate(found.ceiling_srcc),
        "ceiling_plcc": figures.estimate(found.ceiling_plcc),
    }


def _missing(why: str) -> dict[Axis, dict[str, Any]]:
    return {axis: {"missing": why} for axis in AXES}
