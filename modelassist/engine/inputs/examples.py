"""Load the rows of a release, or a file of captions, as examples: a clip with its question and its human targets."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from qsave.axes import Axis
from qsave.grammar import drop_reasons
from qsave.parsing import parse_json
from qsave.prompt import SYSTEM_PROMPT, describe_prompt
from qsave.release.manifest import hash_file
from qsave.release.reader import ReleaseReader
from qsave.release.rows import RlRow, SftRow, Target, Task


class DataError(ValueError):
    """The data cannot be used; the message says what is missing or wrong, and where."""


@dataclass(frozen=True, slots=True)
class Example:
    """One clip with its question and the human targets."""

    id: str
    clip_id: str
    generator: str
    prompt_group: str
    path: Path
    sha256: str
    messages: tuple[Mapping[str, str], ...]
    targets: Mapping[Axis, Target]
    simulated: bool = False

    @property
    def answer(self) -> str:
        """The human report card as text; empty if the row has none."""
        return next((message["content"] for message in self.messages if message["role"] == "assistant"), "")

    @property
    def verdict(self) -> str:
        """The answer without its reasons."""
        return drop_reasons(self.answer)


def load_examples(release: ReleaseReader, kind: str, split: str) -> list[Example]:
    """Load the rows of one file of a release; raises ReleaseError if a clip is missing."""
    rows: Iterable[SftRow | RlRow] = release.rows(kind, split)
    return [
        Example(
            id=row.id,
            clip_id=row.clip_id,
            generator=row.generator,
            prompt_group=row.prompt_group,
            path=release.media_path(row),
            sha256=row.media.sha256,
            messages=_build_messages(row.task),
            targets=row.targets,
            simulated=row.simulated,
        )
        for row in rows
    ]


def load_captions(path: Path) -> list[Example]:
    """Load clips with their descriptions, as examples without targets; raises DataError, which names the line."""
    if not path.is_file():
        raise DataError(f"{path}: there is no such file of captions (sft.captions).")
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # not splitlines: a text may hold U+2028
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: a file of captions must be UTF-8, and this one is not: {error}.") from None
    return [_parse_caption(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _parse_caption(path: Path, number: int, line: str) -> Example:
    try:
        value = parse_json(line)
        video, text, prompt = path.parent / value["video"], str(value["text"]), str(value.get("prompt", ""))
        sha256 = hash_file(video)
    except (ValueError, TypeError, KeyError, OSError) as error:
        wanted = '{"video": .., "text": ..}, or with a "prompt" too'
        raise DataError(f"{path}:{number}: not a line {wanted}, whose video exists: {error!r}.") from None
    messages = _build_messages(Task(SYSTEM_PROMPT, describe_prompt(prompt), text))
    return Example(video.name, video.name, "", "", video, sha256, messages, targets={})


def _build_messages(task: Task) -> tuple[Mapping[str, str], ...]:
    """Build the turns of a conversation: system, user, and the assistant's if the task has an answer."""
    turns = {"system": task.system, "user": task.user, "assistant": task.answer}
    return tuple({"role": role, "content": text} for role, text in turns.items() if text is not None)
