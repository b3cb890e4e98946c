"""`serve` in a process of its own: its scores are those of `score`, and no request harms it."""

import json
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from modelassist.engine.cli.options import main
from modelassist.engine.generation.critic import Critic
from modelassist.engine.models.folder import CRITIC_FILE
from modelassist.engine.serving.server import MAX_BODY
from modelassist.kinds.base import ClipQuestion
from modelassist.kinds.endpoint.proposer import EndpointCritic, Offer
from modelassist.kinds.endpoint.settings import EndpointSettings
from modelassist.toy.render import render_clip
from modelassist.toy.world import make_spec
from qsave.axes import AXES
from qsave.taxonomy import DEFAULT_TAXONOMY
from tests.support.speed import allow

ROOT = Path(__file__).resolve().parents[4]
KEY = "sk-1"
STARTER = ROOT / "modelassist" / "starter"


@contextmanager
def run_serve(*options: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run the command of the docs on a free port while the body runs; yields the process and the server's URL."""
    docs = (ROOT / "docs" / "critics.md").read_text().splitlines()
    (line,) = (line.strip() for line in docs if "modelassist.engine serve --model" in line)
    _python, *words = line.replace("--port 8000", "--port 0").split()
    command = [sys.executable, *words, *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            yield process, line.partition(" answers at ")[2].partition(" ")[0]
        finally:
            process.kill()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_text(f"{KEY}\n")
    with run_serve("--key-file", str(key)) as (process, url):
        yield url
        process.send_signal(signal.SIGTERM)
        assert process.wait(allow(30)) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def send(url: str, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
    where = urlsplit(url)
    connection = HTTPConnection(where.hostname or "", where.port, timeout=allow(60))
    given = {"Authorization": f"Bearer {KEY}", **headers}
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in given.items()})
    response = connection.getresponse()
    content = json.loads(response.read())
    connection.close()
    return response.status, content


def test_an_endpoint_critic_gives_the_scores_of_the_model_behind_it(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QSAVE_CRITIC_KEY_OWN", KEY)
    questions = []
    for number in range(2):
        spec = make_spec(991, 3 * number)
        render_clip(spec, tmp_path / f"{number}.mp4")
        questions.append(ClipQuestion(tmp_path / f"{number}.mp4", spec.prompt, DEFAULT_TAXONOMY))
    local = Critic.load(str(STARTER)).score([(question.video, question.prompt) for question in questions])

    for structured in ("auto", "none"):
        critic = EndpointCritic(
            EndpointSettings(url, "starter", "OWN", structured=structured), allowed_hosts=["127.0.0.1"]
        )
        answers = critic.propose(questions)
        assert critic.offer == Offer(json_schema=structured == "auto", logprobs=True)
        critic.close()

        for answer, scored in zip(answers, local, strict=True):
            assert scored.card is not None
            assert answer.proposal is not None
            assert list(answer.proposal.axes) == list(AXES)
            for axis, one in answer.proposal.axes.items():
                assert one.score == pytest.approx(scored.card.axis(axis).score, abs=1e-4)
                assert one.reason == scored.card.axis(axis).reason
                assert one.note == ""


def test_the_list_of_models_names_the_model_and_its_frames(url: str) -> None:
    status, content = send(url, "GET", "/v1/models")

    assert status == 200
    assert [entry["id"] for entry in content["data"]] == ["starter"]
    assert content["data"][0]["frames"]["fast_frames"] == 8


WRONG: list[tuple[str, str, bytes, dict[str, str], int, str]] = [
    ("GET", "/", b"", {}, 404, "There is only"),
    ("POST", "/v1/completions", b"{}", {}, 404, "There is only"),
    ("DELETE", "/v1/models", b"", {}, 501, "Unsupported method"),
    ("POST", "/v1/chat/completions", b"", {"Content_Length": "x"}, 411, "Content-Length"),
    ("POST", "/v1/chat/completions", b"", {"Content_Length": str(MAX_BODY + 1)}, 413, "larger than 64 MB"),
    ("POST", "/v1/chat/completions", b"{", {}, 400, "not JSON"),
    ("POST", "/v1/chat/completions", b"\xff\xfe", {}, 400, "not JSON"),
    ("POST", "/v1/chat/completions", b"[" * 100_000, {}, 400, "not JSON"),
    ("POST", "/v1/chat/completions", b"[]", {}, 400, "must be a JSON object"),
    ("POST", "/v1/chat/completions", b'{"model": "gpt-4"}', {}, 404, "The only model here is 'starter'"),
    ("POST", "/v1/chat/completions", b'{"model": "starter"}', {}, 400, "messages must be a list"),
]


@pytest.mark.parametrize(("method", "path", "body", "headers", "status", "words"), WRONG)
def test_a_wrong_request_gets_an_error_as_openai_sends_it(
    url: str, method: str, path: str, body: bytes, headers: dict[str, str], status: int, words: str
) -> None:
    got, content = send(url, method, path, body, **headers)

    assert got == status
    assert words in content["error"]["message"]
    assert content["error"]["message"].endswith(".")
    assert set(content["error"]) == {"message", "type", "param", "code"}


def test_a_client_that_goes_away_stops_nothing(url: str) -> None:
    where = urlsplit(url)
    for start in (b"", b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 500\r\n\r\n{", b"\x16\x03\x01\r\n\r\n"):
        with socket.create_connection((where.hostname or "", where.port or 0)) as connection:
            connection.sendall(start)

    assert send(url, "GET", "/v1/models")[0] == 200


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sk-2"}, {"Authorization": "Bearer "}])
def test_without_the_key_nothing_is_answered(url: str, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/v1/models"), ("POST", "/v1/chat/completions")):
        status, content = send(url, method, path, b"{}", **{"Authorization": "", **headers})

        assert (status, content["error"]["message"]) == (401, "The key is wrong or missing.")


def test_a_critic_that_is_told_readings_is_not_served(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "told")
    settings = json.loads((folder / CRITIC_FILE).read_text())
    (folder / CRITIC_FILE).write_text(json.dumps(settings | {"readings": ["frozen"]}))
    assert main(["serve", "--model", str(folder), "--port", "0"]) == 1
    assert "a request has frames alone: use score" in capsys.readouterr().err
