"""What of a model is trained: all of it, all but the vision tower, or low-rate adapters on the language model.

What is trained is kept in float32 whatever the arithmetic: in bfloat16, steps of a thousandth of a weight are rounded
away. What stays as it is can be in fewer bits.
"""

import warnings
from typing import Any

from peft import LoraConfig as PeftConfig
from peft import PeftModel, get_peft_model

from modelassist.engine.models.loader import Loaded
from modelassist.engine.settings.config import Config

_TARGETS = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"


def prepare(critic: Loaded, config: Config) -> None:
    """Mark what is trainable, in place. Adapters leave every other weight, the vision tower too, as it is."""
    base = critic.base
    if config.freeze_vision:
        base.model.visual.requires_grad_(False)
    if config.lora.rank:
        critic.network = _with_adapters(base, config)
    for value in critic.network.parameters():
        if value.requires_grad:
            value.data = value.data.float()
    if config.gradient_checkpointing:
        # the reentrant kind silently loses the gradients of inputs that need none
        base.activation_checkpointing_enable({"use_reentrant": False})


def _with_adapters(base: Any, config: Config) -> PeftModel:
    """Peft reads a property of the model that transformers is giving up; no call of it does without."""
    adapters = PeftConfig(r=config.lora.rank, lora_alpha=config.lora.alpha, target_modules=_TARGETS, lora_dropout=0.0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        return get_peft_model(base, adapters)


def vision_is_frozen(config: Config) -> bool:
    """Whether a clip's vision features stay the same through the run."""
    return config.freeze_vision or config.lora.rank > 0


def merge_adapters(critic: Loaded) -> None:
    """Fold adapters into the weights, in place, so that the model loads like any other."""
    if isinstance(critic.network, PeftModel):
        critic.network = critic.network.merge_and_unload()
