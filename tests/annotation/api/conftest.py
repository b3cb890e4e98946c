"""Scripts of a lead and of a rater."""

import pytest
from django.test import Client

from accounts.models import User
from tests.annotation.api.scripts import make_script


@pytest.fixture
def lead_script(lead: User) -> Client:
    return make_script(lead)


@pytest.fixture
def rater_script(rater: User) -> Client:
    return make_script(rater)
