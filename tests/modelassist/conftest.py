"""Fixtures of the tests of critics."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import pytest

from accounts.models import Role, User
from annotation.models import Campaign
from modelassist.bridge import resolve_critic
from modelassist.kinds import child_side, engine_process
from modelassist.kinds.base import ClipAnswer, ClipQuestion, CriticUnavailable
from modelassist.models import Critic
from modelassist.services import drafting
from tests.modelassist.tiny_world import write_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A critic that knows nothing, made once a test process."""
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture
def engineer(db: None) -> User:
    return User.objects.create_user("enno", None, role=Role.ENGINEER)


class InProcess:
    """A local model that answers in the test's own process, as in its own one, but without the seconds of a start."""

    def __init__(self, model: str) -> None:
        self.model = model

    def propose(self, questions: Sequence[ClipQuestion]) -> list[ClipAnswer]:
        try:
            return _load(self.model)(questions)
        except child_side.FAULTS as error:
            raise CriticUnavailable(child_side.describe_fault(error)) from error


@lru_cache(maxsize=1)
def _load(model: str) -> engine_process.AnswerQuestions:
    return engine_process.load(model)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(critic: Critic, *, campaign: Campaign, on_wait: Callable[[], None]) -> InProcess:
        return InProcess(resolve_critic(critic))

    monkeypatch.setattr(drafting, "make_proposer", make)
