"""The critic of kind `endpoint`: any OpenAI-compatible server, asked about one clip at a time.

A server that is down, busy or refuses the key makes the critic unavailable. An answer that cannot be read, or a request
that the server refuses for one clip, concerns that clip alone.
"""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from modelassist.kinds.base import ClipAnswer, ClipQuestion, CriticUnavailable
from modelassist.kinds.clips import ClipUnreadableError, ShownClip, read_shown_clip
from modelassist.kinds.endpoint.client import ChatClient, Reply, RequestRefused
from modelassist.kinds.endpoint.levels import compute_expected_scores
from modelassist.kinds.endpoint.messages import build_critic_messages, build_messages
from modelassist.kinds.endpoint.settings import CRITIC_PROMPT, EndpointSettings, read_key
from modelassist.kinds.endpoint.usage import Usage
from qsave.answers.guided import make_answer_pattern
from qsave.answers.json_form import SCHEMA_NAME, make_schema
from qsave.answers.reading import AnswerError, ReadAnswer, read_answer
from qsave.frames.chat_parts import TIMES_HEADER
from qsave.frames.slowfast import FrameConfig
from qsave.proposal import Proposal

TEXT_LIMIT = 20_000
"""Characters of an answer that are kept."""
LEVEL_ONLY = "The score is the level that the model wrote: the server gives no probabilities."
OPTIONAL = ("response_format", "logprobs", "max_tokens", "temperature")
"""Parts of a request that a server may refuse, in the order in which they are left out."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server turned out to take; known after the first answer."""

    json_schema: bool
    logprobs: bool


class EndpointCritic:
    """A server that is ready to be asked. Close it after use."""

    def __init__(self, settings: EndpointSettings, *, allowed_hosts: Collection[str]) -> None:
        """Take the settings and the hosts that may have private addresses. Raises CriticUnavailable without its key."""
        self.settings = settings
        allowed = frozenset(host.lower() for host in allowed_hosts)
        if settings.key and settings.host not in allowed:
            raise CriticUnavailable(
                f"The key {settings.key} is not sent to {settings.host}. An operator who allows that adds the host to "
                "QSAVE_CRITIC_HOSTS."
            )
        self._client = ChatClient(settings, key=read_key(settings.key), allowed=allowed)
        self._left_out: frozenset[str] | None = None
        self._frames: FrameConfig | None = settings.frames

    def close(self) -> None:
        self._client.close()

    def take_usage(self) -> Usage:
        """Return what was asked since the last call."""
        return self._client.usage.take()

    @property
    def offer(self) -> Offer | None:
        """What the server takes; None before its first answer."""
        if self._left_out is None:
            return None
        return Offer(self._asks_for_json(self._left_out), "logprobs" not in self._left_out)

    def propose(self, questions: Sequence[ClipQuestion]) -> list[ClipAnswer]:
        """Answer each question, in order. Raises CriticUnavailable, with which the answers so far are lost."""
        self._choose_frames()
        answers: list[ClipAnswer] = []
        while self._left_out is None and len(answers) < len(questions):
            answers.append(self._answer(questions[len(answers)]))  # the first answer shows what the server takes
        with ThreadPoolExecutor(self.settings.concurrency) as pool:
            futures = [pool.submit(self._answer, question) for question in questions[len(answers) :]]
            try:
                return [*answers, *(future.result() for future in futures)]
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def find_only_model(self) -> str:
        """Return the name of the only model that the server lists. Raises CriticUnavailable if the name is needed."""
        return self._client.find_only_model()

    def _choose_frames(self) -> FrameConfig:
        """Return which frames to send. The server is asked once; one that says nothing gets the default."""
        if self._frames is None:
            self._frames = self._read_served_frames() or FrameConfig()
        return self._frames

    def _read_served_frames(self) -> FrameConfig | None:
        models = self._client.list_models() or []
        served = next((entry.get("frames") for entry in models if entry.get("id") == self.settings.model), None)
        try:
            return FrameConfig(**served) if isinstance(served, dict) else None
        except (TypeError, ValueError):
            return None

    def _answer(self, question: ClipQuestion) -> ClipAnswer:
        try:
            clip = read_shown_clip(question.video, self._choose_frames(), self.settings.picture)
            reply = self._ask(question, clip)
        except (ClipUnreadableError, RequestRefused) as error:
            return ClipAnswer(error=str(error))
        return make_answer(reply, question, clip.duration)

    def _ask(self, question: ClipQuestion, clip: ShownClip) -> Reply:
        """Ask with all that the server may take; leave out what it refuses, and remember that once it answers."""
        left_out = self._left_out or frozenset()
        while True:
            try:
                headers = {TIMES_HEADER: clip.times}
                reply = self._client.ask(self._build_body(question, clip, left_out), headers)
            except RequestRefused as refusal:
                more = None if self._left_out is not None else self._choose_next(left_out, refusal.parameter)
                if more is None:
                    raise
                left_out = left_out | {more}
            else:
                self._left_out = left_out
                return reply

    def _asks_for_json(self, left_out: frozenset[str]) -> bool:
        """Return whether the answer is to be JSON. A critic that was trained here writes its own grammar."""
        if self.settings.structured == "auto" and self.settings.prompt == CRITIC_PROMPT:
            return False
        return self.settings.structured in {"auto", "json_schema"} and "response_format" not in left_out

    def _choose_next(self, left_out: frozenset[str], named: str) -> str | None:
        """Return what to leave out next: what the server names, else the next of OPTIONAL; None if nothing is left."""
        sent = [name for name in OPTIONAL if name not in left_out]
        if self.settings.structured != "auto":
            sent = [name for name in sent if name != "response_format"]
        by_name = [name for name in sent if named.partition(".")[0] in {name, f"top_{name}"}]
        return next(iter(by_name or sent), None)

    def _build_body(self, question: ClipQuestion, clip: ShownClip, left_out: frozenset[str]) -> dict[str, Any]:
        as_json = self._asks_for_json(left_out)
        if self.settings.prompt == CRITIC_PROMPT:
            messages = build_critic_messages(clip.parts, question.prompt)
        else:
            messages = build_messages(clip.parts, question.prompt, question.taxonomy, as_json=as_json)
        limit = "max_completion_tokens" if "max_tokens" in left_out else "max_tokens"
        body: dict[str, Any] = {"model": self.settings.model, "messages": messages, limit: self.settings.max_tokens}
        if "temperature" not in left_out:
            body["temperature"] = 0
        if "logprobs" not in left_out:
            body |= {"logprobs": True, "top_logprobs": 20}
        if as_json:
            schema = {"name": SCHEMA_NAME, "strict": True, "schema": make_schema(question.taxonomy)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if self.settings.structured == "grammar":
            body["structured_outputs"] = {"regex": make_answer_pattern(question.taxonomy)}
        return body


@lru_cache(maxsize=8)
def get_endpoint(settings: EndpointSettings, allowed_hosts: frozenset[str]) -> EndpointCritic:
    """Return the critic of these settings, the same one each time: it remembers what its server takes.

    Raises CriticUnavailable without its key.
    """
    return EndpointCritic(settings, allowed_hosts=allowed_hosts)


def make_answer(reply: Reply, question: ClipQuestion, duration: float) -> ClipAnswer:
    """Read a server's reply about a clip of `duration` seconds."""
    text = reply.text[:TEXT_LIMIT]
    try:
        answer = read_answer(reply.text, question.taxonomy, duration)
    except AnswerError as error:
        return ClipAnswer(text=text, error=_explain(reply, error))
    return ClipAnswer(_add_scores(answer, reply), text)


def _explain(reply: Reply, error: AnswerError) -> str:
    if reply.is_cut_off:
        return f"The critic's answer was cut off at the limit of tokens. Raise the limit of the endpoint. {error}"
    return str(error) if reply.text.strip() else "The critic's answer is empty."


def _add_scores(answer: ReadAnswer, reply: Reply) -> Proposal:
    """Replace each level by its expected score, or say that the level itself is the score."""
    expected = compute_expected_scores(reply.text, reply.tokens)
    proposed = {}
    for axis, one in answer.proposal.axes.items():
        if axis in expected:
            proposed[axis.value] = replace(one, score=expected[axis])
        else:
            proposed[axis.value] = replace(one, note=f"{one.note} {LEVEL_ONLY}".strip())
    return Proposal(**proposed)
