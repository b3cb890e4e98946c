"""Read a chat request of OpenAI's protocol as a question about one clip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qsave.axes import AXES
from qsave.frames.chat_parts import ChatPartsError, read_frame_parts
from qsave.frames.slowfast import FrameConfig, Frames
from qsave.prompt import PROMPT_WORD

_MAX_TOKENS = ("max_completion_tokens", "max_tokens")


class RequestError(ValueError):
    """A request cannot be answered. The message is a full sentence; `parameter` names the part at fault."""

    def __init__(self, message: str, parameter: str = "messages") -> None:
        super().__init__(message)
        self.parameter = parameter


@dataclass(frozen=True, slots=True)
class ChatQuestion:
    """One clip to judge, and the form of the answer."""

    frames: Frames
    prompt: str
    """The prompt of the video."""
    as_json: bool
    """Whether the answer is the JSON form; else it is in the text grammar."""
    logprobs: bool
    max_tokens: int | None
    """Most tokens of the answer; None: as many as the model's settings say."""


def read_question(body: Mapping[str, Any], config: FrameConfig, times: str) -> ChatQuestion:
    """Read the body of a request; `times` is its header with the times of frames. Raises RequestError.

    The system message is not used, because a critic was trained with one system prompt. Sampling settings are not used
    either: the answer is the most likely one.
    """
    for name, only in (("stream", False), ("n", 1)):
        if body.get(name) not in (None, only):
            raise RequestError(f"{name} can only be {str(only).lower()}.", name)
    try:
        read = read_frame_parts(_find_content(body.get("messages")), config, times)
    except ChatPartsError as error:
        raise RequestError(str(error)) from None
    return ChatQuestion(
        read.frames,
        _find_prompt(read.texts),
        as_json=_read_form(body.get("response_format")),
        logprobs=body.get("logprobs") is True,
        max_tokens=_read_limit(body),
    )


def _find_content(messages: object) -> Sequence[object]:
    """Return the parts of the last message of the user."""
    if not isinstance(messages, list) or not all(isinstance(message, Mapping) for message in messages):
        raise RequestError("messages must be a list of messages.")
    content = next((message.get("content") for message in reversed(messages) if message.get("role") == "user"), None)
    if not isinstance(content, list):
        raise RequestError("There is no message of the user with a list of texts and pictures.")
    return content


def _find_prompt(texts: Sequence[str]) -> str:
    """Return the prompt of the video: the last text that begins with `Prompt:`, else the last text."""
    marked = [text.strip() for text in texts if text.strip().startswith(PROMPT_WORD)]
    if marked:
        return marked[-1].removeprefix(PROMPT_WORD).strip()
    return texts[-1].strip() if texts else ""


def _read_form(value: object) -> bool:
    kind = value.get("type") if isinstance(value, Mapping) else value
    if kind in (None, "text"):
        return False
    schema = value.get("json_schema") if isinstance(value, Mapping) else None
    shape = schema.get("schema") if isinstance(schema, Mapping) else None
    properties = shape.get("properties") if isinstance(shape, Mapping) else None
    if kind == "json_schema" and isinstance(properties, Mapping) and set(properties) == {axis.value for axis in AXES}:
        return True
    raise RequestError(
        "response_format can only be text, or json_schema with the schema of a report card.", "response_format"
    )


def _read_limit(body: Mapping[str, Any]) -> int | None:
    name = next((name for name in _MAX_TOKENS if body.get(name) is not None), None)
    if name is None:
        return None
    value = body[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise RequestError(f"{name} must be a whole number of at least 1.", name)
    return value
