"""The folder of a training run or of an evaluation, and the record of what it measured (`evaluation.json`).

Twin of `qsave.release`: plain files, written by the engine without a database and read by the site. An `Evaluation`
holds a `Split` for each split, which holds `AxisFigures` for each axis; each figure is an `Estimate`, whose value is
`Undefined` with the reason where it cannot be computed.

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
from qsave.statistics.figures import Estimate, Interval, Undefined

RUN_FILE = "run.json"
METRICS_FILE = "metrics.jsonl"
PROGRESS_FILE = "progress.json"
CONSISTENCY_FILE = "cooldown.json"
EVALUATION_FILE = "evaluation.json"
REPORT_FILE = "evaluation.md"
CHECKPOINTS_FOLDER, MODEL_FOLDER, PLOTS_FOLDER, CACHE_FOLDER = "checkpoints", "model", "plots", "cache"

BLANK_FRAMES, PREVIOUS = "blank_frames", "previous"
RIVALS = (BLANK_FRAMES, PREVIOUS)
"""Other predictors of the same clips: the critic itself with blank frames, and the critic before it."""

NOT_MEASURED = Estimate.undefined("not measured")

Json = Mapping[str, Any]


class EvaluationError(ValueError):
    """A file that is not an evaluation; the message says what is wrong with it."""


def predictions_file(split: str, rival: str = "") -> str:
    """Name the CSV file with the predictions of one split, of the critic or of a rival."""
    return f"predictions-{split}-{rival}.csv" if rival else f"predictions-{split}.csv"


def read_evaluation(folder: Path) -> Evaluation:
    """Read the evaluation in a folder; raises EvaluationError if it is not one, and OSError if there is none."""
    path = folder / EVALUATION_FILE
    try:
        return Evaluation.from_json(parse_json(path.read_bytes()))
    except ValueError as error:  # not JSON, not UTF-8, or not an evaluation
        raise EvaluationError(f"{path} cannot be read. {error}") from None


def frames_folder(folder: Path) -> Path:
    """Return the folder below a run or an evaluation in which the frames of clips are cached."""
    return folder / CACHE_FOLDER / "frames"


@dataclass(frozen=True, slots=True)
class Counts:
    """The number of clips that a figure rests on, and the number of their prompts."""

    clips: int = 0
    prompts: int | None = None

    def __str__(self) -> str:
        """Write the counts in words: `3 clips of 2 prompts`."""
        if not self.clips:
            return "no clip"
        words = f"{self.clips} clip{'' if self.clips == 1 else 's'}"
        return words if self.prompts is None else f"{words} of {self.prompts} prompt{'' if self.prompts == 1 else 's'}"

    def to_json(self) -> dict[str, Any]:
        return _present({"clips": self.clips, "prompts": self.prompts})

    @classmethod
    def from_json(cls, value: Json) -> Counts:
        return cls(_count(value.get("clips", 0)), _optional_count(value.get("prompts")))


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of clips, with Wilson's interval."""

    count: int
    of: int
    share: Estimate

    def to_json(self) -> dict[str, Any]:
        return {"count": self.count, "of": self.of, **_figure_to_json(self.share)}

    @classmethod
    def from_json(cls, value: Json) -> Rate:
        return cls(_count(value.get("count", 0)), _count(value.get("of", 0)), _figure(value))


@dataclass(frozen=True, slots=True)
class ParseError:
    """Why outputs could not be read as a report card, and how many clips have this error."""

    error: str
    clips: int


@dataclass(frozen=True, slots=True)
class Unparsable:
    """Outputs without a report card: the most frequent errors, and how many were cut off at the length limit."""

    rate: Rate
    errors: tuple[ParseError, ...] = ()
    cut_off: int | None = None

    def to_json(self) -> dict[str, Any]:
        errors = [{"error": each.error, "clips": each.clips} for each in self.errors]
        return _present({**self.rate.to_json(), "because": errors, "cut_off": self.cut_off})

    @classmethod
    def from_json(cls, value: Json) -> Unparsable:
        errors = tuple(ParseError(each["error"], _count(each["clips"])) for each in value.get("because", ()))
        return cls(Rate.from_json(value), errors, _optional_count(value.get("cut_off")))


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far scores follow the MOS of the same clips."""

    counts: Counts
    srcc: Estimate
    plcc: Estimate
    plcc_logistic: Estimate
    krcc: Estimate
    rmse: Estimate
    within_one: Estimate
    """Share of scores at most one level from the MOS."""

    def to_json(self) -> dict[str, Any]:
        figures = (self.srcc, self.plcc, self.plcc_logistic, self.krcc, self.rmse, self.within_one)
        return self.counts.to_json() | _figures_to_json(dict(zip(_AGREEMENT, figures, strict=True)))

    @classmethod
    def from_json(cls, value: Json) -> Agreement:
        return cls(Counts.from_json(value), *(_figure(value.get(name)) for name in _AGREEMENT))


_AGREEMENT = ("srcc", "plcc", "plcc_logistic", "krcc", "rmse", "within_1")


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much the critic is above (SRCC) and closer than (RMSE) another predictor: differences over the clips that
    both have a report card for."""

    counts: Counts
    srcc: Estimate
    rmse: Estimate

    def to_json(self) -> dict[str, Any]:
        return self.counts.to_json() | _figures_to_json({"srcc": self.srcc, "rmse": self.rmse})

    @classmethod
    def from_json(cls, value: Json) -> Gain:
        return cls(Counts.from_json(value), _figure(value.get("srcc")), _figure(value.get("rmse")))


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Probabilities from `start` to `end`: how many, their mean, and the share that came true with its interval."""

    start: float
    end: float
    count: int
    expected: float
    observed: float
    interval: Interval

    def to_json(self) -> dict[str, Any]:
        return {
            "from": self.start,
            "to": self.end,
            "count": self.count,
            "expected": self.expected,
            "observed": self.observed,
            "low": self.interval.low,
            "high": self.interval.high,
        }

    @classmethod
    def from_json(cls, value: Json) -> CalibrationBin:
        start, end, expected, observed, low, high = (
            _number(value[name]) for name in ("from", "to", "expected", "observed", "low", "high")
        )
        return cls(start, end, _count(value["count"]), expected, observed, Interval(low, high))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Reliability of the level probabilities; `error` is the expected calibration error, None without a report card."""

    bins: tuple[CalibrationBin, ...] = ()
    error: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {"bins": [each.to_json() for each in self.bins], "error": self.error}

    @classmethod
    def from_json(cls, value: Json) -> Calibration:
        bins = tuple(CalibrationBin.from_json(each) for each in value.get("bins", ()))
        return cls(bins, _optional_number(value.get("error")))


@dataclass(frozen=True, slots=True)
class Constant:
    """The constant predictor: the mean MOS of the train split as the score of every clip."""

    score: float | None
    agreement: Agreement
    gain: Gain

    def to_json(self) -> dict[str, Any]:
        return {"score": self.score, **self.agreement.to_json(), "gain": self.gain.to_json()}

    @classmethod
    def from_json(cls, value: Json) -> Constant:
        gain = Gain.from_json(_object(value.get("gain")))
        return cls(_optional_number(value.get("score")), Agreement.from_json(value), gain)


@dataclass(frozen=True, slots=True)
class DefectFigures:
    """Defects that the critic listed against those that raters listed, in (clip, label) pairs. Without a report card
    `listed` and `both` are None."""

    listed: int | None
    by_raters: int
    both: int | None
    precision: Estimate
    recall: Estimate
    f1: Estimate

    def to_json(self) -> dict[str, Any]:
        figures = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        counts = {"said": self.listed, "meant": self.by_raters, "both": self.both}
        return counts | _figures_to_json(figures)

    @classmethod
    def from_json(cls, value: Json) -> DefectFigures:
        return cls(
            _optional_count(value.get("said")),
            _count(value.get("meant", 0)),
            _optional_count(value.get("both")),
            *(_figure(value.get(name)) for name in ("precision", "recall", "f1")),
        )


@dataclass(frozen=True, slots=True)
class Reasons:
    """How well a critic says why: defects over all labels and by label, evidence in time, contradictions.

    `evidence_counts` are the clips where raters marked a time, `evidence_iou` the overlap of the critic's times with
    theirs, and `contradictions` the share of levels that the listed defects deny.
    """

    defects: DefectFigures
    labels: Mapping[str, DefectFigures]
    evidence_counts: Counts
    evidence_iou: Estimate
    contradictions: Estimate

    def to_json(self) -> dict[str, Any]:
        labels = {label: figures.to_json() for label, figures in self.labels.items()}
        return {
            "defects": {**self.defects.to_json(), "labels": labels},
            "evidence_iou": {**self.evidence_counts.to_json(), **_figure_to_json(self.evidence_iou)},
            **_figures_to_json({"contradictions": self.contradictions}),
        }

    @classmethod
    def from_json(cls, value: Json) -> Reasons:
        defects, evidence = _object(value.get("defects")), value.get("evidence_iou")
        labels = _object(defects.get("labels"))
        return cls(
            defects=DefectFigures.from_json(defects),
            labels={label: DefectFigures.from_json(figures) for label, figures in labels.items()},
            evidence_counts=Counts.from_json(evidence) if isinstance(evidence, Mapping) else Counts(),
            evidence_iou=_figure(evidence),
            contradictions=_figure(value.get("contradictions")),
        )


@dataclass(frozen=True, slots=True)
class Rival:
    """Another predictor on one axis, and by how much the critic is ahead of it."""

    agreement: Agreement
    reasons: Reasons
    gain: Gain

    def to_json(self) -> dict[str, Any]:
        return {**self.agreement.to_json(), **self.reasons.to_json(), "gain": self.gain.to_json()}

    @classmethod
    def from_json(cls, value: Json) -> Rival:
        gain = Gain.from_json(_object(value.get("gain")))
        return cls(Agreement.from_json(value), Reasons.from_json(value), gain)


@dataclass(frozen=True, slots=True)
class PeopleReach:
    """What raters reach: a rating against the mean of the others (baseline), and the limit that noise in the MOS sets
    (ceiling), over the clips with two ratings or more."""

    counts: Counts
    baseline_srcc: Estimate
    baseline_plcc: Estimate
    ceiling_srcc: Estimate
    ceiling_plcc: Estimate

    def to_json(self) -> dict[str, Any]:
        figures = (self.baseline_srcc, self.baseline_plcc, self.ceiling_srcc, self.ceiling_plcc)
        counts = _present({"items": self.counts.clips, "prompts": self.counts.prompts})
        return counts | _figures_to_json(dict(zip(_PEOPLE, figures, strict=True)))

    @classmethod
    def from_json(cls, value: Json) -> PeopleReach:
        counts = Counts(_count(value.get("items", 0)), _optional_count(value.get("prompts")))
        return cls(counts, *(_figure(value.get(name)) for name in _PEOPLE))


_PEOPLE = ("baseline_srcc", "baseline_plcc", "ceiling_srcc", "ceiling_plcc")


@dataclass(frozen=True, slots=True)
class AxisFigures:
    """One axis on one split. `rivals` has the keys of RIVALS that were measured; `people` says why it is missing."""

    critic: Agreement
    calibration: Calibration
    constant: Constant
    reasons: Reasons
    rivals: Mapping[str, Rival]
    people: PeopleReach | Undefined

    def to_json(self) -> dict[str, Any]:
        people = {"missing": str(self.people)} if isinstance(self.people, Undefined) else self.people.to_json()
        return {
            "critic": self.critic.to_json(),
            "calibration": self.calibration.to_json(),
            "constant": self.constant.to_json(),
            **self.reasons.to_json(),
            **{name: rival.to_json() for name, rival in self.rivals.items()},
            "people": people,
        }

    @classmethod
    def from_json(cls, value: Json) -> AxisFigures:
        people = _object(value.get("people"))
        return cls(
            critic=Agreement.from_json(_object(value.get("critic"))),
            calibration=Calibration.from_json(_object(value.get("calibration"))),
            constant=Constant.from_json(_object(value.get("constant"))),
            reasons=Reasons.from_json(value),
            rivals={name: Rival.from_json(value[name]) for name in RIVALS if name in value},
            people=Undefined(str(people["missing"])) if "missing" in people else PeopleReach.from_json(people),
        )


@dataclass(frozen=True, slots=True)
class GeneratorMeans:
    """Means of one generator over its clips with a report card (`counts`); `clips` counts all of its clips. Without a
    report card there is no score, and the MOS is over all clips."""

    counts: Counts
    score: float | None
    mos: float
    clips: int | None = None

    def to_json(self) -> dict[str, Any]:
        return self.counts.to_json() | {"score": self.score, "mos": self.mos} | _present({"of": self.clips})

    @classmethod
    def from_json(cls, value: Json) -> GeneratorMeans:
        score, clips = _optional_number(value.get("score")), _optional_count(value.get("of"))
        return cls(Counts.from_json(value), score, _number(value["mos"]), clips)


@dataclass(frozen=True, slots=True)
class GeneratorFigures:
    """The means of each generator on one axis, and how far mean scores follow mean MOS."""

    means: Mapping[str, GeneratorMeans]
    srcc: Estimate
    plcc: Estimate

    def to_json(self) -> dict[str, Any]:
        means = {name: each.to_json() for name, each in self.means.items()}
        return {"means": means, **_figures_to_json({"srcc": self.srcc, "plcc": self.plcc})}

    @classmethod
    def from_json(cls, value: Json) -> GeneratorFigures:
        means = {name: GeneratorMeans.from_json(each) for name, each in _object(value.get("means")).items()}
        return cls(means, _figure(value.get("srcc")), _figure(value.get("plcc")))


@dataclass(frozen=True, slots=True)
class Split:
    """The figures of one split. Figures are over the clips with a report card (`read`), `counts` over all clips.

    `unparsable_rate` is the share of clips without a report card, `unparsable_answers` that of the answers behind the
    scores that could not be read; both are None without clips. `plots` names a picture's file by what it shows.
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
        rivals, axes = _object(value.get("rivals_unparsable")), _object(value.get("axes"))
        generators = _object(value.get("generators"))
        return cls(
            counts=Counts(_count(value.get("clips", 0)), _optional_count(value.get("prompt_groups"))),
            read=Counts.from_json(value["read"]) if "read" in value else None,
            simulated=bool(value.get("simulated")),
            unparsable_rate=_optional_number(value.get("unparsable_rate")),
            unparsable=Unparsable.from_json(_object(value.get("unparsable"))),
            unparsable_answers=_optional_number(value.get("unparsable_answers")),
            rivals_unparsable={name: Rate.from_json(rate) for name, rate in rivals.items()},
            axes={axis: AxisFigures.from_json(_object(axes.get(axis.value))) for axis in AXES},
            generators={axis: GeneratorFigures.from_json(_object(generators.get(axis.value))) for axis in AXES},
            plots=_object(value.get("plots")),
        )


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

    def to_json(self) -> dict[str, Any]:
        has_identity = self.identity is not None
        return {
            "critic": self.critic,
            **_present({"identity": self.identity}),
            "release": self.release,
            **_present({"release_clips": self.release_clips}),
            "previous": self.previous,
            **({"previous_identity": self.previous_identity} if has_identity else {}),
            "seed": self.seed,
            "resamples": self.resamples,
            "confidence": self.confidence,
            "samples": self.samples,
        }

    @classmethod
    def from_json(cls, value: Json) -> About:
        return cls(
            critic=str(value["critic"]),
            release=str(value["release"]),
            previous=value["previous"],
            seed=_count(value["seed"]),
            resamples=_count(value["resamples"]),
            confidence=_number(value["confidence"]),
            samples=_count(value.get("samples", 1)),
            identity=value.get("identity"),
            previous_identity=value.get("previous_identity"),
            release_clips=value.get("release_clips"),
        )


@dataclass(frozen=True, slots=True)
class Consistency:
    """Answers drawn before or after the cool-down: the share that parses, of how many samples, and the spread of the
    score over the samples of a clip (None where no clip has two that parse)."""

    valid: float
    samples: float
    score_spread: float | None = None

    def to_json(self) -> dict[str, Any]:
        spread = _present({"score_spread": self.score_spread})
        return {"valid": self.valid, "samples": self.samples, **spread}

    @classmethod
    def from_json(cls, value: Json) -> Consistency:
        spread = _optional_number(value.get("score_spread"))
        return cls(_number(value["valid"]), _number(value["samples"]), spread)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a critic measures on clips of a release. `release` is the content hash, `problems` are the clips that could
    not be read. `stages`, `cooldown` and `model` (what it was trained from) tell of the run that made the critic;
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
        about = _present({"about": self.about.to_json() if self.about else None})
        problems = None if self.problems is None else list(self.problems)
        if self.stages is None:
            facts = {"model": self.model, "release": self.release, "problems": problems}
            return {"splits": splits, **about, **_present(facts)}
        cooldown = {when: each.to_json() for when, each in self.cooldown.items()}
        facts = {"problems": problems, "release": self.release, "model": self.model, "stages": list(self.stages)}
        return {"splits": splits, **about, "cooldown": cooldown, **_present(facts)}

    @classmethod
    def from_json(cls, value: object) -> Evaluation:
        """Read what `evaluation.json` holds; raises EvaluationError. An empty object is an empty evaluation."""
        try:
            return cls._from_json(_object(value))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f"no field {error}" if isinstance(error, KeyError) else str(error)
            raise EvaluationError(f"This is not an evaluation that this version can read: {reason}.") from None

    @classmethod
    def _from_json(cls, value: Json) -> Evaluation:
        about, problems, stages = value.get("about"), value.get("problems"), value.get("stages")
        return cls(
            splits={name: Split.from_json(split) for name, split in _object(value.get("splits")).items()},
            about=None if about is None else About.from_json(about),
            model=value.get("model"),
            release=value.get("release"),
            problems=None if problems is None else tuple(problems),
            stages=None if stages is None else tuple(stages),
            cooldown={when: Consistency.from_json(each) for when, each in _object(value.get("cooldown")).items()},
        )


def _figure_to_json(figure: Estimate) -> dict[str, Any]:
    """Write `{"value", "low", "high"}`, `{"value", "interval": why there is none}` or `{"undefined": why}`."""
    if figure == NOT_MEASURED:
        return {}
    if isinstance(figure.value, Undefined):
        return {"undefined": str(figure.value)}
    if isinstance(figure.interval, Interval):
        return {"value": figure.value, "low": figure.interval.low, "high": figure.interval.high}
    return {"value": figure.value} | (
        {} if figure.interval == NOT_MEASURED.interval else {"interval": str(figure.interval)}
    )


def _figures_to_json(figures: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: _figure_to_json(figure) for name, figure in figures.items() if figure != NOT_MEASURED}


def _figure(value: object) -> Estimate:
    """Read a figure; a bare number, as the first versions wrote some, has no interval."""
    if isinstance(value, int | float):
        return Estimate(value, NOT_MEASURED.interval)
    figure = _object(value)
    if "undefined" in figure:
        return Estimate.undefined(str(figure["undefined"]))
    if "value" not in figure:
        return NOT_MEASURED
    if "low" in figure:
        return Estimate(_number(figure["value"]), Interval(_number(figure["low"]), _number(figure["high"])))
    reason = Undefined(str(figure["interval"])) if "interval" in figure else NOT_MEASURED.interval
    return Estimate(_number(figure["value"]), reason)


def _object(value: object) -> Json:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"expected an object, got {type(value).__name__}")
    return value


def _number(value: object) -> float:
    """Return the number as it is: an int stays one, as its bytes differ from those of a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"expected a number, got {value!r}")
    return value


def _optional_number(value: object) -> float | None:
    return None if value is None else _number(value)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"expected a whole number, got {value!r}")
    return value


def _optional_count(value: object) -> int | None:
    return None if value is None else _count(value)


def _present(values: Json) -> dict[str, Any]:
    """Leave out what an earlier version did not write."""
    return {name: value for name, value in values.items() if value is not None}
