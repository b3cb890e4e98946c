"""From a model and held-out clips to an evaluation: what `evaluate` runs, and what ends a training run.

out/predictions-<split>.csv             what the critic says of every clip
out/predictions-<split>-blank_frames.csv, -previous.csv    the same of what stands beside it
out/plots/<split>-*.png                 predicted against MOS, residuals, calibration
out/evaluation.md                       the report
out/evaluation.json                     the figures; written last
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modelassist.engine.evaluation import intervals
from modelassist.engine.evaluation.baselines import people_reach
from modelassist.engine.evaluation.markdown import report
from modelassist.engine.evaluation.plots import draw
from modelassist.engine.evaluation.predictions import Prediction, evaluate, mean_mos, predict, write_predictions
from modelassist.engine.generation.critic import Critic
from modelassist.engine.inputs.examples import Example, Feeder, FrameStore
from modelassist.engine.models.folder import identify_model
from modelassist.engine.models.loader import Loaded
from modelassist.engine.settings.sampling import Sampling
from qsave.files import atomic_path, write_json
from qsave.release.reader import ReleaseReader
from qsave.splits import SPLITS
from qsave.statistics.figures import CONFIDENCE

HeldOut = Mapping[str, Sequence[Example]]
BLANK, PREVIOUS = "blank_frames", "previous"


def measure(
    model: str,
    reader: ReleaseReader,
    held_out: HeldOut,
    constant: Sequence[Example],
    out: Path,
    *,
    previous: str | None,
    sampling: Sampling,
) -> dict[str, Any]:
    """Measure a critic on each split of `held_out`, beside blank frames and, where named, the critic before it; writes
    predictions and plots. `constant` are the train clips whose mean is the constant predictor. The scores of a clip's
    samples are averaged; the seed of the sampling is also that of the intervals."""
    critic = Critic.load(model).loaded
    shown = _predictions(critic, held_out, out, sampling)
    rivals = {BLANK: _predictions(critic, held_out, out, sampling, blank=True)}
    del critic  # makes room for the next
    if previous:
        rivals[PREVIOUS] = _predictions(Critic.load(previous).loaded, held_out, out, sampling)
    splits = {}
    for split, predictions in shown.items():
        beside = {name: found[split] for name, found in rivals.items()}
        groups = {each.example.clip_id: each.example.prompt_group for each in predictions}
        people = people_reach(reader, groups)
        splits[split] = evaluate(predictions, beside, mean_mos(constant), people, seed=sampling.seed)
        splits[split]["plots"] = draw(out, split, predictions)
        write_predictions(out / f"predictions-{split}.csv", predictions)
        for name, others in beside.items():
            write_predictions(out / f"predictions-{split}-{name}.csv", others)
    return {
        "splits": splits,
        "about": _about(model, reader, previous, out, sampling.seed) | {"samples": sampling.samples},
    }


def write_evaluation(out: Path, evaluation: Mapping[str, Any]) -> None:
    """The report, then the figures. The report alone knows the day: figures of the same clips are the same."""
    with atomic_path(out / "evaluation.md") as unfinished:
        unfinished.write_text(report(evaluation, datetime.now(UTC)), encoding="utf-8")
    write_json(out / "evaluation.json", dict(evaluation))


def _predictions(
    critic: Loaded, held_out: HeldOut, out: Path, sampling: Sampling, *, blank: bool = False
) -> dict[str, list[Prediction]]:
    feeder = Feeder(critic, FrameStore(out / "cache" / "frames", critic.frames), blank=blank)
    what = f"{critic.name}, blank" if blank else critic.name
    return {
        split: predict(critic, feeder, examples, sampling, label=f"{split} by {what}")
        for split, examples in held_out.items()
    }


def _about(model: str, reader: ReleaseReader, previous: str | None, out: Path, seed: int) -> dict[str, Any]:
    """What a reader needs to judge the figures by; a critic in the folder itself by its place there."""
    return {
        "critic": str(Path(model).relative_to(out)) if Path(model).is_relative_to(out) else model,
        "identity": identify_model(model),
        "release": f"{reader.manifest['name']}, number {reader.manifest['number']}",
        "release_clips": {split: sum(1 for _ in reader.rows("sft", split)) for split in SPLITS if _has(reader, split)},
        "previous": previous,
        "previous_identity": identify_model(previous) if previous else None,
        "seed": seed,
        "resamples": intervals.RESAMPLES,
        "confidence": CONFIDENCE,
    }


def _has(reader: ReleaseReader, split: str) -> bool:
    return f"sft/{split}.jsonl" in reader.manifest["files"]
