"""Whoever reads a critic's answer holds its evidence to the duration of the clip."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from modelassist.engine.scoring.command import hold_to_clip
from modelassist.kinds.base import ClipQuestion
from modelassist.kinds.endpoint.client import Reply
from modelassist.kinds.endpoint.proposer import make_answer
from modelassist.kinds.engine_process import read_scored
from qsave.answers.json_form import render_json
from qsave.grammar import render
from qsave.report_card import AxisReport, Evidence, ReportCard, TimeRange
from qsave.taxonomy import DEFAULT_TAXONOMY
from tests.modelassist.engine.predictions import make_scored

SECONDS = 2.0
INSIDE = Evidence("blur", TimeRange(0.5, 1))

Read = Callable[[ReportCard], tuple[Sequence[Evidence], str]]
"""Returns the visual evidence of a card that a critic wrote, and what the reader says was left out."""


def read_from_endpoint(write: Callable[[ReportCard], str]) -> Read:
    def read(card: ReportCard) -> tuple[Sequence[Evidence], str]:
        question = ClipQuestion(Path("clip.mp4"), "a square", DEFAULT_TAXONOMY)
        proposal = make_answer(Reply(write(card), is_cut_off=False, tokens=()), question, SECONDS).proposal
        assert proposal is not None
        assert proposal.visual is not None
        return proposal.visual.evidence or (), proposal.visual.note

    return read


def read_from_process(card: ReportCard) -> tuple[Sequence[Evidence], str]:
    scored = replace(make_scored(3.0), card=card, clip_seconds=SECONDS)
    proposal = read_scored(scored, DEFAULT_TAXONOMY).proposal
    assert proposal is not None
    assert proposal.visual is not None
    return proposal.visual.evidence or (), proposal.visual.note


def read_in_command(card: ReportCard) -> tuple[Sequence[Evidence], str]:
    scored = hold_to_clip(replace(make_scored(3.0), card=card, clip_seconds=SECONDS))
    assert scored.card is not None
    return scored.card.visual.evidence, "; ".join(scored.left_out)


READERS: dict[str, Read] = {
    "an endpoint, JSON": read_from_endpoint(render_json),
    "an endpoint, grammar": read_from_endpoint(render),
    "the process of a local model": read_from_process,
    "the score command": read_in_command,
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (TimeRange(1, 2), TimeRange(1, 2)),
        (TimeRange(1, 2.2), TimeRange(1, 2)),
        (TimeRange(1, 9), None),
        (TimeRange(400, 1200), None),
    ],
)
def test_a_time_that_the_clip_does_not_have_is_left_out_and_named(
    read: Read, time: TimeRange, expected: TimeRange | None
) -> None:
    card = ReportCard(AxisReport(2, (INSIDE, Evidence("noise", time)), "Soft."), AxisReport(4), AxisReport(5))
    evidence, left_out = read(card)
    assert [piece.time for piece in evidence if piece.time] == [INSIDE.time, *([expected] if expected else [])]
    words = f"'noise' at {time.start:g}-{time.end:g} s is outside the clip of 2 s"
    assert (words in left_out) == (expected is None)


def test_the_score_command_keeps_a_defect_whose_time_is_wrong() -> None:
    """Without it the card would say that there is no defect."""
    card = ReportCard(AxisReport(2, (Evidence("noise", TimeRange(5, 9)),)), AxisReport(4), AxisReport(5))
    assert read_in_command(card)[0] == (Evidence("noise"),)
