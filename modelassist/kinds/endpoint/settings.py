"""The settings of an endpoint critic: which server, which model, and the limits of a request. They hold no key."""

import dataclasses
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from modelassist.kinds.base import CriticUnavailable
from qsave.frames.slowfast import FrameConfig

STRUCTURED = ("auto", "json_schema", "grammar", "none")
"""How a server is told the form of an answer: `auto` asks for a JSON schema and does without if it is refused,
`json_schema` insists on it, `grammar` sends the text grammar as a pattern, as vLLM takes it, `none` only says it in the
prompt."""
PICTURES = ("png", "jpeg")
CRITIC_PROMPT = "critic"
PROMPTS = ("general", CRITIC_PROMPT)
"""What a model is asked with: `general` explains the form of the answer and lists the defects; `critic` is the prompt
that a critic was trained with here, whose answers have the text grammar."""
KEY_PREFIX = "QSAVE_CRITIC_KEY_"
_KEY_NAME = re.compile(r"[A-Z0-9_]{1,60}")
_TEXTS = ("base_url", "model", "key", "structured", "prompt", "picture")
_LONGEST = 300


class SettingsError(ValueError):
    """A setting is wrong. The message is a full sentence."""


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Which server is asked, and how."""

    base_url: str
    """Up to the version: `http://127.0.0.1:8000/v1`."""
    model: str = ""
    """The model's name on the server; empty until the trial, for the only one that the server lists."""
    key: str = ""
    """Name of a key that the operator has set (`read_key`); empty if the server needs none. It is not the key."""
    timeout: float = 120.0
    """Most seconds of one request, in all."""
    concurrency: int = 2
    """Clips that are asked about at the same time."""
    max_tokens: int = 1024
    """Most tokens of an answer."""
    retries: int = 3
    """How often a request is repeated if the server is busy or does not answer."""
    structured: str = "auto"
    """One of STRUCTURED."""
    picture: str = "png"
    """One of PICTURES: how frames are encoded. JPEG is smaller and not exact."""
    prompt: str = "general"
    """One of PROMPTS."""
    frames: FrameConfig | None = None
    """Which frames are sent. None: those that the server names for its model, else the default."""

    def __post_init__(self) -> None:
        _check_url(self.base_url)
        if len(self.model) > _LONGEST or self.model != self.model.strip():
            raise SettingsError(
                f"The name of a model has at most {_LONGEST} characters, and no spaces at its start or end."
            )
        if self.key and not _KEY_NAME.fullmatch(self.key):
            raise SettingsError("The name of a key has only capital letters, digits and _, for example OPENAI.")
        _check_range("timeout", self.timeout, 1, 3600)
        _check_range("concurrency", self.concurrency, 1, 64)
        _check_range("max_tokens", self.max_tokens, 16, 32_768)
        _check_range("retries", self.retries, 0, 10)
        _check_choice("structured", self.structured, STRUCTURED)
        _check_choice("prompt", self.prompt, PROMPTS)
        _check_choice("picture", self.picture, PICTURES)

    @property
    def host(self) -> str:
        """The server's host name, to which clips are sent."""
        return urlsplit(self.base_url).hostname or ""

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: object) -> "EndpointSettings":
        """Parse the JSON of `to_json`; missing settings have their defaults. Raises SettingsError."""
        if not isinstance(value, Mapping):
            raise SettingsError("The settings of an endpoint are a JSON object.")
        if unknown := sorted(set(value) - {field.name for field in dataclasses.fields(cls)}):
            raise SettingsError(f"An endpoint has no setting {', '.join(map(repr, unknown))}.")
        for name in _TEXTS:
            if not isinstance(value.get(name, ""), str):
                raise SettingsError(f"{name} must be text, got {value[name]!r}.")
        try:
            frames = FrameConfig(**value["frames"]) if value.get("frames") else None
            return cls(**{**value, "frames": frames})
        except SettingsError:
            raise
        except (TypeError, ValueError, AttributeError) as error:
            raise SettingsError(f"The settings of the endpoint cannot be read: {error}.") from None


def read_key(name: str) -> str:
    """Return the key of a name: the environment variable QSAVE_CRITIC_KEY_<name>, or the file that
    QSAVE_CRITIC_KEY_<name>_FILE names. Empty for an empty name.

    Only these variables are read, so nobody can have another secret of the site sent to a server. Raises
    CriticUnavailable.
    """
    if not name:
        return ""
    variable = KEY_PREFIX + name
    path = os.environ.get(f"{variable}_FILE", "").strip()
    try:
        key = Path(path).read_text(encoding="utf-8").strip() if path else os.environ.get(variable, "").strip()
    except (OSError, UnicodeDecodeError):
        raise CriticUnavailable(
            f"The file that {variable}_FILE names cannot be read. An operator corrects it and starts the worker again."
        ) from None
    if not key:
        raise CriticUnavailable(
            f"The key {name} is not set. An operator sets {variable}, or {variable}_FILE to a file that holds it, "
            "and starts the worker again."
        )
    if not key.isascii() or not key.isprintable():
        raise CriticUnavailable(f"The key {name} has characters that a key cannot have. An operator corrects it.")
    return key


def _check_url(text: str) -> None:
    advice = "Write it like http://127.0.0.1:8000/v1 or https://api.example.org/v1."
    try:
        url = urlsplit(text)
        known = url.scheme in {"http", "https"} and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        raise SettingsError(f"This is not the address of a server. {advice}") from None
    if not known or len(text) > _LONGEST or not text.isascii() or not text.isprintable() or " " in text:
        raise SettingsError(f"This is not the address of a server. {advice}")
    if url.username is not None or url.password is not None or url.query or url.fragment:
        raise SettingsError(f"The address of a server has no user, key, query or fragment. {advice}")


def _check_range(name: str, value: object, least: float, most: float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not isinstance(value, int | float) or not least <= value <= most:
        raise SettingsError(f"{name} must be a number from {least:g} to {most:g}, got {value!r}.")
    if name != "timeout" and not isinstance(value, int):
        raise SettingsError(f"{name} must be a whole number, got {value!r}.")


def _check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise SettingsError(f"{name} must be one of {', '.join(allowed)}, got {value!r}.")
