"""The figures of one axis of an evaluation as records: those of the critic, of its rivals and of the generators.

Each record reads and writes its part of `evaluation.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qsave.run.calibration import Calibration
from qsave.run.encoding import (
    Json,
    decode_count,
    decode_figure,
    decode_number,
    decode_object,
    decode_optional_count,
    decode_optional_number,
    drop_absent,
    encode_figure,
    encode_figures,
)
from qsave.statistics.figures import Estimate, Undefined

BLANK_FRAMES, PREVIOUS, DIRECT, DETECTORS = "blank_frames", "previous", "direct", "detectors"
RIVALS = (BLANK_FRAMES, PREVIOUS, DIRECT, DETECTORS)
"""Other predictors of the same clips: the critic itself with blank frames, the previous critic, the critic's direct
answers without reasons, and a regression from the readings of the detectors to the MOS of the train clips."""


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
        return drop_absent({"clips": self.clips, "prompts": self.prompts})

    @classmethod
    def from_json(cls, value: Json) -> Counts:
        return cls(decode_count(value.get("clips", 0)), decode_optional_count(value.get("prompts")))


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` of `of` clips, and this share with Wilson's interval."""

    count: int
    of: int
    share: Estimate

    def to_json(self) -> dict[str, Any]:
        return {"count": self.count, "of": self.of, **encode_figure(self.share)}

    @classmethod
    def from_json(cls, value: Json) -> Rate:
        return cls(decode_count(value.get("count", 0)), decode_count(value.get("of", 0)), decode_figure(value))


@dataclass(frozen=True, slots=True)
class ParseError:
    """A reason why outputs could not be read as a report card, and the number of clips with such outputs."""

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
        return drop_absent({**self.rate.to_json(), "because": errors, "cut_off": self.cut_off})

    @classmethod
    def from_json(cls, value: Json) -> Unparsable:
        errors = tuple(ParseError(each["error"], decode_count(each["clips"])) for each in value.get("because", ()))
        return cls(Rate.from_json(value), errors, decode_optional_count(value.get("cut_off")))


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
        return self.counts.to_json() | encode_figures(dict(zip(_AGREEMENT, figures, strict=True)))

    @classmethod
    def from_json(cls, value: Json) -> Agreement:
        return cls(Counts.from_json(value), *(decode_figure(value.get(name)) for name in _AGREEMENT))

    @classmethod
    def undefined(cls, reason: Undefined) -> Agreement:
        """Return the agreement of a predictor that predicts nothing, for this reason."""
        return cls(Counts(0, 0), *(Estimate(reason, reason) for _ in _AGREEMENT))


_AGREEMENT = ("srcc", "plcc", "plcc_logistic", "krcc", "rmse", "within_1")


@dataclass(frozen=True, slots=True)
class Gain:
    """How much better the critic is than another predictor, over the clips for which both have a report card: the
    critic's SRCC minus the other's, and the other's RMSE minus the critic's."""

    counts: Counts
    srcc: Estimate
    rmse: Estimate

    def to_json(self) -> dict[str, Any]:
        return self.counts.to_json() | encode_figures({"srcc": self.srcc, "rmse": self.rmse})

    @classmethod
    def from_json(cls, value: Json) -> Gain:
        return cls(Counts.from_json(value), decode_figure(value.get("srcc")), decode_figure(value.get("rmse")))

    @classmethod
    def undefined(cls, reason: Undefined) -> Gain:
        """Return the gain over a predictor that predicts nothing, for this reason."""
        return cls(Counts(0, 0), Estimate(reason, reason), Estimate(reason, reason))


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
        gain = Gain.from_json(decode_object(value.get("gain")))
        return cls(decode_optional_number(value.get("score")), Agreement.from_json(value), gain)


@dataclass(frozen=True, slots=True)
class DefectFigures:
    """Defects that the critic listed compared with those that raters listed, counted in (clip, label) pairs. `listed`
    and `both` are None if no clip has a report card."""

    listed: int | None
    by_raters: int
    both: int | None
    precision: Estimate
    recall: Estimate
    f1: Estimate

    def to_json(self) -> dict[str, Any]:
        figures = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        counts = {"said": self.listed, "meant": self.by_raters, "both": self.both}
        return counts | encode_figures(figures)

    @classmethod
    def from_json(cls, value: Json) -> DefectFigures:
        return cls(
            decode_optional_count(value.get("said")),
            decode_count(value.get("meant", 0)),
            decode_optional_count(value.get("both")),
            *(decode_figure(value.get(name)) for name in ("precision", "recall", "f1")),
        )


@dataclass(frozen=True, slots=True)
class Reasons:
    """How well a critic gives reasons: defects over all labels and by label, evidence in time, contradictions.

    `evidence_counts` counts the clips where raters marked a time, `evidence_iou` is the overlap of those times with the
    critic's, and `contradictions` is the share of levels that contradict the listed defects.
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
            "evidence_iou": {**self.evidence_counts.to_json(), **encode_figure(self.evidence_iou)},
            **encode_figures({"contradictions": self.contradictions}),
        }

    @classmethod
    def from_json(cls, value: Json) -> Reasons:
        defects, evidence = decode_object(value.get("defects")), value.get("evidence_iou")
        labels = decode_object(defects.get("labels"))
        return cls(
            defects=DefectFigures.from_json(defects),
            labels={label: DefectFigures.from_json(figures) for label, figures in labels.items()},
            evidence_counts=Counts.from_json(evidence) if isinstance(evidence, Mapping) else Counts(),
            evidence_iou=decode_figure(evidence),
            contradictions=decode_figure(value.get("contradictions")),
        )


@dataclass(frozen=True, slots=True)
class Rival:
    """Another predictor on one axis, and how much better the critic is. A predictor of scores alone has no reasons."""

    agreement: Agreement
    reasons: Reasons | None
    gain: Gain

    def to_json(self) -> dict[str, Any]:
        reasons = self.reasons.to_json() if self.reasons else {}
        return {**self.agreement.to_json(), **reasons, "gain": self.gain.to_json()}

    @classmethod
    def from_json(cls, value: Json) -> Rival:
        gain = Gain.from_json(decode_object(value.get("gain")))
        return cls(Agreement.from_json(value), Reasons.from_json(value) if "defects" in value else None, gain)


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
        counts = drop_absent({"items": self.counts.clips, "prompts": self.counts.prompts})
        return counts | encode_figures(dict(zip(_PEOPLE, figures, strict=True)))

    @classmethod
    def from_json(cls, value: Json) -> PeopleReach:
        counts = Counts(decode_count(value.get("items", 0)), decode_optional_count(value.get("prompts")))
        return cls(counts, *(decode_figure(value.get(name)) for name in _PEOPLE))


_PEOPLE = ("baseline_srcc", "baseline_plcc", "ceiling_srcc", "ceiling_plcc")


@dataclass(frozen=True, slots=True)
class AxisFigures:
    """One axis on one split. `rivals` has those of RIVALS that were measured; if `people` is Undefined, it says why."""

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
        people = decode_object(value.get("people"))
        return cls(
            critic=Agreement.from_json(decode_object(value.get("critic"))),
            calibration=Calibration.from_json(decode_object(value.get("calibration"))),
            constant=Constant.from_json(decode_object(value.get("constant"))),
            reasons=Reasons.from_json(value),
            rivals={name: Rival.from_json(value[name]) for name in RIVALS if name in value},
            people=Undefined(str(people["missing"])) if "missing" in people else PeopleReach.from_json(people),
        )


@dataclass(frozen=True, slots=True)
class GeneratorMeans:
    """Means of one generator over its clips with a report card (`counts`); `clips` is the number of all its clips. If
    none has a report card, there is no score, and the MOS is over all clips."""

    counts: Counts
    score: float | None
    mos: float
    clips: int | None = None

    def to_json(self) -> dict[str, Any]:
        return self.counts.to_json() | {"score": self.score, "mos": self.mos} | drop_absent({"of": self.clips})

    @classmethod
    def from_json(cls, value: Json) -> GeneratorMeans:
        score, clips = decode_optional_number(value.get("score")), decode_optional_count(value.get("of"))
        return cls(Counts.from_json(value), score, decode_number(value["mos"]), clips)


@dataclass(frozen=True, slots=True)
class GeneratorFigures:
    """The means of each generator on one axis, and how far mean scores follow mean MOS."""

    means: Mapping[str, GeneratorMeans]
    srcc: Estimate
    plcc: Estimate

    def to_json(self) -> dict[str, Any]:
        means = {name: each.to_json() for name, each in self.means.items()}
        return {"means": means, **encode_figures({"srcc": self.srcc, "plcc": self.plcc})}

    @classmethod
    def from_json(cls, value: Json) -> GeneratorFigures:
        means = {name: GeneratorMeans.from_json(each) for name, each in decode_object(value.get("means")).items()}
        return cls(means, decode_figure(value.get("srcc")), decode_figure(value.get("plcc")))
