"""Build the chat messages that ask about one clip: the form of the answer, the frames with their times, the prompt."""

from collections.abc import Sequence

from qsave.frames.chat_parts import Part, build_frame_parts, build_text
from qsave.frames.slowfast import Frames
from qsave.prompt import make_untuned_prompt, make_user_prompt
from qsave.taxonomy import Defect


def build_messages(
    frames: Frames, prompt: str, taxonomy: Sequence[Defect], *, as_json: bool, picture: str
) -> list[Part]:
    """Build the system and the user message about one clip. `picture` is `png` or `jpeg`."""
    return [
        {"role": "system", "content": make_untuned_prompt(taxonomy, as_json=as_json)},
        {"role": "user", "content": [*build_frame_parts(frames, picture), build_text(make_user_prompt(prompt))]},
    ]
