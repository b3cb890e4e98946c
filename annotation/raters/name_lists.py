"""Lists of people to invite: a CSV with the columns `name` and, if wanted, `note`; or names alone, one a line."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO

from django.utils.translation import gettext as _

from accounts.names import fold_name
from annotation.shared.text import clean_text
from qsave.words import isolate

MOST_BYTES = 1_000_000
MOST_ROWS = 500
MOST_LETTERS = 60
SEPARATORS = (",", ";", "\t")


class ListRefused(ValueError):
    """A list that cannot be read at all; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Invitee:
    """Somebody to invite. The note is for the lead: a team, an address."""

    name: str
    note: str = ""


@dataclass(slots=True)
class NameList:
    """The rows that can be invited, and those that cannot, by number (the first row is 1, a heading too) and why."""

    people: list[Invitee] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)


def decoded(content: bytes) -> str:
    """The text of an uploaded list, as spreadsheets save it: UTF-8, or UTF-16 with its mark."""
    if len(content) > MOST_BYTES:
        raise ListRefused(_("The file is larger than a megabyte. Split it."))
    try:
        return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise ListRefused(_("The file is no text in UTF-8. Save it as “CSV UTF-8” and try again.")) from None


def read_names(text: str) -> NameList:
    """The rows of a list. Blank ones are passed over; so is a heading, which may name the columns in any order."""
    found, seen = NameList(), set[str]()
    columns = {"name": 0, "note": 1}
    for number, cells in _rows(text):
        heads = [cell.casefold() for cell in cells]
        if number == 1 and "name" in heads:
            columns = {head: heads.index(head) for head in ("name", "note") if head in heads}
            continue
        name, note = (_cell(cells, columns.get(column)) for column in ("name", "note"))
        problem = _problem(name, note, seen, len(found.people)) if any(cells) else ""
        if problem:
            found.problems.append((number, problem))
        elif name:
            seen.add(fold_name(name))
            found.people.append(Invitee(name, note))
    return found


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    lines = "\n".join(text.replace("\ufeff", "").splitlines())
    first = lines.lstrip().partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    try:
        for number, row in enumerate(csv.reader(StringIO(lines), delimiter=separator), start=1):
            yield number, [clean_text(cell) for cell in row]
    except csv.Error as error:
        raise ListRefused(_("This is no list that can be read: %(why)s.") % {"why": error}) from None


def _cell(cells: list[str], column: int | None) -> str:
    return cells[column] if column is not None and column < len(cells) else ""


def _problem(name: str, note: str, seen: set[str], count: int) -> str:
    if not name:
        return _("there is no name in it")
    if max(len(name), len(note)) > MOST_LETTERS:
        return _("name and note have at most %(most)s letters each") % {"most": MOST_LETTERS}
    if fold_name(name) in seen:
        return _("%(name)s is in the list twice") % {"name": isolate(name)}
    if count >= MOST_ROWS:
        return _("more than %(most)s at once: invite the others by another list") % {"most": MOST_ROWS}
    return ""
