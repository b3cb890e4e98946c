"""Render an evaluation as a page in Markdown: what was measured, on which clips, and how reliable the figures are.

The page needs only the evaluation, so it can be rendered again later. Names come from other people and are escaped.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from modelassist.engine.evaluation.intervals import LEAST_GROUPS
from modelassist.engine.evaluation.rivals import RIVAL_NAMES, describe_fits, describe_gains
from modelassist.engine.evaluation.tables import (
    Figures,
    escape_markdown,
    explain_gaps,
    render_cells,
    render_counts,
    render_estimate,
    render_number,
    render_table,
)
from modelassist.engine.evaluation.warnings import list_warnings
from qsave.axes import AXES, Axis
from qsave.run.evaluation import About, Evaluation, Split
from qsave.run.figures import (
    BLANK_FRAMES,
    Agreement,
    AxisFigures,
    Counts,
    DefectFigures,
    GeneratorFigures,
    PeopleReach,
    Rate,
)
from qsave.statistics.figures import Estimate, Interval, Undefined

_SCORES = ("SRCC", "PLCC", "PLCC after logistic", "KRCC", "RMSE", "within ±1")
_SHARES = ("precision", "recall", "F1")
_REASONS = (*_SHARES, "F1 blank", "evidence IoU", "contradictions")
_METHOD = """\
## How it was measured

- Brackets are {confidence:.0%} intervals: percentile bootstraps of {resamples} resamples, seed {seed}, that draw all
  clips of a prompt together. Figures of raters have jackknife intervals over clips and raters, rates of outputs
  without a report card have Wilson's intervals.
- With fewer than {least} prompts an interval would be too narrow, so figures have no interval and are not compared.
  The agreement of generators needs that many prompts of each generator, because the clips are resampled and the
  generators are not.
- The figures of a predictor are over the clips for which it has a report card. Those of the constant predictor are
  over the clips for which the critic has one.
- The score of an axis is the expectation over the five levels where the answer writes its level, from 1 to 5. PLCC
  after logistic fits four parameters to the same points, so it flatters. KRCC is tau-b.
- A dash means that a figure is undefined; the reason is below the table.
- One rater: one rating of each clip against the mean of its other ratings. A perfect critic would exceed this figure.
- Ceiling: the square root of the reliability of the MOS, which is the correlation that the true quality would reach.
- Calibration takes the MOS, rounded to a level, as the true level.
- The predictions of each clip are in `predictions-<split>.csv`."""


@dataclass(frozen=True, slots=True)
class _Predictor:
    """A row of the table of scores: a predictor, its figures, and the counts of clips that they rest on."""

    name: str
    counts: Counts
    figures: Figures
    title: str = ""
    """The name in the table, if it differs from the name in sentences."""


def render_report(evaluation: Evaluation, made: datetime | None = None) -> str:
    """Render the whole page; `made` is the time of the evaluation in UTC."""
    about = evaluation.about
    assert about is not None  # only evaluations stored by earlier versions lack it
    blocks = ["# Evaluation of a critic", _render_facts(evaluation, about, made), _render_opening(evaluation)]
    blocks += _render_warnings(evaluation)
    for name, split in evaluation.splits.items():
        blocks += _render_split(name, split)
    blocks += [*_render_cooldown(evaluation), _render_method(about), *_render_problems(evaluation)]
    return "\n\n".join(blocks) + "\n"


def _render_facts(evaluation: Evaluation, about: About, made: datetime | None) -> str:
    critic = _describe_model(about.critic, about.identity)
    if evaluation.stages is not None:
        base, stages = escape_markdown(evaluation.model), ", ".join(evaluation.stages)
        critic += f", trained from {base} in the stages {stages}"
    content = (evaluation.release or "")[:12]
    facts = {"Critic": critic, "Release": f"{escape_markdown(about.release)}, content {content}"}
    if about.previous:
        facts["Previous critic"] = _describe_model(about.previous, about.previous_identity)
    if about.samples > 1:
        facts["Scores"] = f"the mean of {about.samples} answers sampled for each clip"
    if made:
        facts["Made"] = f"{made:%Y-%m-%d %H:%M} UTC"
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def _describe_model(name: str, identity: str | None) -> str:
    """Name a model by its path and the digest of its content, since the files at a path may change.

    A hub id is its own identity.
    """
    return escape_markdown(name) + (f", identity {escape_markdown(identity)}" if identity and identity != name else "")


def _render_opening(evaluation: Evaluation) -> str:
    splits = evaluation.splits
    if not splits:
        return "There are no held-out clips, so nothing was measured."
    held_out = f"held-out clips of the release ({'/'.join(splits)})"
    measured = "; ".join(f"{name}: {_describe_measured(split)}" for name, split in splits.items())
    return (
        "Scores of the critic against mean opinion scores (MOS), on "
        f"{'clips of the train split of the release' if 'train' in splits else held_out}. {measured}. "
        "Every figure comes from free generation from pixels, never from logits behind a reference answer."
    )


def _describe_measured(split: Split) -> str:
    count = len(split.generators[AXES[0]].means)
    generators = f"{count} generator{'' if count == 1 else 's'}"
    read = _get_read_counts(split)
    return f"{split.counts} by {generators}, {'all' if read.clips == split.counts.clips else read} with a report card"


def _get_read_counts(split: Split) -> Counts:
    return split.read or split.counts


def _render_warnings(evaluation: Evaluation) -> Iterator[str]:
    warnings = list_warnings(evaluation)
    if warnings:
        yield "## Before you rely on it"
        yield "\n".join(f"- {warning}" for warning in warnings)


def _render_split(name: str, split: Split) -> Iterator[str]:
    yield f"## {escape_markdown(name)}: {split.counts}"
    yield _render_summary(split)
    yield from _render_unparsable(split)
    for axis in AXES:
        yield f"### {axis.value}"
        yield from _render_axis(split.axes[axis])
    for kind, file in split.plots.items():
        yield f"![{escape_markdown(name)}: {kind}]({file})"
    yield "### Generators"
    yield from _render_generators(split.generators)
    yield "### Reasons and evidence"
    yield from _render_reasons(split)


def _render_summary(split: Split) -> str:
    """Render the SRCC of each predictor on each axis. The clips behind a column are the same on all axes."""
    first = split.axes[AXES[0]]
    rivals = [name for name in RIVAL_NAMES if name in first.rivals]
    columns = ["SRCC", f"the critic ({first.critic.counts})"]
    columns += [f"{RIVAL_NAMES[name]} ({first.rivals[name].agreement.counts})" for name in rivals]
    basis = "" if isinstance(first.people, Undefined) else f" ({first.people.counts})"
    columns += [f"one rater{basis}", f"ceiling{basis}"]
    rows = []
    for axis in AXES:
        figures = split.axes[axis]
        cells: list[Estimate | None] = [figures.critic.srcc, *(figures.rivals[name].agreement.srcc for name in rivals)]
        cells += [row.figures["SRCC"] for row in _list_people(figures.people)] or [None, None]
        rows.append([axis.value, *map(render_estimate, cells)])
    return render_table(columns, rows)


def _render_unparsable(split: Split) -> Iterator[str]:
    counts = [_format_rate(split.unparsable.rate)]
    counts += [f"{RIVAL_NAMES[name]}: {_format_rate(rate)}" for name, rate in split.rivals_unparsable.items()]
    yield f"Outputs without a report card, which are in no other figure: {'; '.join(counts)}."
    of_answers = split.unparsable_answers
    if of_answers is not None and of_answers != split.unparsable_rate:
        yield f"Of the answers behind the scores, {of_answers:.1%} could not be read and are left out."
    errors = [f"- {each.clips}: {escape_markdown(each.error)}" for each in split.unparsable.errors]
    if errors:
        yield "The most frequent reasons:\n\n" + "\n".join(errors)


def _format_rate(rate: Rate) -> str:
    interval = rate.share.interval
    ends = f" ({interval.low:.0%} to {interval.high:.0%})" if isinstance(interval, Interval) else ""
    return f"{rate.count} of {rate.of}{ends}"


def _render_axis(figures: AxisFigures) -> Iterator[str]:
    predictors = list(_list_predictors(figures))
    yield render_table(
        ["", "clips", "prompts", *_SCORES],
        [
            [row.title or row.name, *render_counts(row.counts), *render_cells(row.figures, _SCORES)]
            for row in predictors
        ],
    )
    yield describe_gains(figures)
    notes = explain_gaps([(row.name, row.figures) for row in predictors])
    if isinstance(figures.people, Undefined):
        notes.append(f"One rater and the ceiling are missing: {escape_markdown(figures.people)}.")
    error = figures.calibration.error
    calibration = "undefined: there is no report card" if error is None else render_number(error)
    notes.append(f"Expected calibration error of the level probabilities: {calibration}.")
    yield " ".join(notes)


def _list_predictors(figures: AxisFigures) -> Iterator[_Predictor]:
    """Yield the rows of the table of scores, the critic first."""
    yield _Predictor("the critic", figures.critic.counts, _collect_scores(figures.critic), "**the critic**")
    for name, words in RIVAL_NAMES.items():
        if name in figures.rivals:
            agreement = figures.rivals[name].agreement
            yield _Predictor(words, agreement.counts, _collect_scores(agreement))
    constant = figures.constant
    title = f"constant: the train mean, {render_number(constant.score)}"
    yield _Predictor("the constant", constant.agreement.counts, _collect_scores(constant.agreement), title)
    yield from _list_people(figures.people)


def _collect_scores(agreement: Agreement) -> Figures:
    figures = (agreement.srcc, agreement.plcc, agreement.plcc_logistic, agreement.krcc, agreement.rmse)
    return dict(zip(_SCORES, (*figures, agreement.within_one), strict=True))


def _list_people(people: PeopleReach | Undefined) -> list[_Predictor]:
    if isinstance(people, Undefined):
        return []
    return [
        _Predictor("one rater", people.counts, {"SRCC": people.baseline_srcc, "PLCC": people.baseline_plcc}),
        _Predictor("ceiling", people.counts, {"SRCC": people.ceiling_srcc, "PLCC": people.ceiling_plcc}),
    ]


def _render_generators(axes: Mapping[Axis, GeneratorFigures]) -> Iterator[str]:
    rows = []
    for name in sorted(axes[AXES[0]].means):
        means = [axes[axis].means[name] for axis in AXES]
        values = [render_number(value) for mean in means for value in (mean.score, mean.mos)]
        rows.append([escape_markdown(name), str(means[0].clips), *render_counts(means[0].counts), *values])
    titles = [f"{axis.value}: {what}" for axis in AXES for what in ("score", "MOS")]
    yield render_table(["generator", "clips", "with a report card", "their prompts", *titles], rows)
    yield "Means are over the clips with a report card; the MOS of a generator without one is over all of its clips."
    agreement = [(axis.value, {"SRCC": axes[axis].srcc, "PLCC": axes[axis].plcc}) for axis in AXES]
    yield render_table(
        ["agreement of the means", *(axis for axis, _ in agreement)],
        [[title, *(render_estimate(figures[title]) for _, figures in agreement)] for title in ("SRCC", "PLCC")],
    )
    yield from filter(None, [" ".join(explain_gaps(agreement))])


def _render_reasons(split: Split) -> Iterator[str]:
    read = _get_read_counts(split)
    yield (
        f"Figures are over the {read} with a report card. "
        if read.clips
        else f"No clip has a report card, so only what raters listed is counted, over all {split.counts.clips} clips. "
    ) + (
        "A defect counts once in each clip. Evidence IoU: for each time that raters marked, the best overlap in time "
        "with the critic's evidence for the same defect. A contradiction is a level that does not fit the listed "
        "defects: excellent with a defect, or poor or bad with none."
    )
    figures = {axis: _collect_reason_figures(split.axes[axis]) for axis in AXES}
    rows = []
    for axis in AXES:
        reasons = split.axes[axis].reasons
        counts = [*_count_defects(reasons.defects), str(reasons.evidence_counts.clips)]
        rows.append([axis.value, *counts, *render_cells(figures[axis], _REASONS)])
    yield render_table(["defects", "listed", "by raters", "clips with times", *_REASONS], rows)
    yield from filter(None, [" ".join(explain_gaps([(axis.value, figures[axis]) for axis in AXES]))])
    yield from _render_labels(split.axes)


def _collect_reason_figures(figures: AxisFigures) -> Figures:
    reasons, blank = figures.reasons, figures.rivals.get(BLANK_FRAMES)
    return {
        **_collect_shares(reasons.defects),
        **({"F1 blank": blank.reasons.defects.f1} if blank and blank.reasons else {}),
        "evidence IoU": reasons.evidence_iou,
        "contradictions": reasons.contradictions,
    }


def _render_labels(axes: Mapping[Axis, AxisFigures]) -> Iterator[str]:
    rows = [
        [escape_markdown(label), axis.value, *_count_defects(figures), *render_cells(_collect_shares(figures), _SHARES)]
        for axis in AXES
        for label, figures in axes[axis].reasons.labels.items()
    ]
    if rows:
        yield render_table(["defect", "axis", "listed", "by raters", *_SHARES], rows)
        yield (
            "A defect has no precision if the critic never listed it, and no recall if raters never did. A share has "
            f"an interval if at least {LEAST_GROUPS} prompts have the defect and the share differs between resamples."
        )


def _collect_shares(defects: DefectFigures) -> Figures:
    return dict(zip(_SHARES, (defects.precision, defects.recall, defects.f1), strict=True))


def _count_defects(defects: DefectFigures) -> list[str]:
    """Write how often the critic and the raters listed a defect; a dash for the critic if it has no report card."""
    return ["–" if defects.listed is None else str(defects.listed), str(defects.by_raters)]


def _render_cooldown(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.cooldown:
        yield "## The cool-down"
        yield render_table(
            ["", "share of samples that parse", "spread of the score over samples"],
            [
                [when, render_number(one.valid), render_number(one.score_spread)]
                for when, one in evaluation.cooldown.items()
            ],
        )


def _render_method(about: About) -> str:
    text = _METHOD.format(confidence=about.confidence, resamples=about.resamples, seed=about.seed, least=LEAST_GROUPS)
    return "\n".join([text, *describe_fits(about)])


def _render_problems(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.problems:
        yield "## Clips that were left out"
        yield "\n".join(f"- {escape_markdown(problem)}" for problem in evaluation.problems)
