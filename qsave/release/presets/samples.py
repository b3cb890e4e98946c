"""The clips of a release with everything that it says of each: one sample a clip, in the order of the row files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qsave.release.encoding import ReleaseError
from qsave.release.reader import ReleaseReader
from qsave.release.rows import RlRow, SftRow
from qsave.splits import SPLITS


@dataclass(frozen=True, slots=True)
class Sample:
    """One clip. `sft` is None if the release has no answer for it; `agreed` says that it is in the cool-down."""

    rl: RlRow
    sft: SftRow | None
    agreed: bool


@dataclass(frozen=True, slots=True, eq=False)
class LoadedSample:
    """A sample with the file of its clip, and its frames as PNG files (slow, then fast) if the preset shows frames."""

    sample: Sample
    clip: Path
    pictures: tuple[bytes, ...] = ()


def count_samples(reader: ReleaseReader) -> int:
    """Count the clips of all splits."""
    return sum(1 for split in SPLITS for _ in _read_rl_rows(reader, split))


def read_samples(reader: ReleaseReader, split: str) -> Iterator[Sample]:
    """Yield the samples of a split. Raises ReleaseError if the rows of its files are in different orders."""
    answered = _RowsInOrder(_read_sft_rows(reader, "sft", split))
    agreed = _RowsInOrder(_read_sft_rows(reader, "cooldown", split))
    for row in _read_rl_rows(reader, split):
        yield Sample(row, answered.take(row.id), agreed.take(row.id) is not None)
    for kind, rows in (("sft", answered), ("cooldown", agreed)):
        if rows.next is not None:
            raise ReleaseError(
                f"{reader.folder}: Row {rows.next.id} of {kind}/{split}.jsonl is not in rl/{split}.jsonl, or the two "
                "files have different orders."
            )


class _RowsInOrder:
    """Takes the rows of a file one by one, each where another file has the row of the same id."""

    def __init__(self, rows: Iterator[SftRow]) -> None:
        self._rows = rows
        self.next = next(rows, None)

    def take(self, row_id: str) -> SftRow | None:
        row = self.next
        if row is None or row.id != row_id:
            return None
        self.next = next(self._rows, None)
        return row


def _read_rl_rows(reader: ReleaseReader, split: str) -> Iterator[RlRow]:
    return reader.rows("rl", split) if f"rl/{split}.jsonl" in reader.manifest["files"] else iter(())


def _read_sft_rows(reader: ReleaseReader, kind: str, split: str) -> Iterator[SftRow]:
    name = f"{kind}/{split}.jsonl"
    return reader.rows("sft" if kind == "sft" else "cooldown", split) if name in reader.manifest["files"] else iter(())
