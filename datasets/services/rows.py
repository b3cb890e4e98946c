"""The rows of a release's files, made from records. Floats have 6 decimals; every row of a file has the same keys."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from datasets.services.figures import Figures
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from datasets.services.records import ClipRecord, RatingRecord
from datasets.services.targets import Words, compute_pairwise_agreement
from qsave.axes import AXES, Axis
from qsave.grammar import GrammarError, render
from qsave.prompt import SYSTEM_PROMPT, make_user_prompt
from qsave.release.manifest import MEDIA_FOLDER
from qsave.release.rows import Media, RlRow, SftRow, Target, Task, round_evidence
from qsave.report_card import ReportCard
from qsave.statistics.figures import Undefined
from qsave.statistics.mos import Mos

Targets = Mapping[Axis, tuple[Target, Mos]]

_EVIDENCE = pa.list_(
    pa.struct([("defect", pa.string()), ("time", pa.list_(pa.float64())), ("box", pa.list_(pa.float64()))])
)

CLIP_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("sha256", pa.string()),
        ("video_prompt", pa.string()),
        ("prompt_group", pa.string()),
        ("generator", pa.string()),
        ("split", pa.string()),
        ("simulated", pa.bool_()),
        ("codec", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("fps_numerator", pa.int64()),
        ("fps_denominator", pa.int64()),
        ("frames", pa.int64()),
        ("duration", pa.float64()),
        ("has_audio", pa.bool_()),
        ("bytes", pa.int64()),
    ]
)
RATING_SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("rater", pa.string()),
        ("arm", pa.string()),
        ("blind", pa.bool_()),
        ("exposure", pa.string()),
        ("critic", pa.string()),
        ("guideline_version", pa.int32()),
        ("revision", pa.int32()),
        ("kind", pa.string()),
        ("screened", pa.bool_()),
        ("simulated", pa.bool_()),
        ("counted", pa.bool_()),
        ("not_counted_because", pa.string()),
        ("seconds_spent", pa.float64()),
        ("share_watched", pa.float64()),
    ]
    + [
        (f"{axis}_{name}", kind)
        for axis in AXES
        for name, kind in (
            ("score", pa.int8()),
            ("weight", pa.float64()),
            ("defects", pa.list_(pa.string())),
            ("evidence", _EVIDENCE),
            ("reason", pa.string()),
            ("exposure", pa.string()),
            ("draft_use", pa.string()),
        )
    ]
)
TARGET_SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("axis", pa.string()),
        ("split", pa.string()),
        ("mos", pa.float64()),
        ("se", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("n", pa.int32()),
        ("sd", pa.float64()),
        ("policy", pa.string()),
        ("level", pa.int8()),
        ("agreement", pa.float64()),
        ("defects", pa.list_(pa.string())),
        ("evidence", _EVIDENCE),
        ("described", pa.bool_()),
        ("words_from", pa.string()),
        ("simulated", pa.bool_()),
    ]
)


def name_media(record: ClipRecord) -> str:
    """Return the clip's path in a release: its sha256 and its own extension."""
    suffix = PurePosixPath(record.original).suffix.lower()
    return f"{MEDIA_FOLDER}/{record.sha256}{suffix if suffix[1:].isalnum() and suffix.isascii() else '.bin'}"


def make_media(record: ClipRecord) -> Media:
    return Media(name_media(record), record.sha256, record.duration, record.fast, record.slow)


def is_simulated(record: ClipRecord) -> bool:
    """Return whether a program made the clip or any rating that counts."""
    return record.simulated or any(rating.simulated for rating in record.counted)


def make_sft_row(record: ClipRecord, targets: Targets, words: Mapping[Axis, Words]) -> SftRow:
    """Return the supervised row. Raises ReleaseRefused for a defect that the output grammar cannot express."""
    try:
        text = render(ReportCard(**{axis.value: words[axis].report for axis in AXES}))
    except GrammarError as error:
        raise ReleaseRefused(f"Clip {record.clip_id}: {error}. Correct the campaign's taxonomy.") from None
    return SftRow(
        **_make_common_fields(record),
        task=_make_task(record, text),
        targets={axis: targets[axis][0] for axis in AXES},
    )


def make_rl_row(record: ClipRecord, targets: Targets) -> RlRow:
    return RlRow(
        **_make_common_fields(record), task=_make_task(record), solution={axis: targets[axis][0] for axis in AXES}
    )


def make_clip_row(record: ClipRecord) -> dict[str, Any]:
    return record.facts | {
        "id": record.clip_id,
        "sha256": record.sha256,
        "video_prompt": record.prompt,
        "prompt_group": record.prompt_group,
        "generator": record.generator,
        "split": record.split,
        "simulated": record.simulated,
        "duration": record.duration,
    }


def make_rating_row(record: ClipRecord, rating: RatingRecord, figures: Figures) -> dict[str, Any]:
    why_not = rating.not_counted_because
    row: dict[str, Any] = {
        "clip_id": record.clip_id,
        "rater": rating.rater,
        "arm": rating.arm,
        "blind": rating.blind,
        "exposure": rating.exposure,
        "critic": rating.critic,
        "guideline_version": rating.guideline,
        "revision": rating.revision,
        "kind": rating.kind,
        "screened": rating.screened,
        "simulated": rating.simulated,
        "counted": not why_not,
        "not_counted_because": why_not,
        "seconds_spent": rating.seconds_spent,
        "share_watched": rating.share_watched,
    }
    for axis in AXES:
        answer = rating.answers[axis]
        row |= {
            f"{axis}_score": answer.score,
            f"{axis}_weight": 0.0 if why_not else round(figures[axis].weights.get(rating.rater, 1.0), 6),
            f"{axis}_defects": list(dict.fromkeys(piece.defect for piece in answer.evidence)),
            f"{axis}_evidence": round_evidence(answer.evidence),
            f"{axis}_reason": answer.reason,
            f"{axis}_exposure": answer.exposure,
            f"{axis}_draft_use": answer.draft_use,
        }
    return row


def make_target_row(
    record: ClipRecord, axis: Axis, pair: tuple[Target, Mos], words: Words | None, policy: ReleasePolicy
) -> dict[str, Any]:
    target, mos = pair
    return {
        "clip_id": record.clip_id,
        "axis": axis.value,
        "split": record.split,
        "mos": target.mos,
        "se": target.se,
        "low": round(mos.low, 6),
        "high": round(mos.high, 6),
        "n": target.n,
        "sd": None if isinstance(mos.sd, Undefined) else round(mos.sd, 6),
        "policy": policy.choose_target(record.split),
        "level": target.level,
        "agreement": compute_pairwise_agreement([rating.answers[axis].score for rating in record.counted]),
        "defects": list(target.defects),
        "evidence": round_evidence(target.evidence),
        "described": target.described,
        "words_from": words.source if words else "",
        "simulated": is_simulated(record),
    }


def _make_common_fields(record: ClipRecord) -> dict[str, Any]:
    return {
        "id": record.clip_id,
        "clip_id": record.clip_id,
        "video_prompt": record.prompt,
        "prompt_group": record.prompt_group,
        "generator": record.generator,
        "split": record.split,
        "media": make_media(record),
        "simulated": is_simulated(record),
    }


def _make_task(record: ClipRecord, answer: str | None = None) -> Task:
    return Task(SYSTEM_PROMPT, make_user_prompt(record.prompt), answer)
