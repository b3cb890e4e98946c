"""What a reader must know before relying on an evaluation, found in its own figures."""

from collections.abc import Iterator, Mapping
from typing import Any

from modelassist.engine.evaluation.intervals import LEAST_GROUPS, in_words, is_above_zero
from qsave.axes import AXES
from qsave.splits import HELD_OUT

Figures = Mapping[str, Any]
FEW_CLIPS = 50
FEW_GENERATORS = 5
WIDE = 0.3
"""A 95% interval of SRCC wider than this says little."""
MUCH_UNPARSABLE = 0.05
RIVALS = {"previous": "the previous critic", "blank_frames": "the critic with blank frames"}


def warnings_of(evaluation: Figures) -> list[str]:
    """One sentence a reason for caution, split by split; empty where there is none."""
    found: list[str] = []
    in_release = evaluation.get("about", {}).get("release_clips", {})
    for split in {**evaluation["splits"], **dict.fromkeys(HELD_OUT if "stages" in evaluation else ())}:
        figures = evaluation["splits"].get(split)
        if figures:
            reasons = _of_split(split, figures, in_release.get(split, figures["clips"]) - figures["clips"])
        else:
            reasons = _unmeasured(in_release.get(split, 0))
        found += [f"{split}: {reason}" for reason in reasons]
    return found


def _unmeasured(clips: int) -> Iterator[str]:
    if clips:
        yield f"none of the {clips} clips of this split can be read, so it was not measured."


def _of_split(split: str, figures: Figures, left_out: int) -> Iterator[str]:
    read = figures["read"]
    if split == "train":
        yield "these are clips of the train split: figures on them say nothing about new ones."
    if figures["simulated"]:
        yield "simulated clips or ratings are among them; nothing here says how the critic does with people."
    if left_out:
        yield f"{left_out} of the {figures['clips'] + left_out} clips of this split cannot be read and were left out."
    yield from _of_outputs(figures)
    silent = [name for name in RIVALS if _is_silent(figures, name)]
    for name in silent:
        yield f"{RIVALS[name]} gave no report card, so no comparison with it is possible."
    if not read["clips"]:
        return
    if read["prompts"] < LEAST_GROUPS:
        count = in_words(read["clips"], read["prompts"])
        yield f"too few prompts for intervals ({count} with a report card): nothing is shown to be above anything else."
    elif read["clips"] < FEW_CLIPS:
        count = in_words(read["clips"], read["prompts"])
        yield f"few clips ({count} with a report card); intervals of so few are themselves rough."
    yield from _of_generators(figures["generators"][AXES[0]]["means"])
    for axis in AXES:
        found = list(_of_axis(figures["axes"][axis.value], silent, few=read["prompts"] < LEAST_GROUPS))
        if found:
            yield f"{axis.value}: {'; '.join(found)}."


def _of_outputs(figures: Figures) -> Iterator[str]:
    clips, found = figures["clips"], figures["unparsable"]
    if clips and not figures["read"]["clips"]:
        yield f"no report card for any of the {clips} clips: there is nothing to judge the critic by."
    elif (figures["unparsable_rate"] or 0) > MUCH_UNPARSABLE:
        yield f"no report card for {figures['unparsable_rate']:.0%} of the clips: the figures are of the others only."
    if found["cut_off"] > MUCH_UNPARSABLE * clips:
        yield (
            f"{found['cut_off']} of {clips} outputs were cut off at the length limit: raise max_new_tokens "
            "(a setting of the run; critic.json of the critic)."
        )


def _of_generators(means: Figures) -> Iterator[str]:
    count = sum(one["clips"] > 0 for one in means.values())
    if count < FEW_GENERATORS:
        yield f"{count} generator{'' if count == 1 else 's'}: agreement of their means rests on as many points."


def _is_silent(figures: Figures, rival: str) -> bool:
    return rival in figures["axes"][AXES[0]] and not figures["axes"][AXES[0]][rival]["clips"]


def _of_axis(figures: Figures, silent: list[str], *, few: bool) -> Iterator[str]:
    """`few` says that no figure of the split has an interval, which then need not be said of each."""
    srcc = figures["critic"]["srcc"]
    if "undefined" in srcc:
        yield f"SRCC is undefined ({srcc['undefined']})"
        return
    if "low" in srcc and srcc["high"] - srcc["low"] > WIDE:
        yield f"wide interval of SRCC ({srcc['low']:.2f} to {srcc['high']:.2f})"
    gains = {
        "blank_frames": "SRCC is not shown to be above that with blank frames, so it may be judging without looking",
        "constant": "RMSE is not shown to be below that of the constant predictor",
        "previous": "SRCC is not shown to be above that of the previous critic",
    }
    for name, words in gains.items():
        if name in figures and name not in silent:
            gain = figures[name]["gain"]["rmse" if name == "constant" else "srcc"]
            why = gain.get("undefined", gain.get("interval"))
            if not is_above_zero(gain) and not (few and "interval" in gain):
                yield words + (f" ({why})" if why else "")
