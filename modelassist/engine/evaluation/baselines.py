"""What people reach on the clips of an evaluation: one rater's showing, and the ceiling that noise in the MOS sets.

Both need single ratings, which a release keeps in `ratings.parquet`. A release without them is no error: then the
figures are said to be missing, and why.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from modelassist.engine.evaluation import intervals
from qsave.axes import AXES, Axis
from qsave.release.reader import ReleaseReader
from qsave.statistics.ceiling import reach
from qsave.statistics.table import RatingTable

RATINGS = "ratings.parquet"


def people_reach(reader: ReleaseReader, groups: Mapping[str, str]) -> dict[Axis, dict[str, Any]]:
    """Baseline and ceiling of each axis over clips, given by id with the prompt group of each, from the ratings that
    made their targets; else `{"missing": why}`."""
    if RATINGS not in reader.manifest["files"]:
        return _missing(f"the release has no {RATINGS}")
    try:
        return {axis: _reach(table, groups) for axis, table in _tables(reader, groups).items()}
    except (pa.ArrowException, KeyError, ValueError) as error:
        return _missing(f"{RATINGS} cannot be read: {error}")


def _tables(reader: ReleaseReader, groups: Mapping[str, str]) -> Mapping[Axis, RatingTable]:
    columns = ["clip_id", "rater", "counted", *(f"{axis}_score" for axis in AXES)]
    wanted = [("counted", "=", True), ("clip_id", "in", set(groups))]
    rows = pq.read_table(reader.folder / RATINGS, columns=columns, filters=wanted).to_pylist()
    return {
        axis: RatingTable.from_triples((row["clip_id"], row["rater"], float(row[f"{axis}_score"])) for row in rows)
        for axis in AXES
    }


def _reach(table: RatingTable, groups: Mapping[str, str]) -> dict[str, Any]:
    if not len(table):
        return {"missing": f"{RATINGS} holds no counted rating of these clips"}
    paired = {groups[clip] for clip, n in zip(table.item_ids, table.n.tolist(), strict=True) if n >= 2}
    few = intervals.too_few(paired)
    found = reach(table, intervals=not few)
    return {
        "items": found.items,
        "prompts": len(paired),
        "baseline_srcc": intervals.estimate(found.baseline_srcc, few),
        "baseline_plcc": intervals.estimate(found.baseline_plcc, few),
        "ceiling_srcc": intervals.estimate(found.ceiling_srcc, few),
        "ceiling_plcc": intervals.estimate(found.ceiling_plcc, few),
    }


def _missing(why: str) -> dict[Axis, dict[str, Any]]:
    return {axis: {"missing": why} for axis in AXES}
