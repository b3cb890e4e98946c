"""An error of full memory is one line: where, how much, and what to lower."""

from dataclasses import replace

import pytest
import torch

from modelassist.engine.settings.config import Config, LoraConfig
from modelassist.engine.support.out_of_memory import MemoryFullError, advise_on_training, explain_out_of_memory

ON_A_GPU = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which 1.02 GiB is "
    "free. Including non-PyTorch memory, this process has 78.00 GiB memory in use."
)


def test_a_real_allocation_that_does_not_fit_is_said_in_one_line() -> None:
    with pytest.raises(MemoryFullError) as raised, explain_out_of_memory("sft step 3", "lower micro_tokens"):
        torch.empty(2**50)
    assert str(raised.value) == (
        "sft step 3: the machine's memory ran out (asked for 4194304.00 GiB more); lower micro_tokens."
    )


def test_a_gpu_says_how_much_was_asked_for() -> None:
    with pytest.raises(MemoryFullError) as raised, explain_out_of_memory("sft step 3", "lower micro_tokens"):
        raise torch.OutOfMemoryError(ON_A_GPU)
    assert str(raised.value) == ("sft step 3: CUDA out of memory. Tried to allocate 2.00 GiB; lower micro_tokens.")


def test_other_errors_stay_what_they_are_and_the_innermost_place_is_named() -> None:
    with pytest.raises(RuntimeError, match=r"^shapes differ$"), explain_out_of_memory("sft step 3", "x"):
        raise RuntimeError("shapes differ")
    with (
        pytest.raises(MemoryFullError, match=r"^inner: .*; a\.$"),
        explain_out_of_memory("outer", "b"),
        explain_out_of_memory("inner", "a"),
    ):
        raise MemoryError


def test_what_is_lowered_already_is_not_advised() -> None:
    config = Config(micro_tokens=4096)
    said = advise_on_training(config, "sft")
    assert said.index("lower micro_tokens (now 4096)") < said.index("gradient_checkpointing") < said.index("--resume")
    assert said.index("--resume") < said.index("lora.rank")
    thrifty = replace(config, gradient_checkpointing=True, lora=LoraConfig(rank=8))
    assert "gradient_checkpointing" not in advise_on_training(thrifty, "sft")
    assert "lora.rank" not in advise_on_training(thrifty, "sft")
    assert "grpo.num_generations, now 6" in advise_on_training(thrifty, "grpo")
    assert "micro_tokens" not in advise_on_training(config, "grpo")
