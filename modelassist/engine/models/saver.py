"""Write a model folder: weights and config in the format of transformers, the tokenizer, and critic.json."""

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import PreTrainedTokenizerBase

from modelassist.engine.models.folder import CRITIC_FILE
from modelassist.engine.models.loader import LoadedModel
from qsave.frames.slowfast import FrameConfig

_OS_ERROR = re.compile(r"\(os error (\d+)\)")
"""The system's error number in a message of safetensors."""


def save(model: LoadedModel, folder: Path, *, dtype: torch.dtype = torch.bfloat16) -> None:
    """Write a complete model folder for `load`; adapters must already be merged.

    The weights in memory are also rounded to `dtype`, so the model must not be used afterwards.
    """
    write_model(folder, model.base.to(dtype), model.tokenizer)
    write_critic_settings(
        folder, model.frames, model.max_new_tokens, simulated=model.simulated, readings=model.readings
    )


def write_model(folder: Path, network: Any, tokenizer: PreTrainedTokenizerBase) -> None:
    """Write weights, config and tokenizer with the same permissions; raises OSError if the disk is full."""
    try:
        network.save_pretrained(folder)
    except SafetensorError as error:
        number = _OS_ERROR.search(str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(folder.parent)) from error
    tokenizer.save_pretrained(folder)
    for path in folder.glob("*.safetensors"):
        shutil.copymode(folder / "config.json", path)  # safetensors lets only the owner read what it writes


def write_critic_settings(
    folder: Path,
    frames: FrameConfig,
    max_new_tokens: int,
    *,
    simulated: bool = False,
    readings: Sequence[str] = (),
) -> None:
    """Write critic.json, which `read_critic_settings` reads."""
    settings = {
        "frames": asdict(frames),
        "max_new_tokens": max_new_tokens,
        **({"simulated": True} if simulated else {}),
        **({"readings": list(readings)} if readings else {}),
    }
    (folder / CRITIC_FILE).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
