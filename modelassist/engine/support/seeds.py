"""Randomness by name: every draw of a run comes from the seed and from where it happens.

Nothing depends on what was drawn before, so a run that was cut off at any step goes on as if it had not been, and no
generator state needs to be kept.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive(seed: int, *place: str | int) -> int:
    """A 63-bit seed for one place of a run, such as `derive(0, "grpo", 12)`."""
    digest = hashlib.sha256("/".join(map(str, (seed, *place))).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, *place: str | int, device: str | torch.device = "cpu") -> torch.Generator:
    """A generator of its own for one place of a run."""
    return torch.Generator(device).manual_seed(derive(seed, *place))


@contextmanager
def seeded(seed: int, *place: str | int) -> Iterator[None]:
    """Torch's own global generators (of the CPU and of this process's GPU), seeded inside the block and as they were
    after it."""
    gpus = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(gpus):
        torch.manual_seed(derive(seed, *place))
        yield
