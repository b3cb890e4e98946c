"""The critic of kind `endpoint` beside a server that answers well, wrongly, slowly or not at all."""

import dataclasses
import json
import math
import time
from pathlib import Path

import pytest

from modelassist.kinds.base import ClipAnswer, ClipQuestion, CriticUnavailable
from modelassist.kinds.endpoint import transport
from modelassist.kinds.endpoint.proposer import LEVEL_ONLY, EndpointCritic, Offer
from modelassist.kinds.endpoint.settings import EndpointSettings
from modelassist.kinds.endpoint.usage import Usage
from operations import egress
from qsave.answers.json_form import render_json
from qsave.axes import Axis
from qsave.frames.slowfast import FrameConfig
from qsave.grammar import render
from qsave.prompt import SYSTEM_PROMPT, make_user_prompt
from qsave.report_card import AxisReport, Evidence, ReportCard, TimeRange
from qsave.words import isolate
from tests.annotation.intake.test_bucket_connections import write_certificate
from tests.modelassist.kinds.scripted_server import (
    Answer,
    ScriptedServer,
    chat,
    drip,
    respond,
    say_nothing,
    send,
)
from tests.support.speed import allow

CARD = ReportCard(
    visual=AxisReport(2, (Evidence("blur", TimeRange(0.1, 0.5)),), "The square is soft."),
    dynamic=AxisReport(4, (), "It moves evenly."),
    alignment=AxisReport(5, (), "All of it is there."),
)
FRAMES = FrameConfig(fast_frames=3, fast_pixels=32 * 32, slow_frames=1, slow_pixels=64 * 64)
BIG = 9 * 2**20


def make_critic(server: ScriptedServer, **settings: object) -> EndpointCritic:
    given = {"retries": 0, "timeout": 20, "frames": FRAMES, **settings}
    return EndpointCritic(
        EndpointSettings(server.url, "grader", **given),  # type: ignore[arg-type]
        allowed_hosts=["127.0.0.1"],
    )


def ask(server: ScriptedServer, question: ClipQuestion, **settings: object) -> ClipAnswer:
    critic = make_critic(server, **settings)
    try:
        return critic.propose([question])[0]
    finally:
        critic.close()


def refuse(status: int, message: str, **headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return respond(status, json.dumps({"error": {"message": message}}).encode(), names)


JSON_ERROR = "The server 127.0.0.1 answers with something else than JSON"
CLOSED = "The server 127.0.0.1 cannot be reached, or ends its answers half way"
LATE = "The server 127.0.0.1 did not answer within 1 s"
UNAVAILABLE: dict[str, tuple[Answer, str]] = {
    "silent": (say_nothing, LATE),
    "headers without end": (drip(b"HTTP/1.1 200 OK\r\nA: ", b"a"), LATE),
    "body without end": (drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "), LATE),
    "no answer": (send(b""), CLOSED),
    "no HTTP": (send(b"SSH-2.0-OpenSSH_9.6\r\n"), CLOSED),
    "closed in the headers": (send(b"HTTP/1.1 200 OK\r\nContent-Le"), CLOSED),
    "closed in the body": (send(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"choices":'), CLOSED),
    "cut JSON": (respond(200, b'{"choices": [{"message"'), JSON_ERROR),
    "no UTF-8": (respond(200, b'{"choices": "\xff\xfe\xc0"}'), JSON_ERROR),
    "a page": (
        respond(200, b"<html>\n<h1>Welcome</h1>\x00\x1b[31m", {"Content-Type": "text/html"}),
        f"{JSON_ERROR}; its words: {isolate(repr('<html> <h1>Welcome</h1> [31m'))}.",
    ),
    "nested JSON": (respond(200, b"[" * 100_000), JSON_ERROR),
    "a list": (respond(200, b"[1]"), "answers, but not as an OpenAI-compatible server does"),
    "other JSON": (respond(200, b'{"status": "ok"}'), "answers, but not with a chat completion"),
    "choices of another type": (respond(200, b'{"choices": {"0": 1}}'), "answers, but not with a chat completion"),
    "a huge body": (respond(200, b" " * BIG), "sends an answer of more than 8 MB"),
    "a compressed body": (respond(200, b"\x1f\x8b", {"Content-Encoding": "gzip"}), CLOSED),
    "a redirect inward": (
        respond(307, b"", {"Location": "http://169.254.169.254/latest/meta-data"}),
        "redirects to another address, which is not followed",
    ),
    "a wrong key": (refuse(401, "no such key"), "refuses a request without a key (status 401)"),
    "no credit": (refuse(402, "pay"), "refuses a request without a key (status 402)"),
    "not found": (refuse(404, "x"), "no chat at this address, or no model 'grader': it does not list its models"),
    "busy": (refuse(429, "slow down"), f"is busy (status 429); its words: {isolate(repr('slow down'))}."),
    "busy for long": (refuse(429, "x", Retry_After="3600"), "It asks to wait 3600 s."),
    "broken": (refuse(500, "boom"), f"fails (status 500); its words: {isolate(repr('boom'))}."),
    "broken at length": (respond(503, b"y" * 5000), f"{'y' * 200}…"),
}


@pytest.mark.parametrize(("answer", "words"), UNAVAILABLE.values(), ids=UNAVAILABLE)
def test_a_server_that_cannot_answer_is_unavailable_in_a_sentence(
    server: ScriptedServer, question: ClipQuestion, answer: Answer, words: str
) -> None:
    server.script = [answer]

    with pytest.raises(CriticUnavailable) as error:
        ask(server, question, timeout=1 if words == LATE else int(allow(20)))

    assert words in str(error.value)
    assert str(error.value).endswith(". Drafting tries again by itself.")
    assert "169.254" not in str(error.value)
    assert len(str(error.value)) < 450
    assert len(server.requests) == 1


BAD_ANSWERS: dict[str, tuple[Answer, str]] = {
    "empty": (chat(""), "The critic's answer is empty."),
    "prose": (chat("A lovely video."), "The critic's answer is not in the form that was asked for"),
    "cut off": (chat('{"visual": {"rea', finish="length"), "The critic's answer was cut off at the limit of tokens."),
    "no text": (respond(200, b'{"choices": [{"message": {"content": null}}]}'), "The critic's answer is empty."),
    "text of another type": (
        respond(200, b'{"choices": [{"message": {"content": [1]}}]}'),
        "The critic's answer is empty.",
    ),
    "too long a prompt": (
        refuse(400, "maximum context length"),
        f"refuses the request for this clip (status 400); its words: {isolate(repr('maximum context length'))}.",
    ),
    "too large a request": (respond(413, b""), "refuses the request for this clip (status 413)."),
}


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ([], "has no model 'grader'. It lists none. "),
        (["a", "b"], f"has no model 'grader'. It lists {isolate(repr('a'))}, {isolate(repr('b'))}. "),
        (list("abcdefgh"), " and 3 more. "),
        (["a", "grader"], "lists the model 'grader', but has no chat at this address (status 404)"),
    ],
)
def test_a_chat_that_is_not_found_is_explained_by_the_list_of_models(
    server: ScriptedServer, question: ClipQuestion, listed: list[str], words: str
) -> None:
    server.models = respond(200, json.dumps({"data": [{"id": name} for name in listed]}).encode())
    server.script = [refuse(404, "x")]
    with pytest.raises(CriticUnavailable) as error:
        ask(server, question)
    assert words in str(error.value)


def test_a_critic_that_was_trained_here_is_asked_with_its_own_prompt_and_answers_in_its_grammar(
    server: ScriptedServer, question: ClipQuestion
) -> None:
    server.script = [chat(render(CARD))]
    answer = ask(server, question, prompt="critic")
    assert answer.proposal is not None
    assert answer.proposal.scores == {Axis.VISUAL: 2, Axis.DYNAMIC: 4, Axis.ALIGNMENT: 5}
    (request,) = server.requests
    system, user = request.body["messages"]
    assert system == {"role": "system", "content": SYSTEM_PROMPT}
    assert user["content"][-1]["text"] == make_user_prompt(question.prompt)
    assert "response_format" not in request.body


@pytest.mark.parametrize(("answer", "words"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_a_bad_answer_concerns_its_clip_alone(
    server: ScriptedServer, question: ClipQuestion, answer: Answer, words: str
) -> None:
    critic = make_critic(server)
    server.script = [chat(render_json(CARD)), answer, chat(render_json(CARD))]

    first, bad, last = [critic.propose([question])[0] for _ in range(3)]

    critic.close()
    assert words in bad.error
    assert bad.proposal is None
    assert first == last
    assert not first.error


@pytest.mark.parametrize("content", [b"", b"no video"])
def test_a_clip_that_cannot_be_read_is_not_sent(
    server: ScriptedServer, question: ClipQuestion, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    server.script = [chat(render_json(CARD))]

    answers = make_critic(server).propose([ClipQuestion(path, "x", question.taxonomy), question])

    assert answers[0].error.startswith("The ")
    assert answers[1].proposal is not None
    assert len(server.requests) == 1


def test_a_busy_server_is_asked_again_after_the_pause_it_asks_for(
    server: ScriptedServer, question: ClipQuestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    server.script = [refuse(429, "x", Retry_After="7"), refuse(503, "x"), send(b""), chat(render_json(CARD))]

    answer = ask(server, question, retries=3)

    assert answer.proposal is not None
    assert len(server.requests) == 4
    assert pauses[0] == 7
    assert 0 < pauses[1] <= 1
    assert 0 < pauses[2] <= 2


def test_all_tries_are_counted_in_the_sentence(
    server: ScriptedServer, question: ClipQuestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    server.script = [refuse(500, "boom")]

    with pytest.raises(CriticUnavailable, match=r"fails \(status 500\), tried 3 times"):
        ask(server, question, retries=2)

    assert len(server.requests) == 3


def test_the_question_has_frames_times_prompt_and_defects(server: ScriptedServer, question: ClipQuestion) -> None:
    server.script = [chat(render_json(CARD), usage={"prompt_tokens": 900, "completion_tokens": 80})]
    critic = make_critic(server)

    critic.propose([question])

    (request,) = server.requests
    system, user = request.body["messages"]
    parts = user["content"]
    texts = [part["text"] for part in parts if part["type"] == "text"]
    assert [part["type"] for part in parts] == [
        "text",
        *["text", "image_url"],
        "text",
        *["text", "image_url"] * 3,
        "text",
    ]
    assert texts[0].startswith("Large frames")
    assert texts[2:6] == ["Small frames, evenly spread over the whole video:", *texts[3:6]]
    assert texts[3:6] == ["<0.0 seconds>", "<0.2 seconds>", "<0.6 seconds>"]
    assert texts[6] == "Prompt: A square wanders"
    assert "camera-shake" in system["content"]
    assert request.headers["authorization"] == "Bearer none"
    assert request.headers["qsave-frame-times"].endswith("fast=0.0,0.25,0.625")
    assert request.body["response_format"]["type"] == "json_schema"
    usage = critic.take_usage()
    assert dataclasses.replace(usage, seconds=0) == Usage(1, 0, 900, 80)
    assert usage.seconds > 0
    assert critic.take_usage() == Usage()
    critic.close()


def test_without_probabilities_the_level_is_the_score_and_says_so(
    server: ScriptedServer, question: ClipQuestion
) -> None:
    server.script = [chat(render_json(CARD))]

    answer = ask(server, question)

    assert answer.proposal is not None
    assert answer.proposal.scores == {Axis.VISUAL: 2, Axis.DYNAMIC: 4, Axis.ALIGNMENT: 5}
    assert {one.note for one in answer.proposal.axes.values()} == {LEVEL_ONLY}
    assert answer.proposal.visual is not None
    assert answer.proposal.visual.evidence == CARD.visual.evidence


def test_with_probabilities_the_score_is_the_expectation(server: ScriptedServer, question: ClipQuestion) -> None:
    text = render_json(CARD)
    start = text.index("poor")
    likely = [{"token": "po", "logprob": math.log(0.5)}, {"token": '"fair', "logprob": math.log(0.25)}]
    tokens = [
        {"token": text[:start], "logprob": 0},
        {"token": "po", "logprob": -0.1, "top_logprobs": likely},
        {"token": text[start + 2 :], "logprob": 0, "top_logprobs": [{"token": "zzz", "logprob": 0}]},
    ]
    server.script = [chat(text, logprobs={"content": tokens})]

    answer = ask(server, question)

    assert answer.proposal is not None
    assert answer.proposal.scores[Axis.VISUAL] == pytest.approx((2 * 0.5 + 3 * 0.25) / 0.75)
    assert answer.proposal.scores[Axis.DYNAMIC] == 4
    assert answer.proposal.visual is not None
    assert answer.proposal.visual.note == ""


@pytest.mark.parametrize("logprobs", [5, {"content": 5}, {"content": [5]}, {"content": [{"token": 5}]}, {}])
def test_probabilities_that_cannot_be_read_are_ignored(
    server: ScriptedServer, question: ClipQuestion, logprobs: object
) -> None:
    server.script = [chat(render_json(CARD), logprobs=logprobs)]

    answer = ask(server, question)

    assert answer.proposal is not None
    assert answer.proposal.scores[Axis.VISUAL] == 2


def test_what_a_server_refuses_is_left_out_and_remembered(server: ScriptedServer, question: ClipQuestion) -> None:
    unsupported = json.dumps({"error": {"message": "Unsupported", "param": "max_tokens"}}).encode()
    server.script = [respond(400, unsupported), respond(400, b"{}"), chat(render_json(CARD))]
    critic = make_critic(server)

    critic.propose([question, question])

    bodies = [request.body for request in server.requests]
    assert [set(body) - {"model", "messages", "temperature", "top_logprobs"} for body in bodies] == [
        {"max_tokens", "logprobs", "response_format"},
        {"max_completion_tokens", "logprobs", "response_format"},
        {"max_completion_tokens", "logprobs"},
        {"max_completion_tokens", "logprobs"},
    ]
    assert "one JSON object" in bodies[1]["messages"][0]["content"]
    assert "<think>" in bodies[2]["messages"][0]["content"]
    assert critic.offer == Offer(json_schema=False, logprobs=True)
    critic.close()


@pytest.mark.parametrize(
    ("structured", "has_schema", "has_pattern"),
    [("auto", True, False), ("json_schema", True, False), ("grammar", False, True), ("none", False, False)],
)
def test_the_form_is_asked_for_as_the_settings_say(
    server: ScriptedServer, question: ClipQuestion, structured: str, has_schema: bool, has_pattern: bool
) -> None:
    server.script = [chat(render_json(CARD))]

    ask(server, question, structured=structured)

    body = server.requests[0].body
    assert ("response_format" in body, "structured_outputs" in body) == (has_schema, has_pattern)


def test_frames_are_those_that_the_server_names_for_its_model(server: ScriptedServer, question: ClipQuestion) -> None:
    entries = [{"id": "other"}, {"id": "grader", "frames": dataclasses.asdict(FRAMES)}]
    server.models = respond(200, json.dumps({"data": entries}).encode())
    server.script = [chat(render_json(CARD))]

    ask(server, question, frames=None)

    kinds = [part["type"] for part in server.requests[0].body["messages"][1]["content"]]
    assert kinds.count("image_url") == FRAMES.fast_frames + FRAMES.slow_frames


def test_a_host_that_nobody_allows_gets_nothing(server: ScriptedServer, question: ClipQuestion) -> None:
    critic = EndpointCritic(EndpointSettings(server.url, "grader", retries=0), allowed_hosts=["other.internal"])

    with pytest.raises(CriticUnavailable, match="An operator who wants clips to be sent there adds the host"):
        critic.propose([question])

    critic.close()
    assert server.requests == []


def test_the_connection_goes_to_the_address_that_was_checked(
    question: ClipQuestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that resolves to a public address first, and inward later."""
    answers = iter([["203.0.113.7"], ["127.0.0.1"]])
    checked: list[str] = []

    def connect_to(address: str, *_: object) -> None:
        checked.append(address)
        raise OSError("unreachable")

    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(0, 0, 0, "", (next(answers)[0], 443))])
    monkeypatch.setattr(egress, "is_public", lambda address: str(address) == "203.0.113.7")
    monkeypatch.setattr(egress, "_connect_to", connect_to)
    critic = EndpointCritic(
        EndpointSettings("https://grader.example/v1", "x", retries=0, frames=FRAMES), allowed_hosts=[]
    )

    with pytest.raises(CriticUnavailable, match="cannot be reached"):
        critic.propose([question])
    with pytest.raises(CriticUnavailable, match="is not allowed"):
        critic.propose([question])

    critic.close()
    assert checked == ["203.0.113.7"]


@pytest.mark.parametrize(
    ("name", "is_trusted"), [("grader.example", True), ("other.example", True), ("grader.example", False)]
)
def test_https_is_verified_for_the_name_at_the_checked_address(
    server: ScriptedServer,
    question: ClipQuestion,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    is_trusted: bool,
) -> None:
    server.certificate = write_certificate(tmp_path / "certificate.pem", name)
    server.script = [chat(render_json(CARD))]
    monkeypatch.setattr(egress, "resolve_host", lambda *_, **__: ["127.0.0.1"])
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    settings = EndpointSettings(f"https://grader.example:{server.port}/v1", "grader", retries=0, frames=FRAMES)
    critic = EndpointCritic(settings, allowed_hosts=[])

    if is_trusted and name == settings.host:
        assert critic.propose([question])[0].proposal is not None
    else:
        with pytest.raises(CriticUnavailable, match="has a certificate that is not valid for its name"):
            critic.propose([question])
        assert server.requests == []

    critic.close()


def test_a_key_goes_to_hosts_that_the_operator_names_only(
    server: ScriptedServer, question: ClipQuestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QSAVE_CRITIC_KEY_LAB", "sk-secret")
    settings = EndpointSettings(server.url, "grader", key="LAB", retries=0, frames=FRAMES)
    server.script = [chat(render_json(CARD)), refuse(401, "no")]

    with pytest.raises(CriticUnavailable, match="The key LAB is not sent to"):
        EndpointCritic(settings, allowed_hosts=[])
    critic = EndpointCritic(settings, allowed_hosts=["127.0.0.1"])
    critic.propose([question])
    with pytest.raises(CriticUnavailable, match="refuses the key LAB") as error:
        critic.propose([question])

    critic.close()
    assert server.requests[0].headers["authorization"] == "Bearer sk-secret"
    assert "sk-secret" not in str(error.value)


def test_the_largest_answer_is_far_above_a_report_card() -> None:
    assert 100 * len(render_json(CARD)) < transport.MAX_BODY
