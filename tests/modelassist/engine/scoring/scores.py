"""What the tests of `score` share: a card, a critic, and how to run the command and read its file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from modelassist.engine.scoring.lines import Scorer
from qsave.frames.slowfast import Frames
from qsave.report_card import Evidence, TimeRange
from tests.modelassist.engine.predictions import make_scored

CARD = make_scored(3.5, [Evidence("blur", TimeRange(0, 0.25))])
CRITIC = Scorer("critic", "0a")
SHA = "5a" * 32
FRAMES = Frames(np.zeros((2, 32, 32, 3), np.uint8), (0.0, 0.5), np.zeros((0, 32, 32, 3), np.uint8), ())

Run = Callable[..., int]


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
