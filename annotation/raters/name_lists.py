"""Read lists of people to invite: CSV with the columns `name` and optionally `note`, or one name a line."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO

from django.utils.translation import gettext as _

from accounts.names import fold_name
from annotation.shared.text import clean_text
from qsave.words import isolate

MAX_BYTES = 1_000_000
MAX_ROWS = 500
MAX_LENGTH = 60
SEPARATORS = (",", ";", "\t")


class ListRefused(ValueError):
    """A list cannot be read at all; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Invitee:
    """A person to invite. The note is for the lead, for example a team or an address."""

    name: str
    note: str = ""


@dataclass(slots=True)
class NameList:
    """The people to invite, and the problems of other rows as (number, reason). Rows count from 1, with the heading."""

    people: list[Invitee] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)


def decode_list(content: bytes) -> str:
    """Decode an uploaded list as spreadsheets save it: UTF-8, or UTF-16 with a byte order mark. Raises ListRefused."""
    if len(content) > MAX_BYTES:
        raise ListRefused(_("The file is larger than 1 MB. Split it."))
    try:
        return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise ListRefused(_("The file is not UTF-8 text. Save it as “CSV UTF-8” and try again.")) from None


def read_names(text: str) -> NameList:
    """Read the rows of a list and skip blank ones. A heading may name the columns in any order."""
    names, seen = NameList(), set[str]()
    columns = {"name": 0, "note": 1}
    for number, cells in _read_rows(text):
        headings = [cell.casefold() for cell in cells]
        if number == 1 and "name" in headings:
            columns = {heading: headings.index(heading) for heading in ("name", "note") if heading in headings}
            continue
        name, note = (_get_cell(cells, columns.get(column)) for column in ("name", "note"))
        problem = _find_problem(name, note, seen, len(names.people)) if any(cells) else ""
        if problem:
            names.problems.append((number, problem))
        elif name:
            seen.add(fold_name(name))
            names.people.append(Invitee(name, note))
    return names


def _read_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    lines = "\n".join(text.replace("\ufeff", "").splitlines())
    first = lines.lstrip().partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    try:
        for number, row in enumerate(csv.reader(StringIO(lines), delimiter=separator), start=1):
            yield number, [clean_text(cell) for cell in row]
    except csv.Error as error:
        raise ListRefused(_("This list cannot be read: %(error)s.") % {"error": error}) from None


def _get_cell(cells: list[str], column: int | None) -> str:
    return cells[column] if column is not None and column < len(cells) else ""


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
