"""Choose what is trained: the whole model, all but the vision tower, or LoRA adapters on the language model.

Trained weights are float32 even if the run has another dtype: in bfloat16 an update of a thousandth of a weight would
be rounded to nothing. Frozen weights may have fewer bits.
"""

import warnings
from typing import Any

from peft import LoraConfig as PeftConfig
from peft import PeftModel, get_peft_model

from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings.config import Config

_TARGETS = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"


def prepare(model: LoadedModel, config: Config) -> None:
    """Mark the trainable weights, in place. With adapters all other weights are frozen, also those of the tower."""
    base = model.base
    if config.freeze_vision:
        base.model.visual.requires_grad_(False)
    if config.lora.rank:
        model.network = _add_adapters(base, config)
    for value in model.network.parameters():
        if value.requires_grad:
            value.data = value.data.float()
    if config.gradient_checkpointing:
        # the reentrant kind silently drops gradients if the inputs need none
        base.activation_checkpointing_enable({"use_reentrant": False})


def _add_adapters(base: Any, config: Config) -> PeftModel:
    """Add adapters, without the warning that peft causes by reading a deprecated property of the model."""
    adapters = PeftConfig(r=config.lora.rank, lora_alpha=config.lora.alpha, target_modules=_TARGETS, lora_dropout=0.0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        return get_peft_model(base, adapters)


def is_vision_frozen(config: Config) -> bool:
    """Whether a clip's vision features stay the same during the run."""
    return config.freeze_vision or config.lora.rank > 0


def merge_adapters(model: LoadedModel) -> None:
    """Merge adapters into the weights, in place, so that the model loads like any other."""
    if isinstance(model.network, PeftModel):
        model.network = model.network.merge_and_unload()
