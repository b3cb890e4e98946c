"""ms-swift loads the preset `ms-swift`, and its template makes pixels of the frames.

`check_ms_swift.py PRESET MODEL OUT`, with ROOT_IMAGE_DIR and IMAGE_MIN_TOKEN_NUM as the preset's README says.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from stand_ins import put_in_place
from tiny_processor import make_processor
from transformers import AutoProcessor, Qwen3VLForConditionalGeneration

put_in_place()

from swift.dataset import load_dataset  # noqa: E402  # torchvision
from swift.model import get_model_processor  # noqa: E402  # torchvision
from swift.template import get_template  # noqa: E402  # torchvision


def check(file: Path, template: Any, network: Any) -> dict[str, Any]:
    """Load a file and run the model on its first row."""
    rows, _ = load_dataset(str(file), remove_unused_columns=False, load_from_cache_file=False)
    row = rows[0]
    seen: list[Any] = []
    hook = network.model.visual.register_forward_pre_hook(
        lambda _, inputs, named: seen.append(len(inputs[0] if inputs else named["hidden_states"])), with_kwargs=True
    )
    encoded = template.encode(dict(row))
    batch = template.data_collator([encoded])
    network(**{key: value for key, value in batch.items() if isinstance(value, torch.Tensor)})
    hook.remove()
    solution = json.loads(row["solution"])["visual"] if row.get("solution") else None
    return {"rows": len(rows), "patches": seen[0], "solution": solution, "learnt": encoded["labels"] is not None}


if __name__ == "__main__":
    torch.set_num_threads(1)
    preset, tiny, out = sys.argv[1:4]
    (Path(tiny) / "preprocessor_config.json").write_text("{}")  # tells ms-swift that the model has a processor
    AutoProcessor.from_pretrained = lambda *_, **__: make_processor(tiny)
    _, processor = get_model_processor(tiny, load_model=False, model_type="qwen3_vl")
    template = get_template(processor, template_type="qwen3_vl", remove_unused_columns=False)
    template.set_mode("train")
    template.image_token_id = processor.image_token_id  # ms-swift has the number of Qwen's own vocabulary
    network = template.dummy_model = Qwen3VLForConditionalGeneration.from_pretrained(tiny)
    files = sorted(Path(preset).glob("*/train.jsonl"))
    print(json.dumps({file.parent.name: check(file, template, network) for file in files}))
