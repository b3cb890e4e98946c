"""Which ratings name which defect, read without the rest of their evidence."""

from dataclasses import dataclass

import numpy as np
from django.db import connection

from annotation.agreement.answers import CHUNK, stack_rows
from annotation.models import Campaign
from qsave.axes import AXES, Axis
from qsave.statistics.figures import Ints

_SELECT = """
    SELECT rating.id, answer.axis, {defect}
    FROM annotation_axisanswer answer
    JOIN annotation_ratingrevision revision ON revision.id = answer.revision_id AND revision.is_current
    JOIN annotation_rating rating ON rating.id = revision.rating_id
    JOIN annotation_slot slot ON slot.id = rating.slot_id AND slot.kind = 'seat' AND slot.campaign_id = %s
    CROSS JOIN {marks} mark
    WHERE {is_list}
"""
_JSON = {
    "postgresql": {
        "marks": "jsonb_array_elements(answer.evidence)",
        "defect": "mark.value ->> 'defect'",
        "is_list": "answer.evidence <> '[]'::jsonb",
    },
    "sqlite": {
        "marks": "json_each(answer.evidence)",
        "defect": "json_extract(mark.value, '$.defect')",
        "is_list": "answer.evidence <> '[]'",
    },
}


@dataclass(frozen=True, slots=True, eq=False)
class NamedDefects:
    """Each defect that a current answer names: the key of the rating, the axis (a position in AXES), and the defect (a
    position in `defects`). Ratings of screened raters and of items that are left out are among them."""

    rating: Ints
    axis: Ints
    defect: Ints
    defects: tuple[str, ...]

    def group_by_defect(self, axis: Axis) -> dict[str, Ints]:
        """Return the keys of the ratings that name each defect on an axis."""
        on_axis = self.axis == AXES.index(axis)
        ratings, defects = self.rating[on_axis], self.defect[on_axis]
        order = np.argsort(defects, kind="stable")
        starts = np.searchsorted(defects[order], np.arange(len(self.defects) + 1))
        groups = {name: ratings[order[starts[code] : starts[code + 1]]] for code, name in enumerate(self.defects)}
        return {name: keys for name, keys in groups.items() if len(keys)}


def read_named_defects(campaign: Campaign) -> NamedDefects:
    """Read the defects that ratings of a campaign name. One query."""
    axes = {axis.value: position for position, axis in enumerate(AXES)}
    numbers: dict[str, int] = {}
    with connection.chunked_cursor() as cursor:
        cursor.execute(_SELECT.format(**_JSON[connection.vendor]), [campaign.pk])
        rows = (
            (rating, axes[axis], numbers.setdefault(str(defect), len(numbers)))
            for rows in iter(lambda: cursor.fetchmany(CHUNK), [])
            for rating, axis, defect in rows
        )
        rating, axis, defect = stack_rows(rows, np.int64, width=3).T
    return NamedDefects(rating, axis, defect, tuple(numbers))
