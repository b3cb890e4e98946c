"""Print the rows that an import refused, grouped by reason, and write all of them to a file."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, OutputWrapper
from django.db.models import QuerySet

from annotation.shared.row_faults import list_faults

MOST_NUMBERS = 10


def print_rows(out: OutputWrapper, words: str, rows: QuerySet[Any], *, text: str = "reason") -> bool:
    """Print a line for each reason: how many rows it has, and the numbers of the first. Return whether all are named.

    `words` says what was done with the rows, such as "refused". The reason is in the field `text`.
    """
    faults = list_faults(rows, text=text, most_numbers=MOST_NUMBERS)
    for fault in faults:
        numbers = ", ".join(map(str, fault.numbers))
        more = f" and {fault.more} more" if fault.more else ""
        out.write(f"{words}, {'row' if fault.count == 1 else f'{fault.count} rows'} {numbers}{more}: {fault.reason}")
    return sum(len(fault.numbers) for fault in faults) == rows.count()


def write_file(path: Path, lines: Iterable[str]) -> None:
    """Write the lines of a CSV file. Raises CommandError if the file cannot be written."""
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written: {error.strerror}. The import is done. To get the file, name another path and "
            "run the command again: nothing is added twice."
        ) from error
