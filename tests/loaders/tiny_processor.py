"""A processor of Qwen3-VL for the tiny model, without torchvision: pictures by PIL, no videos."""

from typing import Any

from transformers import AutoTokenizer, Qwen3VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

TEMPLATE = (
    "{% for turn in messages %}<|im_start|>{{ turn.role }}\n"
    "{% if turn.content is string %}{{ turn.content }}{% else %}{% for part in turn.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""What Qwen3-VL's template makes of texts and pictures."""


class NoVideos:
    """Takes the place of the processor of videos, which needs torchvision."""

    model_input_names: tuple[str, ...] = ()
    temporal_patch_size = 2
    merge_size = 2


class PictureProcessor(Qwen3VLProcessor):
    """Accepts `NoVideos`, whose class transformers does not know."""

    def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
        if argument_name == "video_processor":
            return NoVideos
        return super().check_argument_for_proper_class(argument_name, argument)


def make_processor(model: str) -> Qwen3VLProcessor:
    """Make the processor. Its least picture is one vision token, so that no frame is enlarged."""
    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    pictures = Qwen2VLImageProcessorPil(
        patch_size=16,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        size={"shortest_edge": 32 * 32, "longest_edge": 1024 * 32 * 32},
    )
    return PictureProcessor(pictures, tokenizer, NoVideos(), chat_template=TEMPLATE)
