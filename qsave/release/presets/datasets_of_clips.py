"""Presets that hold the clips themselves: Hugging Face `datasets` and WebDataset."""

import io
import tarfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

from qsave.release.encoding import encode_canonical
from qsave.release.presets.files import PresetFiles
from qsave.release.presets.samples import LoadedSample
from qsave.release.reader import ReleaseReader
from qsave.release.rows import RlRow, SftRow, row_to_json

TABLES = ("clips", "ratings", "targets", "judgements")
SHARD_BYTES = 256 * 2**20
"""A shard of a WebDataset ends with the sample that makes it larger than this."""

_TEXTS = ("id", "clip_id", "video_prompt", "prompt_group", "generator", "split")
_MEDIA = pa.struct(
    [
        ("path", pa.string()),
        ("sha256", pa.string()),
        ("duration", pa.float64()),
        ("fast", pa.list_(pa.float64())),
        ("slow", pa.list_(pa.float64())),
    ]
)
_TARGET = pa.struct(
    [
        ("mos", pa.float64()),
        ("se", pa.float64()),
        ("n", pa.int64()),
        ("level", pa.int64()),
        ("described", pa.bool_()),
        ("defects", pa.string()),
        ("evidence", pa.string()),
    ]
)


def make_schema(kind: str) -> pa.Schema:
    """Return the columns of a row file (`sft`, `rl`, `cooldown`), as `row_to_json` writes them."""
    turns = ("system", "user") if kind == "rl" else ("system", "user", "answer")
    axes = pa.struct([(axis, _TARGET) for axis in ("visual", "dynamic", "alignment")])
    return pa.schema(
        [(name, pa.string()) for name in _TEXTS]
        + [
            ("simulated", pa.bool_()),
            ("media", _MEDIA),
            ("task", pa.struct([(turn, pa.string()) for turn in turns])),
            ("solution" if kind == "rl" else "targets", axes),
        ]
    )


_SCHEMAS = {kind: make_schema(kind) for kind in ("sft", "rl", "cooldown")}


class HuggingFaceFiles:
    """Every row file and every table of the release as a config of Parquet files, beside the clips in `media/`."""

    def __init__(self, files: PresetFiles, reader: ReleaseReader) -> None:
        self._files, self._reader = files, reader

    def write(self, loaded: LoadedSample) -> None:
        sample = loaded.sample
        self._files.add_clip(loaded)
        self._write_row("rl", sample.rl)
        if sample.sft is not None:
            self._write_row("sft", sample.sft)
            if sample.agreed:
                self._write_row("cooldown", sample.sft)

    def finish(self) -> None:
        for table in TABLES:
            name = f"{table}.parquet"
            if name in self._reader.manifest["files"]:
                self._files.add_file(self._reader.folder / name, name)

    def make_front_matter(self) -> dict[str, Any]:
        """Return what the Hub and `load_dataset` read at the top of the README: a config for each kind of rows."""
        kinds = {kind: [name for name in self._files.counts if name.startswith(f"{kind}/")] for kind in _SCHEMAS}
        rows = [
            {
                "config_name": kind,
                "default": kind == "sft",
                "data_files": [{"split": Path(name).stem, "path": name} for name in names],
            }
            for kind, names in kinds.items()
            if names
        ]
        tables = [
            {"config_name": table, "data_files": [{"split": "rows", "path": f"{table}.parquet"}]}
            for table in TABLES
            if (self._files.folder / f"{table}.parquet").exists()
        ]
        return {"license": "other", "license_name": "see-the-clips-generators", "configs": rows + tables}

    def _write_row(self, kind: str, row: RlRow | SftRow) -> None:
        self._files.write_row(f"{kind}/{row.split}.parquet", row_to_json(row), _SCHEMAS[kind])


class WebDatasetFiles:
    """Shards of samples: the clip, and its row as JSON with the answer (empty without an answer)."""

    def __init__(self, files: PresetFiles, stack: ExitStack, shard_bytes: int = SHARD_BYTES) -> None:
        self._files, self._stack, self._shard_bytes = files, stack, shard_bytes
        self._shard: tarfile.TarFile | None = None
        self._name = ""
        self._numbers: dict[str, int] = {}

    def write(self, loaded: LoadedSample) -> None:
        sample, split = loaded.sample, loaded.sample.rl.split
        shard = self._get_shard(split)
        # the hash has no dot, which would end the key; the number keeps two samples of one video apart
        key = f"{self._files.counts.get(self._name, 0):06d}-{sample.rl.media.sha256}"
        answer = sample.sft.task.answer if sample.sft else ""
        row = row_to_json(sample.rl) | {"answer": answer, "agreed": sample.agreed}
        content = encode_canonical(row)
        shard.addfile(_make_entry(f"{key}.json", len(content)), io.BytesIO(content))
        with loaded.clip.open("rb") as clip:
            shard.addfile(_make_entry(f"{key}{loaded.clip.suffix.lower()}", loaded.clip.stat().st_size), clip)
        self._files.count(self._name)

    def finish(self) -> None:
        if self._shard is not None:
            self._shard.close()

    def _get_shard(self, split: str) -> tarfile.TarFile:
        """Return the shard to write to: a new one for another split, or if the last one is large enough."""
        is_open = self._shard is not None and self._name.startswith(f"{split}-")
        if self._shard is None or not is_open or self._shard.offset >= self._shard_bytes:
            self.finish()
            number = self._numbers.get(split, 0)
            self._numbers[split] = number + 1
            self._name = f"{split}-{number:06d}.tar"
            path = self._files.folder / self._name
            self._shard = self._stack.enter_context(tarfile.TarFile(path, "w", format=tarfile.USTAR_FORMAT))
        return self._shard


def _make_entry(name: str, size: int) -> tarfile.TarInfo:
    """Return an entry without owner and time, so that the same rows give the same bytes."""
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry
