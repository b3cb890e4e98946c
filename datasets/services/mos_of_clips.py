"""The MOS of a release's clips on one axis. A release may have a million of them, so they stay in columns."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from qsave.statistics.mos import Mos, MosColumns, compute_item_sd

ClipIds = npt.NDArray[np.bytes_]
"""The ids of clips in UTF-8, sorted."""
_PART = 4096


class MosOfClips(Mapping[str, Mos]):
    """Maps the ids of clips to their MOS."""

    def __init__(self, ids: ClipIds, columns: MosColumns) -> None:
        self._ids = ids
        self._columns = columns

    def __getitem__(self, clip_id: str) -> Mos:
        key = clip_id.encode()
        at = int(self._ids.searchsorted(key))
        if at == len(self._ids) or self._ids[at] != key:
            raise KeyError(clip_id)
        columns = self._columns
        n = int(columns.n[at])
        return Mos(
            clip_id,
            float(columns.mos[at]),
            n,
            compute_item_sd(float(columns.squares[at]), n),
            float(columns.se[at]),
            float(columns.low[at]),
            float(columns.high[at]),
        )

    def __iter__(self) -> Iterator[str]:
        return (key.decode() for key in self._ids.tolist())

    def __len__(self) -> int:
        return len(self._ids)


class IdCollector:
    """Collects the ids of clips as bytes, because texts take four times the memory."""

    def __init__(self) -> None:
        self._parts: list[ClipIds] = []
        self._newest: list[bytes] = []

    def add(self, clip_id: str) -> int:
        """Add an id, and return its number: that of the ids before it."""
        if len(self._newest) == _PART:
            self._parts.append(np.array(self._newest))
            self._newest = []
        self._newest.append(clip_id.encode())
        return len(self._parts) * _PART + len(self._newest) - 1

    def collect(self) -> ClipIds:
        """Return the ids in the order of their numbers."""
        last = np.array(self._newest, dtype=np.bytes_)
        return np.concatenate([*self._parts, last])


def select_items(ids: ClipIds, items: Sequence[int]) -> ClipIds:
    """Return the ids of the items of a table."""
    return ids[np.asarray(items, dtype=np.int64)]
