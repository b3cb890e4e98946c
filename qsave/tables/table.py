"""What a table is: its columns, its rows, and the problems of single rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


class TableError(ValueError):
    """A file cannot be read as a table at all; the message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a reader looks for. Headings match in any case: `Clip ID` is `clip_id`.

    A table must have the `required` ones. `default` names the columns of a list: its heading, which has the first of
    them, may be missing, and rows may have fewer or more cells. Other tables of cells have a heading and full rows.
    """

    known: tuple[str, ...]
    required: tuple[str, ...] = ()
    default: tuple[str, ...] = ()

    def fold(self, heading: str) -> str:
        """Return the known column that a heading names, else the heading without spaces around it."""
        stripped = heading.strip()
        folded = "_".join(stripped.casefold().replace("-", " ").replace("_", " ").split())
        return folded if folded in self.known else stripped

    def check(self, name: str, headings: list[str]) -> None:
        """Raise TableError if a required column is missing or a column is there twice; `headings` are folded."""
        missing = [column for column in self.required if column not in headings]
        if missing:
            present = ", ".join(heading[:40] for heading in headings[:20] if heading) or "none"
            raise TableError(
                f"{name} lacks the column {' and '.join(missing)}. It needs {' and '.join(self.required)}, and has: "
                f"{present}."
            )
        twice = sorted({heading for heading in headings if heading and headings.count(heading) > 1})
        if twice:
            raise TableError(f"{name} has the column {', '.join(twice)} twice.")


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its number from 1 without the heading, the line where it begins, its cells by column.

    `line` counts the lines of a text file from 1; of JSON and Parquet it is the number. A row that cannot be read has
    a `problem`, in full sentences, and no cells.
    """

    number: int
    line: int
    cells: Mapping[str, object] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file, read as they are asked for, and `notes` on what of the file is left out.

    Reading a row may raise TableError if the file is damaged further on.
    """

    rows: Iterator[Row]
    notes: tuple[str, ...] = ()
