"""The evaluation as a page in Markdown: what was measured, on what, beside what, and what not to trust in it.

Made of `evaluation.json` alone, so it can be made again. Names come from strangers and are escaped.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from modelassist.engine.evaluation_warnings import warnings_of
from qsave.axes import AXES

Figures = Mapping[str, Any]
_SCORE_COLUMNS = {
    "SRCC": "srcc",
    "PLCC": "plcc",
    "PLCC after logistic": "plcc_logistic",
    "KRCC": "krcc",
    "RMSE": "rmse",
    "within ±1": "within_1",
}
_RIVALS = {"previous": "the previous critic", "blank_frames": "the critic with blank frames"}
_PEOPLE = {"baseline": "one rater", "ceiling": "ceiling"}
_METHOD = """\
## How it was measured

- Brackets are {confidence:.0%} intervals: percentile bootstraps of {resamples} resamples (fewer for KRCC and the
  logistic), seed {seed}, that draw the clips of a prompt together. For outputs without a report card they are Wilson's.
- The score of an axis is the expectation over the five levels at the answer's own position, from 1 to 5. PLCC after
  logistic fits four parameters to the same points, so it flatters. KRCC is tau-b.
- A dash is undefined; why stands below the table.
- One rater: one rating of each clip against the mean of its others. A perfect critic passes it. Ceiling: the square
  root of the reliability of the MOS, which is what the true quality itself would reach.
- Calibration takes the level that the MOS rounds to as the true one.
- Clip by clip: `predictions-<split>.csv`."""
_MARKS = re.compile(r"([\\`*_\[\]<>|])")


def report(evaluation: Figures) -> str:
    """The whole page."""
    blocks = ["# Evaluation of a critic", _facts(evaluation), _opening(evaluation), *_warnings(evaluation)]
    for split, figures in evaluation["splits"].items():
        blocks += _split(split, figures)
    blocks += [*_cooldown(evaluation), _method(evaluation["about"]), *_problems(evaluation)]
    return "\n\n".join(blocks) + "\n"


def escaped(text: object) -> str:
    """Text as Markdown that says the same, on one line."""
    return _MARKS.sub(r"\\\1", " ".join(str(text).split()))


def _facts(evaluation: Figures) -> str:
    about = evaluation["about"]
    critic = escaped(about["critic"])
    if "stages" in evaluation:
        critic += f", trained from {escaped(evaluation['model'])} in the stages {', '.join(evaluation['stages'])}"
    facts = {"Critic": critic, "Release": f"{escaped(about['release'])}, content {evaluation['release'][:12]}"}
    if about["previous"]:
        facts["Previous critic"] = escaped(about["previous"])
    if about["samples"] > 1:
        facts["Scores"] = f"the mean of {about['samples']} answers that were drawn for each clip"
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def _opening(evaluation: Figures) -> str:
    splits = evaluation["splits"]
    measured = "; ".join(
        f"{split}: {found['clips']} clips of {_generators(found)} over {found['prompt_groups']} prompts"
        for split, found in splits.items()
    )
    if not splits:
        return "No held-out clips: nothing was measured."
    return (
        f"Scores of the critic against mean opinion scores (MOS), on clips that training did not see: "
        f"{measured}. Every figure comes from free generation from pixels, never from logits behind a reference answer."
    )


def _generators(figures: Figures) -> str:
    count = len(figures["generators"][AXES[0]]["means"])
    return f"{count} generator{'' if count == 1 else 's'}"


def _warnings(evaluation: Figures) -> Iterator[str]:
    found = warnings_of(evaluation)
    if found:
        yield "## Before you rely on it"
        yield "\n".join(f"- {warning}" for warning in found)


def _split(split: str, figures: Figures) -> Iterator[str]:
    yield f"## {escaped(split)}: {figures['clips']} clips"
    yield _summary(figures)
    yield from _unparsable(figures)
    for axis in AXES:
        yield f"### {axis.value}"
        yield from _axis(figures["axes"][axis.value])
    for kind, name in figures["plots"].items():
        yield f"![{escaped(split)}: {kind}]({name})"
    yield "### Generators"
    yield from _by_generator(figures["generators"])
    yield "### Reasons and evidence"
    yield from _reasons(figures["axes"])


def _summary(figures: Figures) -> str:
    """The headline of each axis."""
    columns = ["SRCC", "the critic", *(_RIVALS[name] for name in _rivals(figures)), *_PEOPLE.values()]
    rows = []
    for axis in AXES:
        found = figures["axes"][axis.value]
        cells = [found[name]["srcc"] for name in ("critic", *_rivals(figures))]
        rows.append(
            [axis.value, *map(figure, cells), *(figure(found["people"].get(f"{name}_srcc")) for name in _PEOPLE)]
        )
    return table(columns, rows)


def _rivals(figures: Figures) -> list[str]:
    return [name for name in _RIVALS if name in figures["axes"][AXES[0]]]


def _unparsable(figures: Figures) -> Iterator[str]:
    others = figures["rivals_unparsable"]
    counts = [_count(figures["unparsable"]), *(f"{_RIVALS[name]}: {_count(found)}" for name, found in others.items())]
    yield f"Outputs without a report card, which are in no other figure: {'; '.join(counts)}."
    of_answers = figures["unparsable_answers"]
    if of_answers != figures["unparsable_rate"]:
        yield f"Of the answers behind the scores, {of_answers:.1%} could not be read, and count nowhere."
    reasons = [f"- {one['clips']}: {escaped(one['error'])}" for one in figures["unparsable"]["because"]]
    if reasons:
        yield "Most often because:\n\n" + "\n".join(reasons)


def _count(found: Figures) -> str:
    return f"{found['count']} of {found['of']} ({found['low']:.0%} to {found['high']:.0%})"


def _axis(figures: Figures) -> Iterator[str]:
    columns = ["", "clips", *_SCORE_COLUMNS]
    rows = [_score_row("**the critic**", figures["critic"])]
    rows += [_score_row(words, figures[name]) for name, words in _RIVALS.items() if name in figures]
    constant = figures["constant"]
    rows.append(_score_row(f"constant: the train mean, {constant['score']:.2f}", constant))
    people = figures["people"]
    if "missing" not in people:
        rows += [_people_row(name, people) for name in _PEOPLE]
    yield table(columns, rows)
    yield _gains(figures)
    shown = [figures[name] for name in ("critic", *_RIVALS, "constant") if name in figures]
    notes = _undefined(one[column] for one in [*shown] for column in _SCORE_COLUMNS.values())
    notes += [f"One rater and the ceiling are missing: {escaped(people['missing'])}."] if "missing" in people else []
    notes.append(f"Expected calibration error of the level probabilities: {_number(figures['calibration']['error'])}.")
    yield " ".join(notes)


def _people_row(name: str, people: Figures) -> list[str]:
    found = {"clips": people["items"], "srcc": people[f"{name}_srcc"], "plcc": people[f"{name}_plcc"]}
    return _score_row(_PEOPLE[name], found)


def _score_row(name: str, found: Figures) -> list[str]:
    clips = found.get("clips")
    return [name, "" if clips is None else str(clips), *(figure(found.get(key)) for key in _SCORE_COLUMNS.values())]


def _gains(figures: Figures) -> str:
    """By how much the critic is ahead, on the same clips."""
    compared = {
        f"SRCC above {words}": figures[name]["gain"]["srcc"] for name, words in _RIVALS.items() if name in figures
    }
    compared["RMSE below the constant"] = figures["constant"]["gain"]["rmse"]
    ahead = [f"{what} by {figure(found)}" for what, found in compared.items() if "value" in found]
    return f"The critic on the same clips, paired: {'; '.join(ahead) or 'nothing to compare'}."


def _by_generator(axes: Figures) -> Iterator[str]:
    names = sorted(axes[AXES[0]]["means"])
    columns = ["generator", "clips", *(f"{axis.value}: {what}" for axis in AXES for what in ("score", "MOS"))]
    rows = []
    for name in names:
        means = [axes[axis.value]["means"][name] for axis in AXES]
        cells = [_number(mean[what]) for mean in means for what in ("score", "mos")]
        rows.append([escaped(name), str(means[0]["clips"]), *cells])
    yield table(columns, rows)
    yield table(
        ["agreement of the means", *(axis.value for axis in AXES)],
        [
            [name, *(figure(axes[axis.value][key]) for axis in AXES)]
            for name, key in (("SRCC", "srcc"), ("PLCC", "plcc"))
        ],
    )
    yield from _undefined(axes[axis.value][key] for axis in AXES for key in ("srcc", "plcc"))


def _reasons(axes: Figures) -> Iterator[str]:
    columns = [
        "defects",
        "listed",
        "by raters",
        "precision",
        "recall",
        "F1",
        "F1 blank",
        "evidence IoU",
        "contradictions",
    ]
    rows = []
    for axis in AXES:
        found = axes[axis.value]
        counts = [str(found["defects"][name]) for name in ("said", "meant")]
        scores = [figure(found["defects"][name]) for name in ("precision", "recall", "f1")]
        blank = figure(found["blank_frames"]["defects"]["f1"]) if "blank_frames" in found else ""
        rest = [figure(found["evidence_iou"]), figure(found["contradictions"])]
        rows.append([axis.value, *counts, *scores, blank, *rest])
    yield table(columns, rows)
    yield (
        "Counts are of clips and labels. Evidence IoU: for each time that people marked, the best overlap in time with "
        "the critic's evidence for the same defect. A contradiction is a level that the listed defects deny: excellent "
        "with a defect, or poor and worse with none."
    )
    labels = [
        [escaped(label), axis.value, str(one["said"]), str(one["meant"])]
        + [figure(one[name]) for name in ("precision", "recall", "f1")]
        for axis in AXES
        for label, one in axes[axis.value]["defects"]["labels"].items()
    ]
    if labels:
        yield table(["defect", "axis", "listed", "by raters", "precision", "recall", "F1"], labels)


def _cooldown(evaluation: Figures) -> Iterator[str]:
    found = evaluation.get("cooldown")
    if found:
        yield "## The cool-down"
        rows = [[when, _number(one["valid"]), _number(one.get("score_spread"))] for when, one in found.items()]
        yield table(["", "share of samples that parse", "spread of the score over samples"], rows)


def _method(about: Figures) -> str:
    return _METHOD.format(**about)


def _problems(evaluation: Figures) -> Iterator[str]:
    found = evaluation.get("problems", [])
    if found:
        yield "## Clips that were left out"
        yield "\n".join(f"- {escaped(problem)}" for problem in found)


def figure(found: Figures | None) -> str:
    """`0.71 [0.52, 0.83]`, a dash where it is undefined, nothing where there is no such figure."""
    if found is None:
        return ""
    if "value" not in found:
        return "–"
    ends = f" [{_number(found['low'])}, {_number(found['high'])}]" if "low" in found else ""
    return _number(found["value"]) + ends


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; figures to the right."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _undefined(found: Iterable[Figures]) -> list[str]:
    reasons = sorted({str(one["undefined"]) for one in found if "undefined" in one})
    return [f"Undefined: {'; '.join(map(escaped, reasons))}."] if reasons else []


def _number(value: float | None) -> str:
    return "–" if value is None else f"{round(value, 2) + 0:.2f}"  # + 0: never -0.00
