"""The requests that docs/critics.md shows are answered as it says."""

import json
import re
import shlex
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.services import issue_token
from modelassist.services import scoring_work
from modelassist.services.builtin import register_detectors
from operations import jobs
from operations.models import Job
from tests.annotation import factories
from tests.datasets.world import rated_campaign
from tests.modelassist.fake_critics import Answering

pytestmark = pytest.mark.django_db
DOCS = Path(__file__).parents[2] / "docs" / "critics.md"


def list_requests() -> list[list[str]]:
    """Return the words of each curl command."""
    text = DOCS.read_text(encoding="utf-8").replace("\\\n", " ")
    return [shlex.split(line) for line in re.findall(r"^    curl (.*)$", text, re.MULTILINE)]


def send(client: Client, words: list[str]) -> dict[str, object]:
    """Send what curl would send, poll `Location` once the job is done, and return the answer."""
    options = list(pairwise(words))
    headers = dict(value.split(": ", 1) for option, value in options if option == "-H")
    headers.pop("Authorization")
    fields = dict(value.split("=", 1) for option, value in options if option == "-F")
    path = urlsplit(words[-1]).path
    if fields:
        files = {
            name: SimpleUploadedFile(value[1:], factories.make_video()) if value.startswith("@") else value
            for name, value in fields.items()
        }
        answer = client.post(path, files, headers=headers)
    else:
        body = next(value for option, value in options if option == "-d")
        answer = client.post(path, body, headers.pop("Content-Type"), headers=headers)
    assert answer.status_code == 202, answer.content
    jobs.run(Job.objects.latest("created_at").pk)
    polled: dict[str, object] = json.loads(client.get(answer["Location"]).content)
    return polled


def test_the_requests_of_the_documentation_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    register_detectors()
    rated_campaign(2, 2, 2, raters=1, name="spring", title="Spring", overlap=1, assisted_share=0.0)
    monkeypatch.setattr(scoring_work, "choose_proposer", Answering())
    monkeypatch.setattr("modelassist.services.predicting_work.make_proposer", Answering())
    _token, secret = issue_token(actor=factories.make_lead(), name="docs")
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    scored, predicted = (send(client, words) for words in list_requests())
    assert scored["state"] == predicted["state"] == "done"
    assert set(scored) >= {"answer", "trust"}
    assert set(predicted) >= {"figures", "files"}
