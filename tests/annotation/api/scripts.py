"""Scripts that use the API: clients with a token, and requests with a JSON body."""

import json
from typing import Any

from django.test import Client

from accounts.models import User
from accounts.services import issue_token


def make_script(user: User) -> Client:
    """Return a client that is the user's by a token alone."""
    _, secret = issue_token(actor=user, name="script")
    return Client(headers={"Authorization": f"Bearer {secret}"})


def post_json(client: Client, url: str, data: Any = None) -> Any:
    return client.post(url, data=json.dumps(data or {}), content_type="application/json")


def patch_json(client: Client, url: str, data: Any) -> Any:
    return client.patch(url, data=json.dumps(data), content_type="application/json")
