"""The process that decodes the clips of a worker: what a video does to FFmpeg's code it does to this process alone.

python -m modelassist.kinds.clip_process --idle-seconds 60
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from modelassist.kinds.child_side import answer_parent, leave
from modelassist.kinds.messages import answer_to_json, question_from_json


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--idle-seconds", type=float, required=True)
    answer_parent(lambda: answer, parser.parse_args().idle_seconds)


def answer(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Do the one thing that the message names."""
    [(name, value)] = message.items()
    return ACTS[name](value)


def detect(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Have the detectors answer a question; the answer comes with the features of the clip."""
    from modelassist.kinds import detectors

    answer, features = detectors.detect(question_from_json(value))
    return {"answer": answer_to_json(answer), "features": features}


def measure(video: str) -> Mapping[str, Any]:
    """Measure a video: the strip under its timeline, and its features; both empty if it cannot be measured."""
    from qsave.detectors.features import compute_features
    from qsave.detectors.measure import measure_clip
    from qsave.detectors.strip import make_strip
    from qsave.frames.guard import MediaError, guard_file

    try:
        with guard_file():
            readings = measure_clip(Path(video))
    except MediaError:
        return {"strip": {}, "features": []}
    return {"strip": make_strip(readings), "features": compute_features(readings).tolist()}


def show_frames(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Choose and encode the frames of a video as an endpoint gets them: the fields of a ShownClip, or an error."""
    from qsave.frames.chat_parts import build_frame_parts, format_times
    from qsave.frames.container import TIME_DIGITS
    from qsave.frames.guard import MediaError, guard_file
    from qsave.frames.slowfast import FrameConfig, watch

    try:
        with guard_file():
            watched = watch(Path(value["video"]), FrameConfig(**value["frames"]))
    except MediaError as error:
        return {"error": str(error)}
    parts = list(build_frame_parts(watched.frames, value["picture"]))
    return {"parts": parts, "times": format_times(watched.frames), "duration": round(watched.duration, TIME_DIGITS)}


def prepare_file(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Probe a video, and write the copy that plays if it needs one: the fields of a PreparedFile, or an error."""
    from qsave.frames.guard import MediaError, guard_file
    from qsave.frames.probe import probe
    from qsave.frames.rendition import needs_rendition, write_rendition
    from qsave.frames.times import read_shown_times

    original, rendition = Path(value["original"]), Path(value["rendition"])
    try:
        with guard_file(output=rendition.parent):
            facts = probe(original)
            is_copied = needs_rendition(facts)
            loss = write_rendition(original, rendition) if is_copied else ""
            times = list(read_shown_times(rendition if is_copied else original))
    except MediaError as error:
        return {"error": str(error)}
    fps = None if facts.fps is None else str(facts.fps)
    return {"facts": {**asdict(facts), "fps": fps}, "is_copied": is_copied, "loss": loss, "times": times}


ACTS: Mapping[str, Callable[[Any], Mapping[str, Any]]] = {
    "detect": detect,
    "measure": measure,
    "frames": show_frames,
    "file": prepare_file,
}

if __name__ == "__main__":
    main()
    leave()
