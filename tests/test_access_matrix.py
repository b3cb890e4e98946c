"""Every address x role x verb: below the role that a view names, no verb gets through, with a session or a token."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern

from accounts.access import Access
from accounts.models import Role
from accounts.services import issue_token
from tests.annotation.factories import make_user
from tests.test_architecture import ADDRESSES

pytestmark = pytest.mark.django_db

VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
NOBODY = "00000000-0000-0000-0000-000000000000"
VALUES = {"int": "1", "uuid": NOBODY}
"""A value for each kind of part of an address; other kinds get a word. The role is checked before anything is read."""
CONVERTER = re.compile(r"<(?:(\w+):)?\w+>")


def write_path(pattern: str) -> str:
    return "/" + CONVERTER.sub(lambda match: VALUES.get(match[1], "absent"), pattern)


def list_pages(role: Role) -> Iterator[str]:
    """Yield a path of each page that this role may not open."""
    for path, pattern in ADDRESSES.items():
        access = getattr(pattern.callback, "access", None)
        if isinstance(access, Access) and access.role is not None and access.role.rank > role.rank:
            yield write_path(path)


def list_endpoints(role: Role) -> Iterator[tuple[str, str]]:
    """Yield each verb of the API that this role may not use, with a path."""
    for path, pattern in ADDRESSES.items():
        view = _find_api_view(pattern)
        for verb in VERBS if view is not None else ():
            required = view.required_role
            needed = required.get(verb) if isinstance(required, dict) else required
            if hasattr(view, verb.lower()) and needed is not None and needed.rank > role.rank:
                yield verb, write_path(path)


def _find_api_view(pattern: URLPattern) -> Any:
    view = getattr(pattern.callback, "cls", None)
    return view if getattr(view, "required_role", None) is not None else None


def sign_in(role: Role) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(make_user(role=role))
    return client


@pytest.mark.parametrize("role", [Role.ANNOTATOR, Role.LEAD])
def test_a_page_above_ones_role_is_refused_for_every_verb(role: Role) -> None:
    client = sign_in(role)
    pages = list(list_pages(role))
    assert len(pages) > (40 if role == Role.ANNOTATOR else 5)
    answers = {(verb, page): client.generic(verb, page).status_code for page in pages for verb in VERBS}
    assert {key: status for key, status in answers.items() if status != 403} == {}


def test_a_stranger_is_asked_to_sign_in_for_every_verb() -> None:
    client = Client(raise_request_exception=False)
    answers = {(verb, page): client.generic(verb, page) for page in list_pages(Role.ANNOTATOR) for verb in VERBS}
    assert all(answer.status_code == 302 and "/sign-in" in answer["Location"] for answer in answers.values())


@pytest.mark.parametrize("role", [Role.ANNOTATOR, Role.LEAD])
def test_a_token_reaches_nothing_of_the_api_above_its_role(role: Role) -> None:
    _token, secret = issue_token(actor=make_user(role=role), name="script")
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {secret}"})
    endpoints = list(list_endpoints(role))
    assert len(endpoints) > (20 if role == Role.ANNOTATOR else 3)
    answers = {(verb, path): client.generic(verb, path).status_code for verb, path in endpoints}
    assert {key: status for key, status in answers.items() if status != 403} == {}
    strangers = Client(raise_request_exception=False)
    assert {strangers.generic(verb, path).status_code for verb, path in endpoints} <= {401, 403}
