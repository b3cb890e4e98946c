"""Measure raters on the clips of an evaluation: a single rater, and the ceiling that noise in the MOS sets.

Both need single ratings, which a release keeps in `ratings.parquet`. Without that file the figures are undefined with
a reason; this is not an error.
"""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from modelassist.engine.evaluation.intervals import explain_no_interval, withhold_interval
from qsave.axes import AXES, Axis
from qsave.release.reader import ReleaseReader
from qsave.run.figures import Counts, PeopleReach
from qsave.statistics.ceiling import measure_reach
from qsave.statistics.figures import Undefined
from qsave.statistics.table import RatingTable

RATINGS = "ratings.parquet"


def measure_people(reader: ReleaseReader, groups: Mapping[str, str]) -> dict[Axis, PeopleReach | Undefined]:
    """Measure baseline and ceiling of each axis from single ratings; Undefined says why they are missing.

    `groups` maps the id of each clip to its prompt group.
    """
    if RATINGS not in reader.manifest["files"]:
        return dict.fromkeys(AXES, Undefined(f"the release has no {RATINGS}"))
    try:
        return {axis: _measure_table(table, groups) for axis, table in _read_tables(reader, groups).items()}
    except (pa.ArrowException, KeyError, ValueError) as error:
        return dict.fromkeys(AXES, Undefined(f"{RATINGS} cannot be read: {str(error).rstrip('.')}"))


def _read_tables(reader: ReleaseReader, groups: Mapping[str, str]) -> Mapping[Axis, RatingTable]:
    columns = ["clip_id", "rater", "counted", *(f"{axis}_score" for axis in AXES)]
    wanted = [("counted", "=", True), ("clip_id", "in", set(groups))]
    rows = pq.read_table(reader.folder / RATINGS, columns=columns, filters=wanted).to_pylist()
    return {
        axis: RatingTable.from_triples((row["clip_id"], row["rater"], float(row[f"{axis}_score"])) for row in rows)
        for axis in AXES
    }


def _measure_table(table: RatingTable, groups: Mapping[str, str]) -> PeopleReach | Undefined:
    if not len(table):
        return Undefined(f"{RATINGS} holds no counted rating of these clips")
    paired = {groups[clip] for clip, n in zip(table.item_ids, table.n.tolist(), strict=True) if n >= 2}
    few = explain_no_interval(paired)
    figures = measure_reach(table, intervals=not few)
    return PeopleReach(
        counts=Counts(figures.items, len(paired)),
        baseline_srcc=withhold_interval(figures.baseline_srcc, few),
        baseline_plcc=withhold_interval(figures.baseline_plcc, few),
        ceiling_srcc=withhold_interval(figures.ceiling_srcc, few),
        ceiling_plcc=withhold_interval(figures.ceiling_plcc, few),
    )
