"""Ask an OpenAI-compatible server. Every failure becomes one sentence.

The `openai` package repeats a request if the server is busy (408, 409, 429), fails (500 and above) or does not answer:
after the pause that the server's Retry-After says, else after growing pauses with jitter. This module loads the
package; import it only where an endpoint is asked.
"""

import ssl
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
import openai

from modelassist.kinds.base import CriticUnavailable
from modelassist.kinds.endpoint.settings import EndpointSettings
from modelassist.kinds.endpoint.transport import MAX_BODY, CheckedTransport, ResponseTooLarge
from modelassist.kinds.endpoint.usage import Usage, UsageCounter
from operations.egress import HostRefused
from qsave.parsing import parse_json
from qsave.words import isolate

_MOST_QUOTED = 200
_MOST_NAMED = 5
_NO_KEY = "none"
"""The client insists on a key; a server that needs none ignores it."""
_NO_SUCH_LIST = (404, 405, 501)
TRY_AGAIN = "Drafting tries again by itself."


class RequestRefused(Exception):
    """The server refuses this one request (400, 413, 422 ..). The message is a full sentence."""

    def __init__(self, message: str, parameter: str = "") -> None:
        super().__init__(message)
        self.parameter = parameter
        """Name of the part of the request that the server says is at fault; empty if it says nothing."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token of an answer, with the log-probabilities of the most likely tokens at its position."""

    text: str
    likely: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a server to one request."""

    text: str
    is_cut_off: bool
    """Whether it ended at the limit of tokens."""
    tokens: tuple[Token, ...]
    """Empty if the server gives no log-probabilities."""


class ChatClient:
    """Sends chat requests to the server of the settings, and to no other."""

    def __init__(self, settings: EndpointSettings, *, key: str, allowed: Collection[str]) -> None:
        self._settings = settings
        self.usage = UsageCounter()
        transport = CheckedTransport(allowed=allowed, seconds=settings.timeout, count=self._count_request)
        self._client = openai.OpenAI(
            base_url=settings.base_url,
            api_key=key or _NO_KEY,
            organization="",
            project="",
            max_retries=settings.retries,
            timeout=settings.timeout,
            http_client=httpx2.Client(transport=transport, follow_redirects=False, trust_env=False),
        )

    def close(self) -> None:
        self._client.close()

    def ask(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
        """Send one chat request. Raises RequestRefused, or CriticUnavailable."""
        value = self._send("POST", "/chat/completions", body, headers)
        self._count_tokens(value.get("usage"))
        choices = value.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], Mapping) else {}
        message = choice.get("message")
        if not isinstance(message, Mapping):
            raise self._unavailable("answers, but not with a chat completion. Check that the address ends with /v1")
        text = message.get("content")
        tokens = read_tokens(choice.get("logprobs"))
        return Reply(text if isinstance(text, str) else "", choice.get("finish_reason") == "length", tokens)

    def list_models(self) -> list[Mapping[str, Any]] | None:
        """Return the entries of the server's list of models; None if it has no such list. Raises CriticUnavailable."""
        try:
            entries = self._send("GET", "/models", None, {}).get("data")
        except RequestRefused:
            return None
        return [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else None

    def find_only_model(self) -> str:
        """Return the name of the only model that the server lists. Raises CriticUnavailable if the name is needed."""
        names = list_names(self.list_models())
        if names is None:
            raise self._unavailable("does not list its models. Enter the name of the model", again=False)
        if len(names) != 1:
            listed = f"{len(names)} models: {self._name_models(names)}" if names else "no model"
            raise self._unavailable(f"lists {listed}. Enter the name of the model", again=False)
        return names[0]

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> Any:
        """Send a request and return the JSON object of the answer."""
        send = self._client.post if method == "POST" else self._client.get
        more: dict[str, Any] = {"body": body} if body is not None else {}
        try:
            response = send(path, cast_to=httpx2.Response, options={"headers": dict(headers)}, **more)
        except openai.APIStatusError as error:
            if method == "GET" and error.status_code in _NO_SUCH_LIST:
                raise RequestRefused("The server has no list of models.") from error
            raise self._explain_status(error) from error
        except openai.APITimeoutError as error:
            raise self._unavailable(
                f"did not answer within {self._settings.timeout:g} s{self._count_tries()}"
            ) from error
        except openai.APIConnectionError as error:
            raise self._explain_connection(error) from error
        except HostRefused as error:
            raise CriticUnavailable(
                f"The server {self._settings.host} has an address that is not allowed. An operator who wants clips to "
                "be sent there adds the host to QSAVE_CRITIC_HOSTS."
            ) from error
        except ResponseTooLarge as error:
            raise self._unavailable(f"sends an answer of more than {MAX_BODY // 2**20} MB") from error
        return self._parse(response.content)

    def _parse(self, content: bytes) -> Mapping[str, Any]:
        try:
            value = parse_json(content)
        except ValueError as error:
            raise self._unavailable(f"answers with something else than JSON{self._quote(content)}") from error
        if not isinstance(value, Mapping):
            raise self._unavailable("answers, but not as an OpenAI-compatible server does")
        return value

    def _explain_connection(self, error: openai.APIConnectionError) -> CriticUnavailable:
        if is_caused_by(error, ssl.SSLCertVerificationError):
            return self._unavailable(
                "has a certificate that is not valid for its name, or of an authority that is not known here. An "
                "operator names the authority's file in SSL_CERT_FILE"
            )
        return self._unavailable(f"cannot be reached, or ends its answers half way{self._count_tries()}")

    def _explain_status(self, error: openai.APIStatusError) -> Exception:
        status, words = error.status_code, self._quote(read_error_text(error))
        if 300 <= status < 400:
            return self._unavailable("redirects to another address, which is not followed. Enter that address itself")
        if status in {401, 402, 403}:
            key = f"the key {self._settings.key}" if self._settings.key else "a request without a key"
            return self._unavailable(f"refuses {key} (status {status}){words}")
        if status == 404:
            return self._explain_missing(words)
        if status in {408, 409, 429} or status >= 500:
            wait = error.response.headers.get("retry-after", "")
            after = f" It asks to wait {wait} s." if wait.isascii() and wait.isdecimal() and len(wait) < 7 else ""
            state = "is busy" if status == 429 else "fails"
            return self._unavailable(f"{state} (status {status}){self._count_tries()}{words}", after)
        return RequestRefused(
            f"The server {self._settings.host} refuses the request for this clip (status {status}){words}.",
            str(error.param or ""),
        )

    def _explain_missing(self, words: str) -> CriticUnavailable:
        """Explain why a chat request is answered by 404: the server's list of models says whether it has the model."""
        model = self._settings.model
        try:
            names = list_names(self.list_models())
        except CriticUnavailable:
            names = None
        if names is None:
            return self._unavailable(
                f"has no chat at this address, or no model {model!r}: it does not list its models (status 404){words}"
            )
        if model in names:
            return self._unavailable(f"lists the model {model!r}, but has no chat at this address (status 404){words}")
        return self._unavailable(f"has no model {model!r}. It lists {self._name_models(names) or 'none'}")

    def _name_models(self, names: Sequence[str]) -> str:
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        return ", ".join(isolate(repr(make_excerpt(name))) for name in names[:_MOST_NAMED]) + more

    def _count_tries(self) -> str:
        return f", tried {self._settings.retries + 1} times" if self._settings.retries else ""

    def _unavailable(self, what: str, more: str = "", *, again: bool = True) -> CriticUnavailable:
        return CriticUnavailable(f"The server {self._settings.host} {what}.{more}{f' {TRY_AGAIN}' if again else ''}")

    def _quote(self, text: str | bytes) -> str:
        """Return an excerpt of the server's words, marked as such; empty if it sent no words."""
        excerpt = make_excerpt(text)
        return f"; its words: {isolate(repr(excerpt))}" if excerpt else ""

    def _count_request(self, seconds: float) -> None:
        self.usage.add(Usage(requests=1, seconds=seconds))

    def _count_tokens(self, usage: object) -> None:
        if isinstance(usage, Mapping):
            prompt, completion = (_read_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens"))
            self.usage.add(Usage(prompt_tokens=prompt, completion_tokens=completion))


def list_names(entries: Sequence[Mapping[str, Any]] | None) -> list[str] | None:
    """Return the names of the models in a server's list; None if it has no list."""
    if entries is None:
        return None
    return [name for entry in entries if isinstance(name := entry.get("id"), str) and name.strip()]


def is_caused_by(error: BaseException, kind: type[BaseException]) -> bool:
    """Return whether an error, or one from which or during which it was raised, is of a kind."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, kind):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def make_excerpt(text: str | bytes) -> str:
    """Return the first words of a foreign text on one line, without control characters."""
    if isinstance(text, bytes):
        text = text[: 8 * _MOST_QUOTED].decode(errors="replace")
    plain = " ".join("".join(char if char.isprintable() else " " for char in text[: 8 * _MOST_QUOTED]).split())
    return plain if len(plain) <= _MOST_QUOTED else f"{plain[:_MOST_QUOTED]}…"


def read_error_text(error: openai.APIStatusError) -> str | bytes:
    """Return the message of an error answer, else its body."""
    message = error.body.get("message") if isinstance(error.body, Mapping) else None
    return message if isinstance(message, str) else error.response.content


def read_tokens(value: object) -> tuple[Token, ...]:
    """Read the `logprobs` of a choice; empty if they are missing or not as OpenAI describes them."""
    content = value.get("content") if isinstance(value, Mapping) else None
    if not isinstance(content, list) or not all(_is_token(entry) for entry in content):
        return ()
    return tuple(Token(entry["token"], _read_likely(entry)) for entry in content)


def _is_token(value: object) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("token"), str)


def _read_likely(entry: Mapping[str, Any]) -> dict[str, float]:
    top = entry.get("top_logprobs")
    entries = [one for one in top if _is_token(one)] if isinstance(top, list) else []
    return {one["token"]: float(one["logprob"]) for one in entries if isinstance(one.get("logprob"), int | float)}


def _read_count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else 0
