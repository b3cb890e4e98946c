"""Ask the process that decodes clips. A clip that crashes it fails alone, and the next one gets a new process."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelassist.kinds.base import ClipAnswer, ClipQuestion
from modelassist.kinds.child import ChildCrashedError, Program, ask_child, ignore
from modelassist.kinds.messages import answer_from_json, question_to_json

if TYPE_CHECKING:
    from modelassist.engine.evaluation.detector_scores import DetectorScores
    from qsave.frames.probe import MediaFacts
    from qsave.frames.slowfast import FrameConfig

PROGRAM = Program(("-m", "modelassist.kinds.clip_process"), "The process that reads the clip", is_model=False)
IDLE_SECONDS = 60
"""It starts in half a second, so it does not stay for long."""


def ask_clips(name: str, value: Any, on_wait: Callable[[], None] = ignore) -> dict[str, Any]:
    """Have the process do one thing with one clip. Raises ChildCrashedError, and CriticUnavailable for an error of the
    machine."""
    return ask_child(PROGRAM, {name: value}, idle_seconds=IDLE_SECONDS, on_wait=on_wait)


@dataclass(frozen=True, slots=True)
class IsolatedDetectors:
    """The detectors, outside this process; fitted to ratings they also give scores."""

    on_wait: Callable[[], None] = ignore
    scores: "DetectorScores | None" = None

    def propose(self, questions: Sequence[ClipQuestion]) -> list[ClipAnswer]:
        """Answer each question, in order. Between two of them other threads get their turn."""
        return [self._answer(question) for question in questions]

    def _answer(self, question: ClipQuestion) -> ClipAnswer:
        try:
            reply = ask_clips("detect", question_to_json(question), self.on_wait)
        except ChildCrashedError as crash:
            return ClipAnswer(error=str(crash))
        answer = answer_from_json(reply["answer"])
        if self.scores is None or answer.proposal is None:
            return answer
        return replace(answer, proposal=self.scores.add_to(answer.proposal, reply["features"]))


@dataclass(frozen=True, slots=True)
class ShownClip:
    """A clip as an endpoint is shown it."""

    parts: list[dict[str, Any]]
    """The parts of a chat message that show its frames."""
    times: str
    """The exact times of the frames, for TIMES_HEADER."""
    duration: float
    """Seconds until the last frame disappears."""


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """A video that was read whole."""

    facts: "MediaFacts"
    is_copied: bool
    """Whether a copy was written that plays in browsers."""
    loss: str
    """What the copy lacks; empty if nothing."""
    times: list[float]
    """Seconds of the frames that are shown."""


class ClipUnreadableError(ValueError):
    """A clip cannot be read; the message is a full sentence."""


def read_shown_clip(video: Path, config: "FrameConfig", picture: str) -> ShownClip:
    """Return the frames of a video as an endpoint is shown them. Raises ClipUnreadableError."""
    return ShownClip(**_ask_about("frames", {"video": str(video), "frames": asdict(config), "picture": picture}))


def prepare_file(original: Path, rendition: Path, on_wait: Callable[[], None] = ignore) -> PreparedFile:
    """Read a video whole, and write its copy to `rendition` if browsers cannot play it. Raises ClipUnreadableError."""
    from qsave.frames.probe import MediaFacts

    value = _ask_about("file", {"original": str(original), "rendition": str(rendition)}, on_wait)
    fps = value["facts"].pop("fps")
    return PreparedFile(**value | {"facts": MediaFacts(**value["facts"], fps=Fraction(fps) if fps else None)})


def _ask_about(name: str, value: Any, on_wait: Callable[[], None] = ignore) -> dict[str, Any]:
    try:
        answer = ask_clips(name, value, on_wait)
    except ChildCrashedError as crash:
        raise ClipUnreadableError(str(crash)) from None
    if problem := answer.get("error"):
        raise ClipUnreadableError(problem)
    return answer


@dataclass(frozen=True, slots=True)
class MeasuredVideo:
    """What the detectors measured of a video; both are empty if it cannot be read."""

    strip: dict[str, list[float]]
    """The series under its timeline."""
    features: list[float]


def measure_video(video: Path) -> MeasuredVideo:
    """Measure a video. Raises CriticUnavailable for an error of the machine."""
    try:
        return MeasuredVideo(**ask_clips("measure", str(video)))
    except ChildCrashedError:
        return MeasuredVideo({}, [])
