"""The one prompt template of the critic. It is text only and follows the frames.

It is short, because every clip of every training step contains it. Training, drafting and evaluation share it; with a
second template they would differ without an error. A model that was not trained on it is also told the defects, and
may be asked for JSON (`make_untuned_prompt`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from qsave.axes import AXES, Axis
from qsave.taxonomy import Defect

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

JSON_PROMPT = (
    "You grade a generated video on three axes: visual (how it looks), dynamic (how it moves), alignment (whether it "
    "shows what the prompt asks). Levels: bad, poor, fair, good, excellent. Answer with one JSON object and nothing "
    "else. It has the keys visual, dynamic and alignment, each with this value:\n"
    '{"reason": "what you see, in one or two sentences", "evidence": [{"defect": "id of a defect", '
    '"time": {"start": 0.4, "end": 1.2}, "box": {"left": 10, "top": 20, "width": 30, "height": 40}}], '
    '"level": "one of the levels"}\n'
    "Times are in seconds as written before the pictures, boxes in per cent of the frame; null where a defect has "
    "none. The evidence is empty if an axis has no defect."
)
PROMPT_WORD = "Prompt:"
_DESCRIBE = "Describe the video."
_OPENS_A_MARK = re.compile(r"<(?=[/|A-Za-z])")


def make_user_prompt(prompt: str) -> str:
    """Return the user message for a video prompt, on one line.

    A space follows every `<` that would open a special token or placeholder (`<|vision_start|>`, `<video>`,
    `</think>`): otherwise a prompt could insert vision tokens or change the number of placeholders.
    """
    return f"{PROMPT_WORD} {_OPENS_A_MARK.sub('< ', ' '.join(prompt.split()))}"


def add_line(messages: Iterable[Mapping[str, str]], line: str) -> list[dict[str, str]]:
    """Return the messages with one more line at the end of the user's."""
    return [
        {**message, "content": f"{message['content']}\n{line}"} if message["role"] == "user" else {**message}
        for message in messages
    ]


def make_untuned_prompt(taxonomy: Sequence[Defect], *, as_json: bool) -> str:
    """Return the system prompt for a model that was not trained on report cards: the form, and the known defects."""
    lists = "\n".join(f"{axis}: {_list_defects(taxonomy, axis)}" for axis in AXES)
    form = JSON_PROMPT if as_json else SYSTEM_PROMPT
    return f"{form}\n\nThe defects of each axis, by their ids. There are no others:\n{lists}"


def _list_defects(taxonomy: Sequence[Defect], axis: Axis) -> str:
    return ", ".join(map(_name_defect, (defect for defect in taxonomy if defect.axis == axis))) or "none"


def _name_defect(defect: Defect) -> str:
    label = " ".join(_OPENS_A_MARK.sub("< ", defect.label).split())
    return defect.id if label == defect.id.replace("-", " ") else f"{defect.id} ({label})"


def describe_prompt(prompt: str) -> str:
    """Return the user message that asks for a description, and for a comparison with a prompt if there is one."""
    return f"{_DESCRIBE} {make_user_prompt(prompt)}" if prompt else _DESCRIBE
