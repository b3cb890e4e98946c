"""Report in one line where memory ran out and which setting to lower."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from modelassist.engine.settings.config import Config

_CPU = "DefaultCPUAllocator: can't allocate memory"
_GPU = "out of memory"
SETUP_ADVICE = "train adapters (lora.rank) or freeze the tower (freeze_vision), or share the model (parallel = 'fsdp')"


class MemoryFullError(RuntimeError):
    """Memory ran out; the message says where and which setting to lower."""


@contextmanager
def explain_out_of_memory(what: str, advice: str) -> Iterator[None]:
    """Raise MemoryFullError if memory runs out in the block; the message names `what` and ends with the `advice`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryFullError) or not is_out_of_memory(error):
            raise
        raise MemoryFullError(f"{what}: {_describe(error)}; {advice}.") from error


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error means that the memory of the machine or of its GPU ran out."""
    kinds = MemoryError | torch.OutOfMemoryError | MemoryFullError
    return isinstance(error, kinds) or any(sign in str(error) for sign in (_CPU, _GPU))


def advise_on_training(config: Config, stage: str) -> str:
    """Say which settings to lower if a step does not fit: first those that a resumed run may change, then others."""
    resumable, fresh = [], ["smaller frames (frames.fast_pixels, frames.slow_pixels)"]
    if stage == "grpo":
        clips, generations = config.grpo.clips, config.grpo.num_generations
        fresh.append(f"fewer samples (grpo.clips, now {clips}, or grpo.num_generations, now {generations})")
    else:
        resumable.append(f"lower micro_tokens (now {config.micro_tokens})")
    if not config.gradient_checkpointing:
        resumable.append("set gradient_checkpointing = true")
    if not config.lora.rank:
        fresh.append("adapters (lora.rank)")
    first = f"{' or '.join(resumable)} and resume with --resume; else " if resumable else ""
    return f"{first}start a new run with {' or '.join(fresh)}"


def _describe(error: Exception) -> str:
    """Shorten torch's message to how much memory it needed, and of which device."""
    if _CPU in str(error):
        count = str(error).partition("you tried to allocate ")[2].partition(" bytes")[0]
        if not count.isdigit():
            return _CPU
        return f"the machine's memory ran out (asked for {int(count) / 2**30:.2f} GiB more)"
    return ". ".join(str(error).split(". ")[:2]).rstrip(".") or "memory ran out"
