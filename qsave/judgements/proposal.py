"""Propose a mapping from the names and the contents of a file's fields. A person confirms or changes it."""

from collections.abc import Callable, Iterable, Mapping

from qsave.axes import MAX_LEVEL, MIN_LEVEL, Axis
from qsave.judgements.field_facts import FieldFacts, FileFacts
from qsave.judgements.mapping import AxisRule, JudgementMapping
from qsave.words import fold

_CLIP_NAMES: dict[str, tuple[str, ...]] = {
    "clip_id": ("clip id", "clipid", "video id", "item id", "sample id", "uid"),
    "sha256": ("sha256",),
    "video": ("video", "video name", "video path", "video url", "filename", "file name", "file upload", "url", "path"),
    "prompt": ("prompt", "video prompt", "text prompt", "t2v prompt", "caption", "text"),
    "generator": ("generator", "generator name", "t2v model", "video model", "model name", "model"),
    "prompt_group": ("prompt group", "prompt id", "source prompt id", "original prompt id", "original prompt"),
}
_RATERS = ("rater", "rater id", "annotator", "annotator id", "completed by", "worker id", "worker", "participant",
           "subject", "user", "user id")  # fmt: skip
_REASONS = (
    "reason",
    "comment",
    "comments",
    "reasons",
    "explanation",
    "rationale",
    "justification",
    "notes",
    "remark",
    "why",
)
_AXIS_FIELDS = ("axis", "dimension", "aspect", "criterion", "attribute")
_SCORE_FIELDS = ("score", "value", "rating", "mos")
_AXIS_WORDS: tuple[tuple[Axis | None, tuple[str, ...]], ...] = (
    (None, ("physic", "phy", "factual", "物理", "overall", "confidence")),
    (Axis.ALIGNMENT, ("alignment", "align", "prompt", "semantic", "faithful", "t2v", "text", "文本")),
    (Axis.DYNAMIC, ("dynamic", "motion", "temporal", "movement", "动态", "时间")),
    (Axis.VISUAL, ("visual", "aesthetic", "imaging", "appearance", "technical", "quality", "视觉")),
)
"""Parts of names by axis, in the order in which they are tried. None is another axis, which no axis of ours means."""
_COMMENT_WORDS = (*_REASONS, "describe", "description", "描述", "why", "text", "cmt")
_ASIDE = ("weight", "n", "sd", "std", "count", "se", "time", "probabilities", "duration", "seed", "id", "low", "high")
"""Last words of the names of fields with numbers that are no scores."""
_SCALES = ((MIN_LEVEL, MAX_LEVEL), (0, 1), (0, 5), (1, 7), (1, 10), (0, 10), (0, 100))


def propose_mapping(facts: FileFacts, *, source: str, defects: Mapping[str, str]) -> JudgementMapping:
    """Return a mapping that is likely right; it may lack what cannot be told. `defects` has labels by defect's id."""
    names = list(facts.fields)
    axis_field = _find_name(names, _AXIS_FIELDS)
    score_field = _find_name(names, _SCORE_FIELDS)
    of_clips = [name for name in names if name != "model" or "identity" not in names]  # there it is the critic
    clip = {part: name for part, known in _CLIP_NAMES.items() if (name := _find_name(of_clips, known))}
    axes = (
        _propose_long(facts, axis_field, score_field)
        if axis_field and score_field
        else _propose_wide(facts, {*clip.values()})
    )
    reason = _find_name([name for name in names if find_axis(name) is None], _REASONS)
    taken = {reason, *axes, *(rule.reason for rule in axes.values())}
    label_fields = tuple(name for name, one in facts.fields.items() if one.is_labels and name not in taken)
    labels = [*facts.mark_labels, *(label for name in label_fields for label in facts.fields[name].labels)]
    return JudgementMapping(
        source=source,
        axes=axes,
        clip=clip,
        rater=_find_name(names, _RATERS),
        axis_field=axis_field if axis_field and score_field else "",
        score_field=score_field if axis_field and score_field else "",
        scale_min_field=_find_name(names, ("scale min",)),
        scale_max_field=_find_name(names, ("scale max",)),
        reason=reason,
        labels=label_fields,
        defects=match_defects(labels, defects),
    )


def match_defects(labels: Iterable[str], defects: Mapping[str, str]) -> dict[str, str]:
    """Return the defect of each label that has the name or the id of one; `defects` has labels by id."""
    by_name = {fold(text): defect for defect, label in defects.items() for text in (label, defect)}
    return {label: by_name[fold(label)] for label in labels if fold(label) in by_name}


def find_axis(name: str) -> Axis | None:
    """Return the axis that the name of a field means; None if it names no axis or another one."""
    folded = _fold_name(name)
    for axis, words in _AXIS_WORDS:
        if any(word in folded for word in words):
            return axis
    return None


def propose_scale(low: float | None, high: float | None) -> tuple[float, float]:
    """Return the first usual scale that holds all scores, else the scores' own range."""
    if low is None or high is None:
        return MIN_LEVEL, MAX_LEVEL
    usual = next(((first, last) for first, last in _SCALES if first <= low and high <= last), None)
    return usual or (low, high if high > low else low + 1)


def _propose_wide(facts: FileFacts, taken: set[str]) -> dict[str, AxisRule]:
    """Propose a rule for each field with scores whose name means an axis."""
    rules = {}
    for name, one in facts.fields.items():
        axis = find_axis(name)
        if axis is None or not one.is_score or name in taken or is_aside(name):
            continue
        low, high = propose_scale(one.low, one.high)
        rules[name] = AxisRule(
            axis,
            low,
            high,
            reason=_find_part(facts, name, axis, _is_reason),
            evidence=_find_part(facts, name, axis, _is_evidence),
            n=_find_aside(facts, axis, ("n", "count")),
            sd=_find_aside(facts, axis, ("sd", "std")),
        )
    return rules


def _propose_long(facts: FileFacts, axis_field: str, score_field: str) -> dict[str, AxisRule]:
    """Propose a rule for each word of the field with the axis that means an axis."""
    scores = facts.fields[score_field]
    low, high = propose_scale(scores.low, scores.high)
    names = list(facts.fields)
    parts = {part: _find_name(names, (part,)) for part in ("n", "sd", "evidence")}
    axes = {word: find_axis(word) for word in facts.fields[axis_field].labels}
    return {word: AxisRule(axis, low, high, **parts) for word, axis in axes.items() if axis is not None}


def _find_name(names: Iterable[str], known: tuple[str, ...]) -> str:
    """Return the field with the first of these names, whatever object it is in, or an empty text."""
    folded: dict[str, str] = {}
    for name in names:
        folded.setdefault(_fold_name(name.rpartition(".")[2]), name)
    return next((folded[name] for name in known if name in folded), "")


def _find_part(facts: FileFacts, name: str, axis: Axis, test: Callable[[FieldFacts], bool]) -> str:
    """Return the field of the same axis that passes a test, one in the same object first."""
    names = [other for other, one in facts.fields.items() if other != name and find_axis(other) == axis and test(one)]
    beside = [other for other in names if other.rpartition(".")[0] == name.rpartition(".")[0]]
    return next(iter([*beside, *names]), "")


def _find_aside(facts: FileFacts, axis: Axis, words: tuple[str, ...]) -> str:
    """Return the field whose name is that of the axis with one of these words after it."""
    return next((name for name in facts.fields if find_axis(name) == axis and _take_last_word(name) in words), "")


def _is_reason(one: FieldFacts) -> bool:
    is_clip = any(_fold_name(one.name.rpartition(".")[2]) in names for names in _CLIP_NAMES.values())
    words = _fold_name(one.name)
    return not (is_clip or one.is_score or one.evidence) and any(word in words for word in _COMMENT_WORDS)


def _is_evidence(one: FieldFacts) -> bool:
    return one.evidence > 0 and _take_last_word(one.name) in ("evidence", "defects")


def is_aside(name: str) -> bool:
    """Return whether the name of a field ends in a word for something else than a score: `lead_time`, `n`, `sd`."""
    return _take_last_word(name) in _ASIDE


def _take_last_word(name: str) -> str:
    words = _fold_name(name).split()
    return words[-1] if words else ""


def _fold_name(name: str) -> str:
    """Return the words of a field's name: `visual_score` and `visual.score` are "visual score"."""
    return fold(name.replace("_", " "))
