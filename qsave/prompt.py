"""The one prompt template of the critic: text only, the frames stand before it.

Kept short, because every clip of every training step pays for it. Training, drafting and evaluation share it; a second
template anywhere else would make them disagree without a sound.
"""

import re

SYSTEM_PROMPT = (
    "You grade a generated video on three axes: visual (how it looks), dynamic (how it moves), alignment (whether it "
    "shows what the prompt asks). Levels: bad, poor, fair, good, excellent. First reason about each axis, citing "
    "defects with seconds and box in per cent where they have one, then answer:\n"
    "<think>\n"
    "[visual] reason (0.4-1.2s @10,20,30,40: blur)\n"
    "[dynamic] reason\n"
    "[alignment] reason\n"
    "</think>\n"
    "<answer>\n"
    "visual: level\n"
    "dynamic: level\n"
    "alignment: level\n"
    "</answer>"
)

_DESCRIBE = "Describe the video."
_OPENS_A_MARK = re.compile(r"<(?=[/|A-Za-z])")


def user_prompt(prompt: str) -> str:
    """The user's text for a video prompt, on one line.

    A `<` that would open a mark (`<|vision_start|>`, `<video>`, `</think>`) is set apart by a space: otherwise a
    prompt could bring in vision tokens or change the number of media marks that trainers count.
    """
    return f"Prompt: {_OPENS_A_MARK.sub('< ', ' '.join(prompt.split()))}"


def describe_prompt(prompt: str) -> str:
    """The user's text where a clip is to be described, not graded, beside a prompt if there is one: what teaches a
    model to see, and to compare."""
    return f"{_DESCRIBE} {user_prompt(prompt)}" if prompt else _DESCRIBE
