"""Fixtures of the tests of critics."""

from pathlib import Path

import pytest

from accounts.models import Role, User
from tests.modelassist.tiny_world import write_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A critic that knows nothing, made once a test process."""
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture
def engineer(db: None) -> User:
    return User.objects.create_user("enno", None, role=Role.ENGINEER)
