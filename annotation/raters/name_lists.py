"""Read lists of people to invite: a table with the columns `name` and optionally `note`, or one name a line."""

from dataclasses import dataclass, field
from io import BytesIO

from django.utils.translation import gettext as _

from accounts.names import fold_name
from annotation.shared.text import clean_text
from qsave.tables.reader import read_table
from qsave.tables.table import Columns, Row, TableError
from qsave.tables.values import write_name
from qsave.words import isolate

MAX_BYTES = 1_000_000
MAX_ROWS = 500
MAX_LENGTH = 60
_COLUMNS = Columns(known=("name", "note"), default=("name", "note"))


class ListRefused(ValueError):
    """A list cannot be read at all; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Invitee:
    """A person to invite. The note is for the lead, for example a team or an address."""

    name: str
    note: str = ""


@dataclass(slots=True)
class NameList:
    """The people to invite, and the problems of other rows as (line, reason)."""

    people: list[Invitee] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)


def read_names(content: bytes, name: str = "names.txt") -> NameList:
    """Read the rows of a list; blank ones are skipped. Raises ListRefused if it is no table or too large."""
    if len(content) > MAX_BYTES:
        raise ListRefused(_("The file is larger than 1 MB. Split it."))
    names, seen = NameList(), set[str]()
    try:
        for row in read_table(BytesIO(content), name, _COLUMNS).rows:
            person, note = (_read_cell(row, column) for column in ("name", "note"))
            problem = row.problem or _find_problem(person, note, seen, len(names.people))
            if problem:
                names.problems.append((row.line, problem))
                continue
            seen.add(fold_name(person))
            names.people.append(Invitee(person, note))
    except TableError as error:
        raise ListRefused(str(error)) from None
    return names


def _read_cell(row: Row, column: str) -> str:
    value = row.cells.get(column)
    return "" if value is None else clean_text(str(write_name(value)))


def _find_problem(name: str, note: str, seen: set[str], count: int) -> str:
    if not name:
        return _("The name is missing.")
    if max(len(name), len(note)) > MAX_LENGTH:
        return _("Name and note can have at most %(most)s characters each.") % {"most": MAX_LENGTH}
    if fold_name(name) in seen:
        return _("%(name)s is in the list twice.") % {"name": isolate(name)}
    if count >= MAX_ROWS:
        return _("You can invite at most %(most)s people at once. Invite the others with another list.") % {
            "most": MAX_ROWS
        }
    return ""
