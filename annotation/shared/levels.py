"""Names of the score levels in the reader's language; stored data use the words of `qsave.axes`."""

from django.utils.translation import gettext_lazy

from qsave.axes import LEVEL_WORDS, name_level

_NAMES = {
    "bad": gettext_lazy("bad"),
    "poor": gettext_lazy("poor"),
    "fair": gettext_lazy("fair"),
    "good": gettext_lazy("good"),
    "excellent": gettext_lazy("excellent"),
}


def get_level_name(level: int) -> str:
    """Return the name of a level from 1 to 5; raises ValueError for another."""
    return str(_NAMES[name_level(level)])


def list_level_names() -> list[tuple[int, str]]:
    """Return every level with its name, from the lowest."""
    return [(level, get_level_name(level)) for level in range(1, len(LEVEL_WORDS) + 1)]
