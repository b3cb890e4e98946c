"""Build the chat messages that ask about one clip: the form of the answer, the frames with their times, the prompt."""

from collections.abc import Sequence

from qsave.frames.chat_parts import Part, build_text
from qsave.prompt import SYSTEM_PROMPT, make_untuned_prompt, make_user_prompt
from qsave.taxonomy import Defect


def build_messages(frames: Sequence[Part], prompt: str, taxonomy: Sequence[Defect], *, as_json: bool) -> list[Part]:
    """Build the system and the user message about one clip, with the parts that show its frames."""
    return _build(make_untuned_prompt(taxonomy, as_json=as_json), frames, prompt)


def build_critic_messages(frames: Sequence[Part], prompt: str) -> list[Part]:
    """Build the messages for a model that was trained here: the prompt of its training, without a list of defects."""
    return _build(SYSTEM_PROMPT, frames, prompt)


def _build(system: str, frames: Sequence[Part], prompt: str) -> list[Part]:
    return [
        {"role": "system", "content": system},
        {"role": "user", "content": [*frames, build_text(make_user_prompt(prompt))]},
    ]
