"""The critic of kind `detectors`: it measures each clip and proposes the defects that pass a threshold."""

from collections.abc import Sequence

from modelassist.kinds.base import ClipAnswer, ClipQuestion
from qsave.detectors.features import compute_features
from qsave.detectors.measure import measure_clip
from qsave.detectors.propose import propose, summarise
from qsave.frames.guard import MediaError, guard_file


class DetectorsProposer:
    """Measures clips in this process: it needs neither weights nor much memory."""

    def propose(self, questions: Sequence[ClipQuestion]) -> list[ClipAnswer]:
        """Answer each question, in order; a clip that cannot be read fails alone."""
        return [detect(question)[0] for question in questions]


def detect(question: ClipQuestion) -> tuple[ClipAnswer, list[float]]:
    """Return the answer to a question and the features of its clip, which are empty if it cannot be read."""
    try:
        with guard_file():
            readings = measure_clip(question.video)
    except MediaError as error:
        return ClipAnswer(error=str(error)), []
    answer = ClipAnswer(propose(readings, question.taxonomy), summarise(readings, question.taxonomy))
    return answer, compute_features(readings).tolist()
