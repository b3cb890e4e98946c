"""A tiny critic on disk, made once a test process: real files of the real class, knowing nothing."""

import json
from pathlib import Path

import pytest

from accounts.models import Role, User


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    from modelassist.engine.model import CRITIC_FILE
    from modelassist.engine.tiny import TINY_FRAMES, init_tiny

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("tiny") / "model"
    init_tiny(folder, frames=TINY_FRAMES, seed=0)
    settings = json.loads((folder / CRITIC_FILE).read_text())
    (folder / CRITIC_FILE).write_text(json.dumps(settings | {"max_new_tokens": 16}))  # what it babbles may be short
    return folder


@pytest.fixture
def engineer(db: None) -> User:
    return User.objects.create_user("enno", None, role=Role.ENGINEER)
