"""A tiny critic on disk: real files of the real class, without training."""

import json
from pathlib import Path


def write_tiny_model(folder: Path) -> Path:
    """Write the model to `folder`. It generates short texts, so that tests do not wait for it."""
    import torch

    from modelassist.engine.models.folder import CRITIC_FILE
    from modelassist.engine.models.tiny import TINY_FRAMES, init_tiny

    torch.set_num_threads(1)
    init_tiny(folder, frames=TINY_FRAMES, seed=0)
    settings = json.loads((folder / CRITIC_FILE).read_text())
    (folder / CRITIC_FILE).write_text(json.dumps(settings | {"max_new_tokens": 16}))
    return folder
