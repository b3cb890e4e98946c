"""A release as a torch Dataset: the frames, the texts and the targets of each clip, for trainers of one's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from modelassist.engine.inputs.examples import Example, load_examples
from modelassist.engine.inputs.frame_store import FrameStore
from modelassist.engine.inputs.gathering import decode_clips, open_release
from modelassist.engine.models.distributed import Machine
from qsave.axes import AXES
from qsave.frames.slowfast import FrameConfig
from qsave.release.reader import ReleaseReader
from qsave.run.files import get_frames_folder

_OWN_CACHE = Path.home() / ".cache" / "qsave"
"""Where frames are cached if nothing may be written beside the release."""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One row of a release. Frames are RGB in 0 to 255; times are seconds; axes are visual, dynamic, alignment."""

    id: str
    fast: Tensor
    """(T, 3, H, W) uint8: small frames, evenly spread."""
    fast_times: Tensor
    """(T,) float64."""
    slow: Tensor
    """(S, 3, H, W) uint8: large frames, at the moments that change most."""
    slow_times: Tensor
    """(S,) float64."""
    messages: tuple[Mapping[str, str], ...]
    """System and user; in sft and cooldown also the assistant."""
    mos: Tensor
    """(3,) float64."""
    se: Tensor
    """(3,) float64, the standard errors of `mos`."""


class ReleaseDataset(Dataset[Item]):
    """The rows of one file of a release. `problems` says which clips were left out because they cannot be decoded."""

    def __init__(self, examples: list[Example], store: FrameStore, problems: list[str]) -> None:
        self._examples, self._store, self.problems = examples, store, problems

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> Item:
        example = self._examples[index]
        frames = self._store.load_frames(example)
        return Item(
            id=example.id,
            fast=torch.from_numpy(frames.fast).permute(0, 3, 1, 2),
            fast_times=torch.tensor(frames.fast_times, dtype=torch.float64),
            slow=torch.from_numpy(frames.slow).permute(0, 3, 1, 2),
            slow_times=torch.tensor(frames.slow_times, dtype=torch.float64),
            messages=example.messages,
            mos=torch.tensor([example.targets[axis].mos for axis in AXES], dtype=torch.float64),
            se=torch.tensor([example.targets[axis].se for axis in AXES], dtype=torch.float64),
        )


def load_release(
    folder: Path,
    kind: str = "sft",
    split: str = "train",
    *,
    frames: FrameConfig | None = None,
    cache: Path | None = None,
    verify: bool = True,
) -> ReleaseDataset:
    """Load the rows of `kind` (sft, rl, cooldown) of a split, and decode every clip that is not decoded yet.

    All cores decode, once for each release: the frames stay in `cache`, by default the folder beside the release that
    all runs share. `frames` are the frame settings, by default those of the release. Raises ReleaseError if the release
    changed (unless `verify` is False) or has no such rows, DataError if decoding cannot continue.
    """
    reader = open_release(folder) if verify else ReleaseReader(folder)
    store = FrameStore(cache or get_frames_folder(folder, _OWN_CACHE), frames or FrameConfig())
    examples, problems = decode_clips(store, load_examples(reader, kind, split), f"{kind}/{split}", Machine())
    return ReleaseDataset(examples, store, problems)
