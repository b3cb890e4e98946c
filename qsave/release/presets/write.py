"""Write a preset from a frozen release folder, without a database. The same release gives the same bytes.

Rows are read and written one by one, so memory does not grow with the release (except for `pairs`, which holds the
scores of all clips of a split). A clip that cannot be decoded is left out and counted; one that is missing or has
changed ends the work, because the folder is then not the release.
"""

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import ExitStack, closing
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from qsave.files import atomic_path, write_json
from qsave.release.encoding import ReleaseError, parse_object
from qsave.release.manifest import hash_file
from qsave.release.presets.catalogue import PRESETS, Preset
from qsave.release.presets.datasets_of_clips import HuggingFaceFiles, WebDatasetFiles
from qsave.release.presets.files import PresetFiles
from qsave.release.presets.frames import check_frame_settings, load_frames
from qsave.release.presets.pairs import PairFiles
from qsave.release.presets.samples import LoadedSample, Sample, count_samples, read_samples
from qsave.release.presets.trainers import LlamaFactoryFiles, SwiftFiles, TrlFiles, VerlFiles
from qsave.release.reader import ReleaseReader
from qsave.splits import SPLITS

SUMMARY_FILE = "preset.json"
LIST_FILE = "files.json"
"""Lists all other files of a preset with their sha256 and size, so that a copy can be checked."""
NO_ANSWER = "the release has no answer for the clip (its manifest says why)"

Progress = Callable[[float, str], None]


class _Writer(Protocol):
    """Writes the files of one preset: each sample in turn, then what is left to write."""

    def write(self, loaded: LoadedSample) -> None: ...
    def finish(self) -> None: ...


_OF_TRAINERS: Mapping[str, Callable[[PresetFiles], _Writer]] = {
    "trl": TrlFiles,
    "llama-factory": LlamaFactoryFiles,
    "ms-swift": SwiftFiles,
    "verl": VerlFiles,
    "pairs": PairFiles,
}


def write_preset(
    name: str,
    release: Path,
    out: Path,
    *,
    processes: int = 1,
    progress: Progress = lambda share, message: None,
) -> dict[str, Any]:
    """Write a preset of a release to the folder `out`, whole or not at all, and return its summary.

    `processes` processes decode clips at the same time. Raises ReleaseError if the name is unknown, `out` has content,
    or the release cannot be used.
    """
    preset = _find_preset(name)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ReleaseError(f"{out} exists already and was left as it is. Name another folder, or remove it first.")
    reader = ReleaseReader(release)
    if preset.shows_frames:
        check_frame_settings(reader)
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(out) as unfinished:
        unfinished.mkdir()
        return _write(preset, reader, unfinished, processes, progress)


def read_summary(folder: Path) -> Mapping[str, Any]:
    """Read what a preset's folder holds. Raises ReleaseError if it is not one."""
    path = folder / SUMMARY_FILE
    if not path.is_file():
        raise ReleaseError(f"{folder} is not a preset: it has no {SUMMARY_FILE}.")
    return parse_object(path.read_bytes(), str(path))


def _find_preset(name: str) -> Preset:
    if name not in PRESETS:
        raise ReleaseError(f"There is no preset {name!r}. There are {', '.join(PRESETS)}.")
    return PRESETS[name]


def _write(preset: Preset, reader: ReleaseReader, folder: Path, processes: int, progress: Progress) -> dict[str, Any]:
    total = count_samples(reader)
    unanswered = 0
    problems: list[dict[str, str]] = []
    with ExitStack() as stack:
        files = PresetFiles(folder, stack)
        writer = _make_writer(preset, files, reader, stack)
        samples = chain.from_iterable(read_samples(reader, split) for split in SPLITS)
        with closing(_load(preset, reader, samples, processes)) as items:  # ends the pool after any error
            for number, (sample, loaded) in enumerate(items, start=1):
                if isinstance(loaded, str):
                    problems.append({"clip_id": sample.rl.clip_id, "reason": loaded})
                else:
                    writer.write(loaded)
                unanswered += sample.sft is None
                progress(number / total, f"{number} of {total} clips")
        writer.finish()
        front_matter = writer.make_front_matter() if isinstance(writer, HuggingFaceFiles) else None
    if not files.counts:
        raise ReleaseError(_explain_empty(preset, reader, problems))
    summary = _summarize(preset, reader, files, problems, unanswered)
    write_json(folder / SUMMARY_FILE, summary)
    (folder / "README.md").write_text(_render_readme(preset, summary, front_matter), encoding="utf-8")
    write_json(folder / LIST_FILE, {"files": _list_files(folder)})
    return summary


def _list_files(folder: Path) -> dict[str, dict[str, Any]]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): {"sha256": hash_file(path), "bytes": path.stat().st_size} for path in paths
    }


def _make_writer(preset: Preset, files: PresetFiles, reader: ReleaseReader, stack: ExitStack) -> _Writer:
    if preset.name == "hf":
        return HuggingFaceFiles(files, reader)
    if preset.name == "webdataset":
        return WebDatasetFiles(files, stack)
    return _OF_TRAINERS[preset.name](files)


def _load(
    preset: Preset, reader: ReleaseReader, samples: Iterable[Sample], processes: int
) -> Generator[tuple[Sample, LoadedSample | str], None, None]:
    if preset.shows_frames:
        yield from load_frames(reader, samples, processes)
    else:
        for sample in samples:
            yield sample, LoadedSample(sample, reader.media_path(sample.rl))


def _explain_empty(preset: Preset, reader: ReleaseReader, problems: list[dict[str, str]]) -> str:
    if problems:
        first = problems[0]
        return f"{reader.folder}: No clip can be used. The first, {first['clip_id']}: {first['reason']}"
    if preset.name == "pairs":
        return (
            f"{reader.folder}: There is no pair. A pair needs two rated clips of one prompt whose scores differ by "
            "more than their errors."
        )
    return f"{reader.folder}: The release has no rows for the preset {preset.name}."


def _summarize(
    preset: Preset, reader: ReleaseReader, files: PresetFiles, problems: list[dict[str, str]], unanswered: int
) -> dict[str, Any]:
    manifest = reader.manifest
    has_answers = any(name.startswith("sft/") for name in files.counts)
    return {
        "preset": preset.name,
        "release": {key: manifest[key] for key in ("name", "number", "content_hash")},
        "simulated": bool(manifest.get("simulated")),
        "rows": dict(sorted(files.counts.items())),
        "left_out": {NO_ANSWER: unanswered} if has_answers and unanswered else {},
        "unreadable": problems,
    }


def _render_readme(preset: Preset, summary: Mapping[str, Any], front_matter: Mapping[str, Any] | None) -> str:
    # JSON is valid YAML, and no name can break it
    front = f"---\n{json.dumps(front_matter, indent=1)}\n---\n\n" if front_matter else ""
    release = summary["release"]
    simulated = "\n> **Simulated.** Programs made clips or ratings of this release.\n" if summary["simulated"] else ""
    rows = "\n".join(f"| `{name}` | {count} |" for name, count in summary["rows"].items())
    left_out = "".join(f"- {count} rows of sft: {reason}.\n" for reason, count in summary["left_out"].items())
    left_out += "".join(f"- Clip {entry['clip_id']}: {entry['reason']}\n" for entry in summary["unreadable"])
    return f"""{front}# {release["name"]}, release {release["number"]}, for {preset.title}
{simulated}
{preset.holds} Content hash of the release: `{release["content_hash"]}`.

Load it:

    {preset.render_lines("PATH/TO/THIS/FOLDER").replace(chr(10), chr(10) + "    ")}

| file | rows |
|---|---|
{rows}

Left out: {preset.leaves_out}
{left_out}
Paths in rows are relative to this folder. Clips in `media/` may be hard links to the files of the release: do not edit
them.
"""
