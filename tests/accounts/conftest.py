"""The people that the tests of accounts share."""

import pytest

from accounts.models import Role, User
from tests.accounts.passwords import PASSWORD


@pytest.fixture
def ada(db: None) -> User:
    """An annotator."""
    return User.objects.create_user("Ada", PASSWORD)


@pytest.fixture
def lead(db: None) -> User:
    return User.objects.create_user("lead", PASSWORD, role=Role.LEAD)


@pytest.fixture
def engineer(db: None) -> User:
    return User.objects.create_user("engineer", PASSWORD, role=Role.ENGINEER)
