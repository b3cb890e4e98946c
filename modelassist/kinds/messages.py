"""What a worker and its child processes write to each other: one JSON object a line, in both directions.

The process writes `{"ready": true}` once it can answer, then one object for each line; or `{"unavailable": "A
sentence."}` in place of either, and ends. A model is asked `{"questions": [..]}` and replies `{"answers": [..]}`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelassist.kinds.base import ClipAnswer, ClipQuestion
from qsave.axes import Axis
from qsave.proposal import proposal_from_json, proposal_to_json
from qsave.taxonomy import Defect


def question_to_json(question: ClipQuestion) -> dict[str, Any]:
    taxonomy = [[defect.id, defect.axis.value, defect.label] for defect in question.taxonomy]
    clip = {"video": str(question.video), "prompt": question.prompt}
    return {**clip, "taxonomy": taxonomy, "is_direct": question.is_direct}


def question_from_json(value: Mapping[str, Any]) -> ClipQuestion:
    taxonomy = tuple(Defect(id=name, axis=Axis(axis), label=label) for name, axis, label in value["taxonomy"])
    return ClipQuestion(Path(value["video"]), value["prompt"], taxonomy, value["is_direct"])


def answer_to_json(answer: ClipAnswer) -> dict[str, Any]:
    proposal = None if answer.proposal is None else proposal_to_json(answer.proposal)
    return {"proposal": proposal, "text": answer.text, "error": answer.error}


def answer_from_json(value: Mapping[str, Any]) -> ClipAnswer:
    proposal = None if value["proposal"] is None else proposal_from_json(value["proposal"])
    return ClipAnswer(proposal, value["text"], value["error"])
