"""The dataset card: a README.md with the front matter that Hugging Face reads, made from the manifest alone."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qsave.axes import AXES
from qsave.release.presets.catalogue import PRESETS
from qsave.splits import SPLITS

_SIZES = ((1000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

_STRING, _FLOAT = {"dtype": "string"}, {"dtype": "float64"}
_TARGET = [
    {"name": "mos", **_FLOAT},
    {"name": "se", **_FLOAT},
    {"name": "n", "dtype": "int64"},
    {"name": "level", "dtype": "int64"},
    {"name": "described", "dtype": "bool"},
    {"name": "defects", **_STRING},
    {"name": "evidence", **_STRING},
]


def render_card(manifest: Mapping[str, Any]) -> str:
    """Return the whole file: front matter and text."""
    front = json.dumps(_make_front_matter(manifest), ensure_ascii=True, indent=1)
    # JSON is valid YAML, and no name can break it
    return f"---\n{front}\n---\n\n{_render_text(manifest)}"


def read_card(folder: Path) -> str:
    """Return the text of the card of a release, without the front matter. Raises OSError if it has no card."""
    card = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    return card.removeprefix("---\n").partition("\n---\n")[2] if card.startswith("---\n") else card


def _make_front_matter(manifest: Mapping[str, Any]) -> dict[str, Any]:
    rows = manifest["counts"]["rows"]
    clips = sum(manifest["counts"]["clips"].values())
    kinds = [kind for kind in ("sft", "rl", "cooldown") if any(rows.get(f"{kind}/{s}.jsonl") for s in SPLITS)]
    return {
        "pretty_name": f"{manifest['name']} {manifest['number']}",
        "license": "other",
        "license_name": "see-the-clips-generators",
        "language": ["en"],
        "task_categories": ["video-text-to-text"],
        "tags": ["video-quality", "mean-opinion-score", *(["simulated"] if manifest["simulated"] else [])],
        "size_categories": [next((name for limit, name in _SIZES if clips < limit), "n>1M")],
        "configs": [
            {
                "config_name": kind,
                "default": kind == "sft",
                "data_files": [
                    {"split": split, "path": f"{kind}/{split}.jsonl"}
                    for split in SPLITS
                    if rows.get(f"{kind}/{split}.jsonl")
                ],
            }
            for kind in kinds
        ],
        "dataset_info": [{"config_name": kind, "features": _list_features(kind)} for kind in kinds],
    }


def _list_features(kind: str) -> list[dict[str, Any]]:
    """Return the columns of a row file, as `qsave.release.rows.row_to_json` writes them."""
    names = ("id", "clip_id", "video_prompt", "prompt_group", "generator", "split")
    plain = [{"name": name, **_STRING} for name in names]
    turns = ("system", "user") if kind == "rl" else ("system", "user", "answer")
    media = [
        {"name": "path", **_STRING},
        {"name": "sha256", **_STRING},
        {"name": "duration", **_FLOAT},
        {"name": "fast", "list": "float64"},
        {"name": "slow", "list": "float64"},
    ]
    return [
        *plain,
        {"name": "simulated", "dtype": "bool"},
        {"name": "media", "struct": media},
        {"name": "task", "struct": [{"name": turn, **_STRING} for turn in turns]},
        {
            "name": "solution" if kind == "rl" else "targets",
            "struct": [{"name": axis.value, "struct": _TARGET} for axis in AXES],
        },
    ]


def _render_text(manifest: Mapping[str, Any]) -> str:
    counts, policies = manifest["counts"], manifest["policies"]
    title = f"# {manifest['name']}, release {manifest['number']}"
    simulated = (
        "\n> **Simulated.** Clips or ratings in this release were made by programs, not by people: "
        f"{counts['clips_simulated']} clips and {counts['ratings_counted_simulated']} of "
        f"{counts['ratings_counted']} counted ratings. Do not report figures on it as human judgement.\n"
        if manifest["simulated"]
        else ""
    )
    splits = "\n".join(
        f"| {split} | {counts['clips'][split]} | {counts['rows'][f'sft/{split}.jsonl']} | "
        f"{counts['rows'][f'rl/{split}.jsonl']} | {counts['rows'].get(f'cooldown/{split}.jsonl', 0)} |"
        for split in SPLITS
    )
    agreement = "\n".join(
        f"| {axis} | {render_alpha(figures)} | {figures['blind_ratings']} | {figures['clips']} |"
        for axis, figures in ((axis, manifest["agreement"][axis.value]) for axis in AXES)
    )
    choices = "\n".join(f"- {name.replace('_', ' ')}: {value}" for name, value in sorted(policies.items()))
    return f"""{title}
{simulated}
Generated videos, graded by people on three axes (visual, dynamic, alignment; five levels of ITU-T P.910 ACR) with
defects, evidence and written reasons. Campaign: {_escape(manifest["campaign"]["title"])}. Content hash:
`{manifest["content_hash"]}`.

## Contents

| split | clips | sft | rl | cooldown |
|---|---|---|---|---|
{splits}

{counts["ratings"]} ratings, {counts["ratings_counted"]} of them counted, by {counts["raters"]} raters under pseudonyms.
A rater has the same pseudonym in every release of the campaign, and another one in other campaigns. It is an HMAC of
the person's UUID under a secret salt of the campaign. A site that is restored from a backup gives the same pseudonyms;
a site into which the ratings were imported gives different ones.
`clips.parquet`, `ratings.parquet` and `targets.parquet` have a row for each clip, each rating, and each clip and axis.
{_render_left_out(counts)}

The rows have the format `{manifest["format"]}`. Their columns do not have the names that common trainers look for,
because such a trainer would train on the text without the video. `defects` and `evidence` are JSON text.

## Agreement

Krippendorff's alpha (ordinal) of blind ratings, which no critic can have influenced, with its 95% interval.

| axis | alpha | blind ratings | of clips |
|---|---|---|---|
{agreement}

{_render_judgements(counts)}## How it was made

{choices}
{_render_notes(manifest["notes"])}
## Presets

These rows are not for other trainers. Each gets a preset, which `python -m qsave.release preset NAME THIS_FOLDER OUT`
writes from this folder alone.

{_render_presets()}
## Intended use

Training and evaluating critics that grade generated video and say why. Val and test count blind ratings only:
their raters saw no draft, so a critic is not evaluated against ratings that it has influenced.

## Limits

Each clip has few raters; use the standard errors. Reasons are people's own words and may be wrong. Raters
are not a sample of any population. The clips keep the licences of the generators that made them.
"""


def _render_presets() -> str:
    return "".join(
        f"### {preset.name}, for {preset.title}\n\n{preset.holds} Left out: {preset.leaves_out}\n\n"
        f"    {preset.render_lines('OUT').replace(chr(10), chr(10) + '    ')}\n\n"
        for preset in PRESETS.values()
    )


def _render_judgements(counts: Mapping[str, Any]) -> str:
    """Return the section on ratings made elsewhere; empty if the release has no file of them."""
    if "judgements" not in counts:
        return ""
    lines = "\n".join(f"| {_escape(source)} | {number} |" for source, number in counts["judgements"].items())
    return f"""## Ratings made elsewhere

`judgements.parquet` has ratings that were not made in this campaign. They are on the scales of their sources
(`scale_min`, `scale_max`), their raters may have seen drafts, and no target, figure or split above counts them. They
keep the licence of their source.

| source | judgements |
|---|---|
{lines}

"""


def _render_left_out(counts: Mapping[str, Any]) -> str:
    if not counts["left_out"]:
        return "No clip was left out."
    lines = [
        f"| {clips} | {of} | {_escape(reason)} |"
        for of, reasons in counts["left_out"].items()
        for reason, clips in reasons.items()
    ]
    table = [
        "What was left out (`manifest.json` names the clips):",
        "",
        "| clips | of | why |",
        "|---|---|---|",
        *lines,
    ]
    held_out = " and ".join(f"{number} of {split}" for split, number in counts.get("excluded_held_out", {}).items())
    note = f"Leads excluded {held_out}. Figures on these splits leave these clips out."
    return "\n".join([*table, "", note] if held_out else table)


def _render_notes(notes: Sequence[str]) -> str:
    return "".join(["\nNotes:\n\n", *(f"- {_escape(note)}\n" for note in notes)]) if notes else ""


def render_alpha(agreement: Mapping[str, Any]) -> str:
    """Return alpha with its interval, or a sentence that says why it cannot be read."""
    if agreement["thin"]:
        return str(agreement["thin"])
    value, interval = agreement["krippendorff_alpha_ordinal"], agreement["interval"]
    if isinstance(value, Mapping):
        return f"undefined: {value['undefined']}"
    if isinstance(interval, Mapping):
        return f"{value:.3f} (no interval: {interval['undefined']})"
    return f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"


def _escape(text: str) -> str:
    """Return a name on one line, without the signs of Markdown and HTML."""
    return "".join(" " if character in "\r\n<>`[]|*_#" else character for character in text).strip()
