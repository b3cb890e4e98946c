"""When memory runs out: one line that says where, and what to lower."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from modelassist.engine.settings.config import Config

_CPU = "DefaultCPUAllocator: can't allocate memory"
_GPU = "out of memory"


SETUP_ADVICE = "train adapters (lora.rank) or freeze the tower (freeze_vision), or share the model (parallel = 'fsdp')"


class MemoryFullError(RuntimeError):
    """Memory has run out; the message says where and what to lower."""


@contextmanager
def memory_limit(what: str, advice: str) -> Iterator[None]:
    """What runs out of memory in this block says what it was and what to do, as MemoryFullError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryFullError) or not _ran_out(error):
            raise
        raise MemoryFullError(f"{what}: {_told(error)}; {advice}") from error


def training_advice(config: Config, stage: str) -> str:
    """What to lower where a step does not fit: what leaves the run as it is, then what makes it another."""
    going_on, anew = [], ["smaller frames (frames.fast_pixels, frames.slow_pixels)"]
    if stage == "grpo":
        anew.append(f"fewer samples (grpo.clips, now {config.grpo.clips}, or grpo.group, now {config.grpo.group})")
    else:
        going_on.append(f"lower micro_tokens (now {config.micro_tokens})")
    if not config.gradient_checkpointing:
        going_on.append("set gradient_checkpointing = true")
    if not config.lora.rank:
        anew.append("adapters (lora.rank)")
    first = f"{' or '.join(going_on)} and go on with --resume; else " if going_on else ""
    return f"{first}start anew with {' or '.join(anew)}"


def _ran_out(error: Exception) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(sign in str(error) for sign in (_CPU, _GPU))


def _told(error: Exception) -> str:
    """The first sentence or two of what torch says: how much was asked for, and of what."""
    if _CPU in str(error):
        asked = str(error).partition("you tried to allocate ")[2].partition(" bytes")[0]
        return (
            f"the machine's memory ran out (asked for {int(asked) / 2**30:.2f} GiB more)" if asked.isdigit() else _CPU
        )
    return ". ".join(str(error).split(". ")[:2]).rstrip(".") or "memory ran out"
