"""The one prompt template of the critic. It is text only and follows the frames.

It is short, because every clip of every training step contains it. Training, drafting and evaluation share it; with a
second template they would differ without an error.
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


def make_user_prompt(prompt: str) -> str:
    """Return the user message for a video prompt, on one line.

    A space follows every `<` that would open a special token or placeholder (`<|vision_start|>`, `<video>`,
    `</think>`): otherwise a prompt could insert vision tokens or change the number of placeholders.
    """
    return f"Prompt: {_OPENS_A_MARK.sub('< ', ' '.join(prompt.split()))}"


def describe_prompt(prompt: str) -> str:
    """Return the user message that asks for a description, and for a comparison with a prompt if there is one."""
    return f"{_DESCRIBE} {make_user_prompt(prompt)}" if prompt else _DESCRIBE
