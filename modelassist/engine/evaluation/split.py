"""Compute the figures of one split from predictions.

The critic is compared with the constant predictor (the train mean), its rivals (`qsave.run.figures.RIVALS`) and raters.
Outputs that do not parse have their own rate and are in no correlation: figures are over the clips with a report card.
If no clip has a report card, figures that need only clips and raters are over all clips.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from modelassist.engine.evaluation.calibration import measure_calibration
from modelassist.engine.evaluation.detector_rival import Scores
from modelassist.engine.evaluation.intervals import (
    Pairs,
    compare_generators,
    compute_agreement,
    compute_gain,
    compute_rate,
    count_clips,
)
from modelassist.engine.evaluation.predictions import Prediction
from modelassist.engine.evaluation.reasons import AxisPair, count_reasons_of_raters, measure_reasons
from modelassist.engine.generation.read_scores import CUT_OFF
from modelassist.engine.inputs.examples import Example
from qsave.axes import AXES, Axis
from qsave.report_card import ReportCard
from qsave.run.evaluation import Split
from qsave.run.figures import (
    DETECTORS,
    DIRECT,
    Agreement,
    AxisFigures,
    Constant,
    Counts,
    Gain,
    GeneratorFigures,
    GeneratorMeans,
    ParseError,
    PeopleReach,
    Rate,
    Reasons,
    Rival,
    Unparsable,
)
from qsave.statistics.figures import Undefined

_MOST_ERRORS = 5
"""Number of parse errors that are listed, the most frequent first."""


def compute_mean_mos(examples: Sequence[Example]) -> dict[Axis, float]:
    """Compute the constant predictor: the mean MOS of each axis."""
    return {axis: fmean(example.targets[axis].mos for example in examples) for axis in AXES}


def measure_split(
    predictions: Sequence[Prediction],
    rivals: Mapping[str, Sequence[Prediction]],
    train_means: Mapping[Axis, float],
    people: Mapping[Axis, PeopleReach | Undefined],
    *,
    seed: int,
    detectors: Scores | Undefined | None = None,
) -> Split:
    """Compute the figures of one split. `rivals` are other predictions of the same clips, in the same order; `people`
    comes from `measure_people`, `detectors` from a `DetectorRival` (None leaves this rival out)."""
    unparsable = _count_unparsable(predictions)
    return Split(
        counts=count_clips([each.example.prompt_group for each in predictions]),
        read=count_clips([example.prompt_group for example, _ in _list_with_card(predictions)]),
        simulated=any(each.example.simulated for each in predictions),
        unparsable_rate=None if isinstance(unparsable.share.value, Undefined) else unparsable.share.value,
        unparsable=Unparsable(unparsable, _count_errors(predictions), _count_cut_off(predictions)),
        unparsable_answers=fmean(each.scored.unreadable for each in predictions) if predictions else None,
        rivals_unparsable={name: _count_unparsable(others) for name, others in rivals.items()},
        axes={
            axis: AxisFigures(
                critic=compute_agreement(_make_pairs(predictions, axis), seed),
                calibration=measure_calibration(*_list_probabilities(predictions, axis)),
                constant=_measure_constant(predictions, axis, train_means[axis], seed),
                reasons=_measure_reasons(predictions, axis, seed),
                rivals={
                    **{
                        name: _measure_rival(predictions, others, axis, seed, has_reasons=name != DIRECT)
                        for name, others in rivals.items()
                    },
                    **({} if detectors is None else {DETECTORS: measure_scores(predictions, detectors, axis, seed)}),
                },
                people=people[axis],
            )
            for axis in AXES
        },
        generators={axis: _compare_generators(predictions, axis, seed) for axis in AXES},
    )


def _list_probabilities(predictions: Sequence[Prediction], axis: Axis) -> tuple[list[tuple[float, ...]], list[int]]:
    """Return the level probabilities and the true levels of the clips with a report card."""
    read = [each for each in predictions if each.scored.card]
    return [each.scored.probabilities[axis] for each in read], [each.example.targets[axis].level for each in read]


def _measure_constant(predictions: Sequence[Prediction], axis: Axis, constant: float, seed: int) -> Constant:
    """Measure the train mean on the same clips as the critic: errors on different clips cannot be compared."""
    examples = [example for example, _ in _list_with_card(predictions)] or [each.example for each in predictions]
    mos, groups = _list_mos(examples, axis), [example.prompt_group for example in examples]
    critic = _make_pairs(predictions, axis)
    return Constant(
        score=constant,
        agreement=compute_agreement(Pairs([constant] * len(mos), mos, groups), seed),
        gain=compute_gain(critic, [constant] * len(critic.mos), seed),
    )


def _measure_rival(
    predictions: Sequence[Prediction], others: Sequence[Prediction], axis: Axis, seed: int, *, has_reasons: bool
) -> Rival:
    """Measure a rival like the critic, and the critic's gain over it on the clips for which both have a card."""
    both = [
        (own, other) for own, other in zip(predictions, others, strict=True) if own.scored.card and other.scored.card
    ]
    return Rival(
        agreement=compute_agreement(_make_pairs(others, axis), seed),
        reasons=_measure_reasons(others, axis, seed) if has_reasons else None,
        gain=compute_gain(
            _make_pairs([own for own, _ in both], axis), _make_pairs([other for _, other in both], axis).scores, seed
        ),
    )


def measure_scores(predictions: Sequence[Prediction], scores: Scores | Undefined, axis: Axis, seed: int) -> Rival:
    """Measure a rival that gives scores alone, on the clips that it scores."""
    if isinstance(scores, Undefined):
        return Rival(Agreement.undefined(scores), None, Gain.undefined(scores))
    scored = [(each, score) for each, score in zip(predictions, scores[axis], strict=True) if score is not None]
    examples = [each.example for each, _ in scored]
    groups = [example.prompt_group for example in examples]
    both = [(each, score) for each, score in scored if each.scored.card]
    return Rival(
        agreement=compute_agreement(Pairs([score for _, score in scored], _list_mos(examples, axis), groups), seed),
        reasons=None,
        gain=compute_gain(_make_pairs([each for each, _ in both], axis), [score for _, score in both], seed),
    )


def _make_pairs(predictions: Sequence[Prediction], axis: Axis) -> Pairs:
    read = list(_list_with_card(predictions))
    return Pairs(
        scores=[card.axis(axis).score for _, card in read],
        mos=_list_mos([example for example, _ in read], axis),
        groups=[example.prompt_group for example, _ in read],
    )


def _list_mos(examples: Sequence[Example], axis: Axis) -> list[float]:
    return [example.targets[axis].mos for example in examples]


def _measure_reasons(predictions: Sequence[Prediction], axis: Axis, seed: int) -> Reasons:
    pairs = [
        AxisPair(card.axis(axis), example.targets[axis], example.prompt_group)
        for example, card in _list_with_card(predictions)
    ]
    if pairs:
        return measure_reasons(pairs, seed)
    return count_reasons_of_raters([(each.example.targets[axis], each.example.prompt_group) for each in predictions])


def _list_with_card(predictions: Sequence[Prediction]) -> Iterator[tuple[Example, ReportCard]]:
    """Yield the clips that have a report card, and the card."""
    for each in predictions:
        if each.scored.card is not None:
            yield each.example, each.scored.card


def _compare_generators(predictions: Sequence[Prediction], axis: Axis, seed: int) -> GeneratorFigures:
    """Compare the generators. A generator without a report card has a MOS but no score."""
    generators = [example.generator for example, _ in _list_with_card(predictions)]
    figures = compare_generators(_make_pairs(predictions, axis), generators, seed)
    mos: dict[str, list[float]] = {}
    for each in predictions:
        mos.setdefault(each.example.generator, []).append(each.example.targets[axis].mos)
    means = {
        name: replace(
            figures.means.get(name, GeneratorMeans(Counts(0, 0), None, fmean(mos[name]))), clips=len(mos[name])
        )
        for name in sorted(mos)
    }
    return replace(figures, means=means)


def _count_unparsable(predictions: Sequence[Prediction]) -> Rate:
    return compute_rate(sum(each.scored.card is None for each in predictions), len(predictions))


def _count_cut_off(predictions: Sequence[Prediction]) -> int:
    return sum((each.scored.error or "").startswith(CUT_OFF) for each in predictions)


def _count_errors(predictions: Sequence[Prediction]) -> tuple[ParseError, ...]:
    counts = Counter(each.scored.error or "" for each in predictions if each.scored.card is None)
    return tuple(ParseError(error, count) for error, count in counts.most_common(_MOST_ERRORS))
