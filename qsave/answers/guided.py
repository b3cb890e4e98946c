"""A regular expression of the text grammar, for servers that constrain a model by one (vLLM's `structured_outputs`).

It allows less than `qsave.grammar`: no escapes in a reason, and only the defects of a campaign, each on its own axis.
Whatever it allows parses, but for times that end before they begin and boxes that leave the frame.
"""

import re
from collections.abc import Sequence

from qsave.axes import AXES, LEVEL_WORDS, Axis
from qsave.grammar import ANSWER_CLOSE, ANSWER_OPEN, THINK_CLOSE, THINK_OPEN
from qsave.taxonomy import Defect

_REASON = r"[^ <\[\\\n\r(][^<\[\\\n\r(]*"
_NUMBER = r"[0-9]{1,3}(\.[0-9]{1,2})?"
_TIME = f"{_NUMBER}-{_NUMBER}s"
_BOX = "@[0-9]{1,2},[0-9]{1,2},[0-9]{1,3},[0-9]{1,3}"
_PLACE = f"(({_TIME}( {_BOX})?|{_BOX}): )?"


def make_answer_pattern(taxonomy: Sequence[Defect]) -> str:
    """Return the regular expression of an answer that names only defects of `taxonomy`, each on its own axis."""
    thoughts = "".join(rf"\[{axis}\] {_REASON}{_make_items(axis, taxonomy)}" + "\n" for axis in AXES)
    answers = "".join(f"{axis}: ({'|'.join(LEVEL_WORDS)})\n" for axis in AXES)
    return THINK_OPEN + thoughts + THINK_CLOSE + ANSWER_OPEN + answers + ANSWER_CLOSE


def _make_items(axis: Axis, taxonomy: Sequence[Defect]) -> str:
    ids = "|".join(re.escape(defect.id) for defect in taxonomy if defect.axis == axis)
    return rf"( \({_PLACE}({ids})\))*" if ids else ""
