"""Slow and fast eyes against one kind alone, at equal vision tokens: who sees a defect of three frames or fewer?

`python -m tests.bench.eyes DIR` renders toy clips of five seconds whose only fault, if any, lasts one to three frames;
trains the same tiny critic from the same fresh weights once with each kind of eyes, for several seeds; and prints
dynamic SRCC and defect recall on clips that were not trained on, by free generation. What is done is kept in DIR, so a
run that was cut resumes; other code needs another DIR. Hours on a CPU; the figures of one run are in
docs/engine/slowfast.md.
"""

import argparse
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from modelassist.engine.evaluation.predictions import Prediction, predict
from modelassist.engine.inputs.examples import Example
from modelassist.engine.inputs.feeder import Feeder
from modelassist.engine.inputs.frame_store import FrameStore
from modelassist.engine.models.loader import LoadedModel, load
from modelassist.engine.models.tiny import init_tiny
from modelassist.engine.settings.config import SftConfig
from modelassist.engine.settings.sampling import Sampling
from modelassist.engine.training.sft import SftStage
from modelassist.engine.training.stages import StageContext
from modelassist.toy.faults import Fault
from modelassist.toy.render import render_clip
from modelassist.toy.world import ClipSpec, Scene, Thing, make_spec
from qsave.axes import AXES, Axis, round_to_level
from qsave.files import atomic_path, write_json
from qsave.frames.slowfast import FrameConfig
from qsave.grammar import render
from qsave.prompt import SYSTEM_PROMPT, make_user_prompt
from qsave.release.manifest import hash_file
from qsave.release.rows import Target
from qsave.report_card import AxisReport, Evidence, ReportCard, TimeRange
from qsave.statistics.correlation import compute_srcc
from qsave.statistics.figures import Estimate, Figure, Ints, Undefined, compute_percentile_interval

SIDE, RATE, FRAMES = 128, 16, 80
"""Clips of the shape and length that video generators make, five seconds at 16 frames a second, only smaller."""
KINDS = ("flicker", "pops-in-or-out")
_NOTES = {"flicker": "flicker", "pops-in-or-out": "gone"}
LONGEST = 3
SMALL, LARGE = 64 * 64, 96 * 96
EYES = {
    "slowfast": FrameConfig(fast_frames=18, fast_pixels=SMALL, slow_frames=4, slow_pixels=LARGE),
    "uniform": FrameConfig(fast_frames=16, fast_pixels=LARGE, slow_frames=0),
    "fast-only": FrameConfig(fast_frames=36, fast_pixels=SMALL, slow_frames=0),
}
"""Each 72 vision tokens: a large frame has 9, a small one 4; in a video two frames share them."""
TOKENS = 72
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one critic said of every test clip, in their order."""

    scores: tuple[float | None, ...]
    said: tuple[tuple[str, ...], ...]


def main() -> None:
    options = _options()
    torch.set_num_threads(1)
    clips = make_clips(options.folder / "clips", options.train + options.test)
    learnt, asked = clips[: options.train], clips[options.train :]
    found: dict[str, list[Outcome]] = {name: [] for name in EYES}
    for seed in range(options.seeds):
        for name in EYES:
            found[name].append(_outcome(options, name, seed, learnt, asked))
            print("\n".join(table(found, asked)), flush=True)
    print("\n".join(by_length(found, asked, options.train)))
    print("\n".join(tabulate_frames_at_faults(options.folder, clips)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where clips and outcomes are kept")
    parser.add_argument("--train", type=int, default=900, help="clips to learn from")
    parser.add_argument("--test", type=int, default=300, help="clips to be judged")
    parser.add_argument("--steps", type=int, default=500, help="of eight clips")
    parser.add_argument("--seeds", type=int, default=3, help="of weights and batches")
    return parser.parse_args()


def make_spec_of(index: int) -> ClipSpec:
    """A clip with one thing that moves steadily; of three, one flickers and one loses its thing for a moment."""
    rng = np.random.default_rng([index, 71])
    spec = make_spec(71, 3 * index)  # another motion each time
    asked = Scene(1, "red", "circle", spec.requested.motion, "grass")
    spec = replace(
        spec, index=index, requested=asked, things=(Thing(asked.colour, asked.shape),), motion=asked.motion,
        ground=asked.ground, extra=None, pan=0.0, width=SIDE, height=SIDE, rate=RATE, frames=FRAMES, faults=(),
    )  # fmt: skip
    kind = (None, *KINDS)[index % 3]
    if kind is None:
        return spec
    lasting, first = int(rng.integers(1, LONGEST + 1)), int(rng.integers(4, FRAMES - 8))
    strength = round(float(rng.uniform(0.3, 1.0)), 2) if kind == "flicker" else 0.7
    time = TimeRange(first / RATE, (first + lasting) / RATE)
    return replace(spec, faults=(Fault(kind, strength, time),))


def make_clips(folder: Path, count: int) -> list[Example]:
    """The clips, rendered where they are not there yet, with the true quality for a MOS."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = []
    for index in tqdm(range(count), desc="clips", unit="clip", disable=None):
        spec, path = make_spec_of(index), folder / f"{index:05d}.mp4"
        if not path.exists():
            with atomic_path(path) as unfinished:
                render_clip(spec, unfinished)
        clips.append(_example(spec, path))
    return clips


def noted(clip: Example, store: FrameStore) -> Example:
    """The clip with an answer that takes down, before it judges, what each run of these eyes shows: all kinds of eyes
    are taught by this one rule."""
    frames, fault = store.load_frames(clip), next(iter(clip.targets[Axis.DYNAMIC].evidence), None)
    runs = [frames.fast_times[start : start + 2] for start in range(0, len(frames.fast_times), 2)]
    shown = [
        _NOTES[fault.defect] if fault and _meets(fault, run) else "-"
        for run in [*runs, *([time] for time in frames.slow_times)]
    ]
    reports = {
        axis.value: AxisReport(
            target.level,
            tuple(Evidence(defect) for defect in target.defects),
            " ".join(shown) if axis is Axis.DYNAMIC else "",
        )
        for axis, target in clip.targets.items()
    }
    answer = {"role": "assistant", "content": render(ReportCard(**reports))}
    return replace(clip, messages=(*clip.messages[:-1], answer))


def _example(spec: ClipSpec, path: Path) -> Example:
    evidence = tuple(Evidence(fault.defect, fault.time) for fault in spec.faults)
    targets = {}
    for axis in AXES:
        mos, mine = spec.compute_quality(axis), evidence if axis is Axis.DYNAMIC else ()
        targets[axis] = Target(mos, 0.2, 5, round_to_level(mos), tuple(piece.defect for piece in mine), mine)
    card = ReportCard(**{axis.value: AxisReport(target.level, target.evidence) for axis, target in targets.items()})
    turns = {"system": SYSTEM_PROMPT, "user": make_user_prompt(spec.prompt), "assistant": render(card)}
    messages = tuple({"role": role, "content": content} for role, content in turns.items())
    name = path.stem
    return Example(name, name, "toy", name, path, hash_file(path), messages, targets, simulated=True)


def _outcome(
    options: argparse.Namespace, name: str, seed: int, learnt: Sequence[Example], asked: Sequence[Example]
) -> Outcome:
    """What the critic with these eyes says after its lessons; kept, so that it is trained once."""
    path = options.folder / f"{name}-{seed}-{options.steps}x{len(learnt)}.json"
    if path.is_file():
        kept = json.loads(path.read_text())
    else:
        critic = _trained(options, name, seed, learnt)
        feeder = Feeder(critic, _store(options.folder, name))
        kept = _list_answers(predict(critic, feeder, asked, Sampling(token_budget=8192), label=f"{name} {seed}"))
        write_json(path, kept)
    return Outcome(tuple(kept["scores"]), tuple(tuple(said) for said in kept["said"]))


def _trained(options: argparse.Namespace, name: str, seed: int, learnt: Sequence[Example]) -> LoadedModel:
    fresh = options.folder / f"fresh-{name}-{seed}"
    learnt = [noted(clip, _store(options.folder, name)) for clip in learnt]
    shutil.rmtree(fresh, ignore_errors=True)  # of a run that was cut
    init_tiny(
        fresh, frames=EYES[name], seed=seed, texts=[message["content"] for clip in learnt for message in clip.messages]
    )
    critic = load(str(fresh))
    critic.max_new_tokens = 96
    feeder = Feeder(critic, _store(options.folder, name))
    tokens = int(torch.isin(feeder.make_prompt(learnt[0]).ids, torch.tensor(_pads(critic))).sum())
    assert tokens == TOKENS, f"{name} has {tokens} vision tokens"
    config = SftConfig(steps=options.steps, batch=8, learning_rate=3e-3, shift=0.0)
    stage = SftStage(StageContext(critic, feeder, seed), learnt, config)
    bar = tqdm(range(options.steps), desc=f"{name} {seed}", unit="step", disable=None)
    for step in bar:
        figures = stage.step(step)
        bar.set_postfix_str(f"direct {figures['direct']:.3f}")
        with (options.folder / f"{name}-{seed}-{options.steps}.jsonl").open("a") as log:
            log.write(json.dumps({"step": step, **figures}) + "\n")
    return critic


def _store(folder: Path, name: str) -> FrameStore:
    return FrameStore(folder / "frames", EYES[name])


def _pads(critic: LoadedModel) -> list[int]:
    return [critic.mark_ids[mark] for mark in ("<|image_pad|>", "<|video_pad|>")]


def _list_answers(predictions: Sequence[Prediction]) -> dict[str, Any]:
    reports = [each.scored.card.dynamic if each.scored.card else None for each in predictions]
    return {
        "scores": [report.score if report else None for report in reports],
        "said": [list(report.defects) if report else [] for report in reports],
    }


def dynamic_srcc(outcome: Outcome, asked: Sequence[Example], chosen: Ints) -> Figure:
    """Over the clips for which a card came."""
    read = [place for place in chosen.tolist() if outcome.scores[place] is not None]
    mos = [asked[place].targets[Axis.DYNAMIC].mos for place in read]
    return compute_srcc([outcome.scores[place] or 0.0 for place in read], mos)


def recall(outcome: Outcome, asked: Sequence[Example], chosen: Ints) -> Figure:
    """The share of faults that were named; where no card came, none was."""
    meant = [place for place in chosen.tolist() if _fault(asked[place])]
    found = [_fault(asked[place]) in outcome.said[place] for place in meant]
    return float(np.mean(found)) if found else Undefined("no clip has a fault")


def precision(outcome: Outcome, asked: Sequence[Example], chosen: Ints) -> Figure:
    """The share of named faults that are there."""
    right = [defect == _fault(asked[place]) for place in chosen.tolist() for defect in outcome.said[place]]
    return float(np.mean(right)) if right else Undefined("no fault was named")


def _fault(clip: Example) -> str | None:
    return next(iter(clip.targets[Axis.DYNAMIC].defects), None)


Measure = Callable[[Outcome, Sequence[Example], Ints], Figure]
MEASURES: dict[str, Measure] = {"dynamic SRCC": dynamic_srcc, "recall": recall, "precision": precision}


def mean_of(
    measure: Measure, outcomes: Sequence[Outcome], asked: Sequence[Example], minus: Sequence[Outcome] | None = None
) -> Estimate:
    """A figure's mean over seeds, or its paired difference from other eyes; the interval resamples clips and seeds."""
    rng = np.random.default_rng(0)

    def at(seeds: Ints, clips: Ints) -> Figure:
        return _mean(
            [_difference(measure, outcomes[seed], minus[seed] if minus else None, asked, clips) for seed in seeds]
        )

    every, all_clips = np.arange(len(outcomes)), np.arange(len(asked))
    value = at(every, all_clips)
    if isinstance(value, Undefined):
        return Estimate(value, value)
    drawn = [at(rng.choice(every, len(every)), rng.choice(all_clips, len(all_clips))) for _ in range(RESAMPLES)]
    defined = np.array([one for one in drawn if not isinstance(one, Undefined)])
    return Estimate(value, compute_percentile_interval(defined, drawn=RESAMPLES))


def _difference(measure: Measure, one: Outcome, other: Outcome | None, asked: Sequence[Example], clips: Ints) -> Figure:
    value = measure(one, asked, clips)
    if other is None or isinstance(value, Undefined):
        return value
    less = measure(other, asked, clips)
    return less if isinstance(less, Undefined) else value - less


def _mean(values: Sequence[Figure]) -> Figure:
    undefined = [value for value in values if isinstance(value, Undefined)]
    return (
        undefined[0] if undefined else float(np.mean([value for value in values if not isinstance(value, Undefined)]))
    )


def table(found: Mapping[str, Sequence[Outcome]], asked: Sequence[Example]) -> list[str]:
    """Each pair of eyes, then what slow and fast together are above each kind alone; in Markdown."""
    lines = [f"| eyes | seeds | {' | '.join(MEASURES)} | unparsable |", "| --- |" + " ---: |" * (len(MEASURES) + 2)]
    for name, outcomes in found.items():
        if outcomes:
            figures = [_words(mean_of(measure, outcomes, asked)) for measure in MEASURES.values()]
            unread = np.mean([score is None for outcome in outcomes for score in outcome.scores])
            lines.append(f"| {name} | {len(outcomes)} | {' | '.join(figures)} | {unread:.2f} |")
    both = found["slowfast"]
    for name, others in found.items():
        if name != "slowfast" and others and len(others) == len(both):
            figures = [_words(mean_of(measure, both, asked, minus=others)) for measure in MEASURES.values()]
            lines.append(f"| slowfast - {name} | {len(both)} | {' | '.join(figures)} | |")
    return lines


def by_length(found: Mapping[str, Sequence[Outcome]], asked: Sequence[Example], first: int) -> list[str]:
    """Recall by kind and by frames that the fault lasts, means over seeds; `first` is the number of the first clip."""
    columns = [(kind, lasting) for kind in KINDS for lasting in range(1, LONGEST + 1)]
    lines = [
        f"| recall | {' | '.join(f'{kind}, {lasting}' for kind, lasting in columns)} |",
        "| --- |" + " ---: |" * len(columns),
    ]
    lengths = [lasting_of(make_spec_of(first + place)) for place in range(len(asked))]
    for name, outcomes in found.items():
        cells = []
        for kind, lasting in columns:
            places = [n for n, clip in enumerate(asked) if _fault(clip) == kind and lengths[n] == lasting]
            cells.append(_mean([recall(outcome, asked, np.array(places, dtype=np.int64)) for outcome in outcomes]))
        lines.append(f"| {name} | {' | '.join('-' if isinstance(one, Undefined) else f'{one:.2f}' for one in cells)} |")
    return lines


def lasting_of(spec: ClipSpec) -> int:
    """Frames that the fault lasts; 0 without one."""
    times = [fault.time for fault in spec.faults if fault.time]
    return round((times[0].end - times[0].start) * spec.rate) if times else 0


def tabulate_frames_at_faults(folder: Path, clips: Sequence[Example]) -> list[str]:
    """Before anything is learnt: the share of faults of which the eyes get any frame at all."""
    columns = [(kind, lasting) for kind in KINDS for lasting in range(1, LONGEST + 1)]
    lines = [
        f"| on screen | {' | '.join(f'{kind}, {lasting}' for kind, lasting in columns)} |",
        "| --- |" + " ---: |" * len(columns),
    ]
    for name in EYES:
        store = _store(folder, name)
        hits: dict[tuple[str, int], list[bool]] = {column: [] for column in columns}
        for number, clip in enumerate(clips):
            spec = make_spec_of(number)
            for fault in spec.faults:
                frames = store.load_frames(clip)
                hits[fault.defect, lasting_of(spec)].append(_meets(fault, (*frames.fast_times, *frames.slow_times)))
        lines.append(f"| {name} | {' | '.join(f'{np.mean(hits[column]):.2f}' for column in columns)} |")
    return lines


def _meets(fault: Fault | Evidence, times: Sequence[float]) -> bool:
    half = 0.5 / RATE
    return fault.time is not None and any(fault.time.start - half < time < fault.time.end - half for time in times)


def _words(found: Estimate) -> str:
    if isinstance(found.value, Undefined):
        return str(found.value)
    ends = found.interval
    return f"{found.value:.2f}" + ("" if isinstance(ends, Undefined) else f" [{ends.low:.2f}, {ends.high:.2f}]")


if __name__ == "__main__":
    main()
