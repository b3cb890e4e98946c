"""The first reading of a snapshot: which clips can be in the release, and how large its held-out splits are."""

from collections.abc import Iterator
from pathlib import Path

from datasets.services.figures import Figures
from datasets.services.filters import explain_clip, note_video_split
from datasets.services.policy import ReleasePolicy
from datasets.services.records import ClipRecord, read_records
from qsave.axes import AXES
from qsave.splits import HELD_OUT, SplitSize


class Survey:
    """What is known of the clips of a snapshot once `read_included` has read it."""

    def __init__(self, snapshot: Path, policy: ReleasePolicy) -> None:
        self.clips = 0
        self._snapshot = snapshot
        self._policy = policy
        self._video_splits: dict[str, str] = {}
        self._held_out: list[tuple[str, str, str]] = []

    def read_included(self) -> Iterator[ClipRecord]:
        """Yield the clips with a rating that counts, unless a rule leaves them out. Call it once."""
        for record in read_records(self._snapshot):
            self.clips += 1
            if record.has_copies:  # the others need no entry, so the memory does not grow with the clips
                note_video_split(self._video_splits, record, self._policy)
            if self.explain_exclusion(record):
                continue
            if record.split in HELD_OUT:
                self._held_out.append((record.split, record.clip_id, record.prompt_group))
            yield record

    def explain_exclusion(self, record: ClipRecord) -> str:
        """Return why a clip that `read_included` has passed is left out; empty if it is not."""
        ratings, counted = len(record.ratings), len(record.counted)
        return explain_clip(record, self._video_splits, self._policy, ratings=ratings, counted=counted)

    def measure_splits(self, figures: Figures) -> dict[str, SplitSize]:
        """Count the clips with a target, and their prompt groups, in each held-out split."""
        groups: dict[str, list[str]] = {split: [] for split in HELD_OUT}
        for split, clip_id, group in self._held_out:
            if all(clip_id in figures[axis].mos for axis in AXES):
                groups[split].append(group)
        return {split: SplitSize(len(names), len(set(names))) for split, names in groups.items()}
