"""Build the chat messages that ask about one clip: the form of the answer, the frames with their times, the prompt."""

from collections.abc import Sequence

from qsave.frames.chat_parts import Part, build_text
from qsave.prompt import make_untuned_prompt, make_user_prompt
from qsave.taxonomy import Defect


def build_messages(frames: Sequence[Part], prompt: str, taxonomy: Sequence[Defect], *, as_json: bool) -> list[Part]:
    """Build the system and the user message about one clip, with the parts that show its frames."""
    return [
        {"role": "system", "content": make_untuned_prompt(taxonomy, as_json=as_json)},
        {"role": "user", "content": [*frames, build_text(make_user_prompt(prompt))]},
    ]
