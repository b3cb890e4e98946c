"""The evaluation as a page in Markdown: what was measured, on what, beside what, and what not to trust in it.

Made of `evaluation.json` alone, so it can be made again. Names come from strangers and are escaped.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from modelassist.engine.evaluation.intervals import LEAST_GROUPS, in_words
from modelassist.engine.evaluation.warnings import RIVALS, warnings_of
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
_AGREEMENT = {"SRCC": "srcc", "PLCC": "plcc"}
_PEOPLE = {"baseline": "one rater", "ceiling": "ceiling"}
_METHOD = """\
## How it was measured

- Brackets are {confidence:.0%} intervals: percentile bootstraps of {resamples} resamples (fewer for KRCC and the
  logistic), seed {seed}, that draw the clips of a prompt together, those of people clip by clip. Over fewer than
  {least} prompts they would be too narrow, so there are none, and nothing is compared. For generators that is asked of
  each: they are fixed, their clips are drawn. For outputs without a report card intervals are Wilson's.
- Figures are of the clips with a report card; the constant predictor's are of the clips that the critic has one for.
- The score of an axis is the expectation over the five levels at the answer's own position, from 1 to 5. PLCC after
  logistic fits four parameters to the same points, so it flatters. KRCC is tau-b.
- A dash is undefined; why stands below the table.
- One rater: one rating of each clip against the mean of its others. A perfect critic passes it. Ceiling: the square
  root of the reliability of the MOS, which is what the true quality itself would reach.
- Calibration takes the level that the MOS rounds to as the true one.
- Clip by clip: `predictions-<split>.csv`."""
_MARKS = re.compile(r"([\\`*_\[\]<>|])")


def report(evaluation: Figures, made: datetime | None = None) -> str:
    """The whole page; `made` is when, in UTC."""
    blocks = ["# Evaluation of a critic", _facts(evaluation, made), _opening(evaluation), *_warnings(evaluation)]
    for split, figures in evaluation["splits"].items():
        blocks += _split(split, figures)
    blocks += [*_cooldown(evaluation), _method(evaluation["about"]), *_problems(evaluation)]
    return "\n\n".join(blocks) + "\n"


def escaped(text: object) -> str:
    """Text as Markdown that says the same, on one line."""
    return _MARKS.sub(r"\\\1", " ".join(str(text).split()))


def _facts(evaluation: Figures, made: datetime | None) -> str:
    about = evaluation["about"]
    critic = _model(about["critic"], about.get("identity"))
    if "stages" in evaluation:
        critic += f", trained from {escaped(evaluation['model'])} in the stages {', '.join(evaluation['stages'])}"
    facts = {"Critic": critic, "Release": f"{escaped(about['release'])}, content {evaluation['release'][:12]}"}
    if about["previous"]:
        facts["Previous critic"] = _model(about["previous"], about.get("previous_identity"))
    if about["samples"] > 1:
        facts["Scores"] = f"the mean of {about['samples']} answers that were drawn for each clip"
    if made:
        facts["Made"] = f"{made:%Y-%m-%d %H:%M} UTC"
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def _model(name: str, identity: str | None) -> str:
    """A path tells little of what lies there next week; a hub id is its own identity."""
    return escaped(name) + (f", identity {escaped(identity)}" if identity and identity != name else "")


def _opening(evaluation: Figures) -> str:
    splits = evaluation["splits"]
    measured = "; ".join(f"{split}: {_measured(found)}" for split, found in splits.items())
    if not splits:
        return "No held-out clips: nothing was measured."
    held_out = f"held-out clips of the release ({'/'.join(splits)})"
    return (
        "Scores of the critic against mean opinion scores (MOS), on "
        f"{'clips of the train split of the release' if 'train' in splits else held_out}. {measured}. "
        "Every figure comes from free generation from pixels, never from logits behind a reference answer."
    )


def _measured(figures: Figures) -> str:
    count = len(figures["generators"][AXES[0]]["means"])
    generators = f"{count} generator{'' if count == 1 else 's'}"
    read = "all" if figures["read"]["clips"] == figures["clips"] else _over(figures["read"])
    return f"{in_words(figures['clips'], figures['prompt_groups'])} by {generators}, {read} with a report card"


def _warnings(evaluation: Figures) -> Iterator[str]:
    found = warnings_of(evaluation)
    if found:
        yield "## Before you rely on it"
        yield "\n".join(f"- {warning}" for warning in found)


def _split(split: str, figures: Figures) -> Iterator[str]:
    yield f"## {escaped(split)}: {in_words(figures['clips'], figures['prompt_groups'])}"
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
    yield from _reasons(figures)


def _summary(figures: Figures) -> str:
    """The headline of each axis; what a column rests on is the same on all of them."""
    first = figures["axes"][AXES[0]]
    names = {"critic": "the critic"} | {name: RIVALS[name] for name in _rivals(figures)}
    columns = ["SRCC", *(f"{words} ({_over(first[name])})" for name, words in names.items())]
    people = (
        "" if "missing" in first["people"] else f" ({in_words(first['people']['items'], first['people']['prompts'])})"
    )
    columns += [f"{words}{people}" for words in _PEOPLE.values()]
    rows = []
    for axis in AXES:
        found = figures["axes"][axis.value]
        cells = [found[name]["srcc"] for name in names]
        rows.append(
            [axis.value, *map(figure, cells), *(figure(found["people"].get(f"{name}_srcc")) for name in _PEOPLE)]
        )
    return table(columns, rows)


def _rivals(figures: Figures) -> list[str]:
    return [name for name in RIVALS if name in figures["axes"][AXES[0]]]


def _over(found: Figures) -> str:
    return in_words(found["clips"], found["prompts"])


def _unparsable(figures: Figures) -> Iterator[str]:
    others = figures["rivals_unparsable"]
    counts = [_count(figures["unparsable"]), *(f"{RIVALS[name]}: {_count(found)}" for name, found in others.items())]
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
    columns = ["", "clips", "prompts", *_SCORE_COLUMNS]
    rows = [_score_row("**the critic**", figures["critic"])]
    rows += [_score_row(words, figures[name]) for name, words in RIVALS.items() if name in figures]
    constant = figures["constant"]
    rows.append(_score_row(f"constant: the train mean, {constant['score']:.2f}", constant))
    people = figures["people"]
    if "missing" not in people:
        rows += [_score_row(words, _people(name, people)) for name, words in _PEOPLE.items()]
    yield table(columns, rows)
    yield _gains(figures)
    names = {"critic": "the critic", **RIVALS, "constant": "the constant"}
    shown = [(words, figures[name]) for name, words in names.items() if name in figures]
    if "missing" not in people:
        shown += [(words, _people(name, people)) for name, words in _PEOPLE.items()]
    notes = _notes(shown, _SCORE_COLUMNS)
    notes += [f"One rater and the ceiling are missing: {escaped(people['missing'])}."] if "missing" in people else []
    error = figures["calibration"]["error"]
    told = "undefined: there is no report card" if error is None else _number(error)
    notes.append(f"Expected calibration error of the level probabilities: {told}.")
    yield " ".join(notes)


def _people(name: str, people: Figures) -> dict[str, Any]:
    counts = {"clips": people["items"], "prompts": people["prompts"]}
    return counts | {"srcc": people[f"{name}_srcc"], "plcc": people[f"{name}_plcc"]}


def _score_row(name: str, found: Figures) -> list[str]:
    return [
        name,
        str(found["clips"]),
        str(found["prompts"]),
        *(figure(found.get(key)) for key in _SCORE_COLUMNS.values()),
    ]


def _gains(figures: Figures) -> str:
    """By how much the critic is ahead, on the same clips. Without an interval it is a difference, and no more."""
    compared = {
        f"SRCC less that of {words}": (figures[name], "srcc") for name, words in RIVALS.items() if name in figures
    }
    compared["RMSE of the constant less the critic's"] = (figures["constant"], "rmse")
    told = [f"{what}: {_difference(found['gain'], key)}" for what, (found, key) in compared.items()]
    return f"Differences on the clips that both have a report card for, paired: {'; '.join(told)}."


def _difference(gain: Figures, key: str) -> str:
    found = gain[key]
    if not gain["clips"]:
        return "undefined, as there is no clip that both have a report card for"
    if "undefined" in found:
        return f"undefined, as {escaped(found['undefined'])}"
    why = f"; no interval: {_reason(found['interval'])}" if "interval" in found else ""
    return f"{figure(found)} ({_over(gain)}{why})"


def _by_generator(axes: Figures) -> Iterator[str]:
    names = sorted(axes[AXES[0]]["means"])
    what = [f"{axis.value}: {what}" for axis in AXES for what in ("score", "MOS")]
    rows = []
    for name in names:
        means = [axes[axis.value]["means"][name] for axis in AXES]
        counts = [str(means[0][count]) for count in ("of", "clips", "prompts")]
        rows.append([escaped(name), *counts, *(_number(mean[key]) for mean in means for key in ("score", "mos"))])
    yield table(["generator", "clips", "with a report card", "their prompts", *what], rows)
    yield "Means are over the clips with a report card; the MOS of a generator without one is over all of its clips."
    yield table(
        ["agreement of the means", *(axis.value for axis in AXES)],
        [[name, *(figure(axes[axis.value][key]) for axis in AXES)] for name, key in _AGREEMENT.items()],
    )
    notes = _notes([(axis.value, axes[axis.value]) for axis in AXES], _AGREEMENT)
    if notes:
        yield " ".join(notes)


_WHY_COLUMNS = {
    "precision": "precision",
    "recall": "recall",
    "F1": "f1",
    "F1 blank": "f1_blank",
    "evidence IoU": "evidence_iou",
    "contradictions": "contradictions",
}


def _reasons(figures: Figures) -> Iterator[str]:
    axes, read = figures["axes"], figures["read"]
    yield (
        f"Of the {_over(read)} with a report card. "
        if read["clips"]
        else f"No clip has a report card; what raters said is of all {figures['clips']} clips. "
    ) + (
        "Counts are of clips and labels. Evidence IoU: for each time that people marked, the best overlap in time with "
        "the critic's evidence for the same defect. A contradiction is a level that the listed defects deny: excellent "
        "with a defect, or poor and worse with none."
    )
    found = {axis.value: _why(axes[axis.value]) for axis in AXES}
    yield table(
        ["defects", "listed", "by raters", "clips with times", *_WHY_COLUMNS],
        [
            [axis, *_listed(axes[axis]["defects"]), str(one["evidence_iou"]["clips"])]
            + [figure(one.get(key)) for key in _WHY_COLUMNS.values()]
            for axis, one in found.items()
        ],
    )
    yield from filter(None, [" ".join(_notes(list(found.items()), _WHY_COLUMNS))])
    yield from _labels(axes)


def _why(axis: Figures) -> dict[str, Any]:
    """The figures of one row, side by side."""
    kept = {name: axis["defects"][name] for name in ("precision", "recall", "f1")}
    blank = {"f1_blank": axis["blank_frames"]["defects"]["f1"]} if "blank_frames" in axis else {}
    return kept | blank | {name: axis[name] for name in ("evidence_iou", "contradictions")}


def _labels(axes: Figures) -> Iterator[str]:
    labels = [
        [escaped(label), axis.value, *_listed(one), *(figure(one[name]) for name in ("precision", "recall", "f1"))]
        for axis in AXES
        for label, one in axes[axis.value]["defects"]["labels"].items()
    ]
    if labels:
        yield table(["defect", "axis", "listed", "by raters", "precision", "recall", "F1"], labels)
        yield (
            "Without precision: the critic did not list it; without recall: raters did not. A share has an interval "
            f"where it rests on {LEAST_GROUPS} prompts or more with that defect, and is not the same in all resamples."
        )


def _listed(found: Figures) -> list[str]:
    """How often defects were listed by the critic (nothing where it gave no report card) and by raters."""
    return ["–" if found["said"] is None else str(found["said"]), str(found["meant"])]


def _cooldown(evaluation: Figures) -> Iterator[str]:
    found = evaluation.get("cooldown")
    if found:
        yield "## The cool-down"
        rows = [[when, _number(one["valid"]), _number(one.get("score_spread"))] for when, one in found.items()]
        yield table(["", "share of samples that parse", "spread of the score over samples"], rows)


def _method(about: Figures) -> str:
    return _METHOD.format(least=LEAST_GROUPS, **about)


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


def _notes(rows: Sequence[tuple[str, Figures]], columns: Mapping[str, str]) -> list[str]:
    """Which figures of a table are undefined, which have no interval, and why."""
    kinds = {"undefined": "Undefined", "interval": "Without an interval"}
    told = {words: _by_reason(kind, rows, columns) for kind, words in kinds.items()}
    return [f"{words}: {'; '.join(reasons)}." for words, reasons in told.items() if reasons]


def _by_reason(kind: str, rows: Sequence[tuple[str, Figures]], columns: Mapping[str, str]) -> list[str]:
    """`SRCC, PLCC of the critic: why`, rows that lack the same for the same reason together."""
    lacking: dict[tuple[str, str], list[str]] = {}
    for name, row in rows:
        there = {words: row[key] for words, key in columns.items() if key in row}
        reasons = {words: str(found[kind]) for words, found in there.items() if kind in found}
        could = [words for words, found in there.items() if kind == "undefined" or "value" in found]
        for reason in dict.fromkeys(reasons.values()):
            which = [words for words, other in reasons.items() if other == reason]
            what = "every figure" if which == could and len(which) > 1 else ", ".join(which)
            lacking.setdefault((what, reason), []).append(name)
    return [f"{what} of {', '.join(names)}: {_reason(reason)}" for (what, reason), names in lacking.items()]


def _reason(why: str) -> str:
    return escaped(why.removesuffix(" for an interval"))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{round(value, 2) + 0:.2f}"  # + 0: never -0.00
