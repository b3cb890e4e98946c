"""The record of what a critic measures on a release (`evaluation.json`).

An `Evaluation` holds a `Split` for each split, which holds `AxisFigures` for each axis; each figure is an `Estimate`,
whose value is `Undefined` with the reason if it cannot be computed. The engine writes it without a database, the site
reads it.

Earlier versions wrote fewer figures. What a file lacks is NOT_MEASURED (a figure) or None (a count) and is not written
back, so an evaluation of an earlier version keeps its bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qsave.axes import AXES, Axis
from qsave.parsing import parse_json
from qsave.run.encoding import (
    EvaluationError,
    Json,
    decode_count,
    decode_number,
    decode_object,
    decode_optional_count,
    decode_optional_number,
    drop_absent,
)
from qsave.run.figures import AxisFigures, Counts, GeneratorFigures, Rate, Unparsable
from qsave.run.files import EVALUATION_FILE


def read_evaluation(folder: Path) -> Evaluation:
    """Read the evaluation in a folder; raises EvaluationError for another file, and OSError if the file is missing."""
    path = folder / EVALUATION_FILE
    try:
        return Evaluation.from_json(parse_json(path.read_bytes()))
    except ValueError as error:  # not JSON, not UTF-8, or not an evaluation
        raise EvaluationError(f"{path} cannot be read. {error}") from None


CROSS_VALIDATION = "cross-validation"
"""In place of a split: clips that were learned from, each scored by a fit that did not see its prompt."""


@dataclass(frozen=True, slots=True)
class Split:
    """The figures of one split. Figures are over the clips with a report card (`read`), `counts` over all clips.

    `unparsable_rate` is the share of clips without a report card, `unparsable_answers` the share of unreadable answers
    among all answers behind the scores; both are None without clips. `plots` maps what a picture shows to its file.
    """

    counts: Counts
    read: Counts | None
    simulated: bool
    unparsable_rate: float | None
    unparsable: Unparsable
    unparsable_answers: float | None
    rivals_unparsable: Mapping[str, Rate]
    axes: Mapping[Axis, AxisFigures]
    generators: Mapping[Axis, GeneratorFigures]
    plots: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "clips": self.counts.clips,
            "prompt_groups": self.counts.prompts,
            **({"read": self.read.to_json()} if self.read else {}),
            "simulated": self.simulated,
            "unparsable_rate": self.unparsable_rate,
            "unparsable": self.unparsable.to_json(),
            "unparsable_answers": self.unparsable_answers,
            "rivals_unparsable": {name: rate.to_json() for name, rate in self.rivals_unparsable.items()},
            "axes": {axis.value: figures.to_json() for axis, figures in self.axes.items()},
            "generators": {axis.value: figures.to_json() for axis, figures in self.generators.items()},
            "plots": dict(self.plots),
        }

    @classmethod
    def from_json(cls, value: Json) -> Split:
        rivals, axes = decode_object(value.get("rivals_unparsable")), decode_object(value.get("axes"))
        generators = decode_object(value.get("generators"))
        return cls(
            counts=Counts(decode_count(value.get("clips", 0)), decode_optional_count(value.get("prompt_groups"))),
            read=Counts.from_json(value["read"]) if "read" in value else None,
            simulated=bool(value.get("simulated")),
            unparsable_rate=decode_optional_number(value.get("unparsable_rate")),
            unparsable=Unparsable.from_json(decode_object(value.get("unparsable"))),
            unparsable_answers=decode_optional_number(value.get("unparsable_answers")),
            rivals_unparsable={name: Rate.from_json(rate) for name, rate in rivals.items()},
            axes={axis: AxisFigures.from_json(decode_object(axes.get(axis.value))) for axis in AXES},
            generators={axis: GeneratorFigures.from_json(decode_object(generators.get(axis.value))) for axis in AXES},
            plots=decode_object(value.get("plots")),
        )


@dataclass(frozen=True, slots=True)
class DetectorFit:
    """What the regression of the detectors rests on, on one axis: its kind, the train clips, and the RMSE on those of
    prompts that it had not seen, beside that of the constant."""

    regression: str
    counts: Counts
    rmse: float
    constant_rmse: float

    def to_json(self) -> dict[str, Any]:
        figures = {"rmse": self.rmse, "constant_rmse": self.constant_rmse}
        return {"regression": self.regression, **self.counts.to_json(), **figures}

    @classmethod
    def from_json(cls, value: Json) -> DetectorFit:
        rmse, constant_rmse = decode_number(value["rmse"]), decode_number(value["constant_rmse"])
        return cls(str(value["regression"]), Counts.from_json(value), rmse, constant_rmse)


@dataclass(frozen=True, slots=True)
class About:
    """What was measured, on what and how. Critics are named by path or hub id and identified by their content;
    `release_clips` counts all clips of each split, readable or not."""

    critic: str
    release: str
    previous: str | None
    seed: int
    resamples: int
    confidence: float
    samples: int
    """Answers drawn for each clip; their mean is the score."""
    identity: str | None = None
    previous_identity: str | None = None
    release_clips: Mapping[str, int] | None = None
    detectors: Mapping[Axis, DetectorFit] | None = None
    """None if no regression of the detectors was fitted."""

    def to_json(self) -> dict[str, Any]:
        has_identity = self.identity is not None
        return {
            "critic": self.critic,
            **drop_absent({"identity": self.identity}),
            "release": self.release,
            **drop_absent({"release_clips": self.release_clips}),
            "previous": self.previous,
            **({"previous_identity": self.previous_identity} if has_identity else {}),
            "seed": self.seed,
            "resamples": self.resamples,
            "confidence": self.confidence,
            "samples": self.samples,
            **(
                {"detectors": {axis.value: fit.to_json() for axis, fit in self.detectors.items()}}
                if self.detectors
                else {}
            ),
        }

    @classmethod
    def from_json(cls, value: Json) -> About:
        fits = value.get("detectors")
        return cls(
            critic=str(value["critic"]),
            release=str(value["release"]),
            previous=value["previous"],
            seed=decode_count(value["seed"]),
            resamples=decode_count(value["resamples"]),
            confidence=decode_number(value["confidence"]),
            samples=decode_count(value.get("samples", 1)),
            identity=value.get("identity"),
            previous_identity=value.get("previous_identity"),
            release_clips=value.get("release_clips"),
            detectors=None if fits is None else {Axis(name): DetectorFit.from_json(fit) for name, fit in fits.items()},
        )


@dataclass(frozen=True, slots=True)
class Consistency:
    """Answers drawn before or after the cool-down: the share that parses, of how many samples, and the spread of the
    score over the samples of a clip (None where no clip has two that parse)."""

    valid: float
    samples: float
    score_spread: float | None = None

    def to_json(self) -> dict[str, Any]:
        spread = drop_absent({"score_spread": self.score_spread})
        return {"valid": self.valid, "samples": self.samples, **spread}

    @classmethod
    def from_json(cls, value: Json) -> Consistency:
        spread = decode_optional_number(value.get("score_spread"))
        return cls(decode_number(value["valid"]), decode_number(value["samples"]), spread)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a critic measures on clips of a release. `release` is the content hash, `problems` are the clips that could
    not be read. `stages`, `cooldown` and `model` (what it was trained from) describe the run that made the critic;
    without a run `stages` is None and `model` is the critic."""

    splits: Mapping[str, Split] = field(default_factory=dict)
    about: About | None = None
    model: str | None = None
    release: str | None = None
    problems: tuple[str, ...] | None = None
    stages: tuple[str, ...] | None = None
    cooldown: Mapping[str, Consistency] = field(default_factory=dict)
    """Keys: "before" and "after"."""

    def to_json(self) -> dict[str, Any]:
        """Return what `evaluation.json` holds, keys in the order of the file."""
        splits = {name: split.to_json() for name, split in self.splits.items()}
        about = drop_absent({"about": self.about.to_json() if self.about else None})
        problems = None if self.problems is None else list(self.problems)
        if self.stages is None:
            facts = {"model": self.model, "release": self.release, "problems": problems}
            return {"splits": splits, **about, **drop_absent(facts)}
        cooldown = {when: each.to_json() for when, each in self.cooldown.items()}
        facts = {"problems": problems, "release": self.release, "model": self.model, "stages": list(self.stages)}
        return {"splits": splits, **about, "cooldown": cooldown, **drop_absent(facts)}

    @classmethod
    def from_json(cls, value: object) -> Evaluation:
        """Read what `evaluation.json` holds; raises EvaluationError. An empty object is an empty evaluation."""
        try:
            return cls._from_json(decode_object(value))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f"no field {error}" if isinstance(error, KeyError) else str(error)
            raise EvaluationError(f"This is not an evaluation that this version can read: {reason}.") from None

    @classmethod
    def _from_json(cls, value: Json) -> Evaluation:
        about, problems, stages = value.get("about"), value.get("problems"), value.get("stages")
        return cls(
            splits={name: Split.from_json(split) for name, split in decode_object(value.get("splits")).items()},
            about=None if about is None else About.from_json(about),
            model=value.get("model"),
            release=value.get("release"),
            problems=None if problems is None else tuple(problems),
            stages=None if stages is None else tuple(stages),
            cooldown={when: Consistency.from_json(each) for when, each in decode_object(value.get("cooldown")).items()},
        )
