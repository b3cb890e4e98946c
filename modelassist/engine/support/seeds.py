"""Derive seeds by name: each random draw of a run depends only on the seed and on its point in the run.

No draw depends on an earlier one. So a run that stopped at any step resumes with the same draws, and no generator state
is saved.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive_seed(seed: int, *path: str | int) -> int:
    """Derive a 63-bit seed for one point of a run, such as `derive_seed(0, "grpo", 12)`."""
    digest = hashlib.sha256("/".join(map(str, (seed, *path))).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def make_generator(seed: int, *path: str | int, device: str | torch.device = "cpu") -> torch.Generator:
    """Make the generator of one point of a run."""
    return torch.Generator(device).manual_seed(derive_seed(seed, *path))


@contextmanager
def seed_torch(seed: int, *path: str | int) -> Iterator[None]:
    """Seed torch's global generators (CPU and this process's GPU) in the block, and restore them after it."""
    gpus = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(gpus):
        torch.manual_seed(derive_seed(seed, *path))
        yield
