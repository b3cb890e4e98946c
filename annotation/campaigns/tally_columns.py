"""The parts of a summary's tally (`qsave.statistics.tallies`) as expressions that a database computes."""

from django.db.models import F, PositiveBigIntegerField, Value
from django.db.models.expressions import Combinable

from qsave.axes import Axis
from qsave.statistics.tallies import N_UNIT, SUM_UNIT

# As whole numbers of eight bytes: a plain number is sent to PostgreSQL as one of four, in which N_UNIT is 0.
_N_UNIT, _SUM_UNIT = (Value(unit, output_field=PositiveBigIntegerField()) for unit in (N_UNIT, SUM_UNIT))


def count_scores(axis: Axis) -> Combinable:
    """Return the number of an item's scores on the axis."""
    return F(f"{axis.value}_tally") / _N_UNIT


def sum_scores(axis: Axis) -> Combinable:
    """Return the sum of an item's scores on the axis."""
    return F(f"{axis.value}_tally") % _N_UNIT / _SUM_UNIT


def sum_squares(axis: Axis) -> Combinable:
    """Return the sum of the squares of an item's scores on the axis."""
    return F(f"{axis.value}_tally") % _SUM_UNIT
