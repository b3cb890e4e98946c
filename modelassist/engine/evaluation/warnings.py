"""List the warnings that a reader needs before relying on an evaluation; they come from its own figures."""

from collections.abc import Collection, Iterator

from modelassist.engine.evaluation.intervals import LEAST_GROUPS, is_above_zero
from modelassist.engine.evaluation.rivals import RIVAL_NAMES
from qsave.axes import AXES
from qsave.run.evaluation import Evaluation, Split
from qsave.run.figures import BLANK_FRAMES, DETECTORS, DIRECT, PREVIOUS, AxisFigures, Counts, GeneratorFigures
from qsave.splits import HELD_OUT
from qsave.statistics.figures import Estimate, Interval, Undefined

FEW_CLIPS = 50
FEW_GENERATORS = 5
WIDE = 0.3
"""A 95% interval of SRCC wider than this says little."""
MUCH_UNPARSABLE = 0.05


def list_warnings(evaluation: Evaluation) -> list[str]:
    """List one sentence for each reason for caution, split by split."""
    warnings: list[str] = []
    in_release = (evaluation.about.release_clips if evaluation.about else None) or {}
    for name in {**evaluation.splits, **dict.fromkeys(HELD_OUT if evaluation.stages is not None else ())}:
        split = evaluation.splits.get(name)
        if split:
            reasons = _warn_of_split(name, split, in_release.get(name, split.counts.clips) - split.counts.clips)
        else:
            reasons = _warn_of_unmeasured(in_release.get(name, 0))
        warnings += [f"{name}: {reason}" for reason in reasons]
    return warnings


def _warn_of_unmeasured(clips: int) -> Iterator[str]:
    if clips:
        yield f"none of the {clips} clips of this split can be read, so it was not measured."


def _warn_of_split(name: str, split: Split, left_out: int) -> Iterator[str]:
    clips, read = split.counts.clips, split.read or split.counts
    if name == "train":
        yield "these are clips of the train split: figures on them say nothing about new ones."
    if split.simulated:
        yield "simulated clips or ratings are among them; nothing here says how the critic does with people."
    if left_out:
        yield f"{left_out} of the {clips + left_out} clips of this split cannot be read and were left out."
    yield from _warn_of_outputs(split)
    silent = [rival for rival in RIVAL_NAMES if _is_silent(split, rival)]
    yield from (_explain_silence(split, rival) for rival in silent)
    if not read.clips:
        return
    few = _has_few_prompts(read)
    if few:
        yield f"too few prompts for intervals ({read} with a report card): nothing is shown to be above anything else."
    elif read.clips < FEW_CLIPS:
        yield f"few clips ({read} with a report card); intervals of so few are themselves rough."
    yield from _warn_of_generators(split.generators[AXES[0]])
    for axis in AXES:
        reasons = list(_warn_of_axis(split.axes[axis], silent, few=few))
        if reasons:
            yield f"{axis.value}: {'; '.join(reasons)}."


def _has_few_prompts(counts: Counts) -> bool:
    return counts.prompts is not None and counts.prompts < LEAST_GROUPS


def _warn_of_outputs(split: Split) -> Iterator[str]:
    clips, cut_off, rate = split.counts.clips, split.unparsable.cut_off or 0, split.unparsable_rate or 0
    if clips and not (split.read or split.counts).clips:
        yield f"no report card for any of the {clips} clips: there is nothing to judge the critic by."
    elif rate > MUCH_UNPARSABLE:
        yield f"no report card for {rate:.0%} of the clips: the figures are of the others only."
    if cut_off > MUCH_UNPARSABLE * clips:
        yield (
            f"{cut_off} of {clips} outputs were cut off at the length limit: raise max_new_tokens "
            "(a setting of the run; critic.json of the critic)."
        )


def _warn_of_generators(figures: GeneratorFigures) -> Iterator[str]:
    count = sum(means.counts.clips > 0 for means in figures.means.values())
    if count < FEW_GENERATORS:
        yield f"{count} generator{'' if count == 1 else 's'}: agreement of their means rests on as many points."


def _is_silent(split: Split, rival: str) -> bool:
    rivals = split.axes[AXES[0]].rivals
    return rival in rivals and not rivals[rival].agreement.counts.clips


def _explain_silence(split: Split, rival: str) -> str:
    if rival == DETECTORS:
        return f"no comparison with the detectors: {split.axes[AXES[0]].rivals[rival].agreement.srcc.value}."
    return f"{RIVAL_NAMES[rival]} gave no report card, so no comparison with it is possible."


def _warn_of_axis(figures: AxisFigures, silent: Collection[str], *, few: bool) -> Iterator[str]:
    """Yield reasons for caution on one axis. With `few` prompts no figure has an interval; this is reported once."""
    srcc = figures.critic.srcc
    if isinstance(srcc.value, Undefined):
        yield f"SRCC is undefined ({srcc.value})"
        return
    if isinstance(srcc.interval, Interval) and srcc.interval.high - srcc.interval.low > WIDE:
        yield f"wide interval of SRCC ({srcc.interval.low:.2f} to {srcc.interval.high:.2f})"
    gains = {name: rival.gain.srcc for name, rival in figures.rivals.items() if name not in silent}
    compared = [
        (
            gains.get(BLANK_FRAMES),
            "SRCC is not shown to be above that with blank frames, so it may be judging without looking",
        ),
        (figures.constant.gain.rmse, "RMSE is not shown to be below that of the constant predictor"),
        (gains.get(DETECTORS), "SRCC is not shown to be above that of the detectors, which only measure pixels"),
        (gains.get(DIRECT), "SRCC is not shown to be above that of its answers without reasons"),
        (gains.get(PREVIOUS), "SRCC is not shown to be above that of the previous critic"),
    ]
    for gain, words in compared:
        if gain and not is_above_zero(gain) and not (few and _lacks_only_interval(gain)):
            yield words + ("" if isinstance(gain.interval, Interval) else f" ({gain.interval})")


def _lacks_only_interval(estimate: Estimate) -> bool:
    return not isinstance(estimate.value, Undefined) and isinstance(estimate.interval, Undefined)
