"""Fixtures of the engine's tests: a tiny model and a small release."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from modelassist.engine.evaluation import intervals
from modelassist.engine.models import loader, tiny
from modelassist.engine.models.loader import LoadedModel
from tests.modelassist.engine.small import build_tokenizer_once, make_release, make_tiny


@pytest.fixture(scope="module", autouse=True)
def small_means() -> Iterator[None]:
    """One thread, and no more resamples than show that there are intervals; runs that a module shares included."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(intervals, "RESAMPLES", 20)
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", autouse=True)
def tokenizers_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tiny, "build_tokenizer", build_tokenizer_once)
        yield


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    make_tiny(folder)
    return folder


@pytest.fixture(scope="session", params=["qwen3_vl", "qwen2_5_vl"])
def folder_of_either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model of each kind in turn."""
    folder = tmp_path_factory.mktemp(request.param)
    make_tiny(folder, request.param)
    return folder


@pytest.fixture
def either(folder_of_either: Path) -> LoadedModel:
    """A critic of each kind in turn."""
    return loader.load(str(folder_of_either))


@pytest.fixture
def critic(tiny_folder: Path) -> LoadedModel:
    return loader.load(str(tiny_folder))


@pytest.fixture(scope="session")
def release_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    make_release(folder)
    return folder
