"""Prove every preset by its own loader: `make test-loaders`.

Each loader runs in a process and an environment of its own, on presets of a small release and on the tiny model. It
answers with what it loaded and with the patches that reached the vision tower, which must be those of the frames.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
from PIL import Image

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parents[1] / ".loaders"
PATCH = 16
"""Pixels a side of a patch of Qwen3-VL."""


@dataclass(frozen=True, slots=True)
class Loader:
    """One loader: its environment and script, and the preset that it is given."""

    environment: str
    preset: str
    variables: Mapping[str, str]

    @property
    def script(self) -> Path:
        return HERE / f"check_{self.environment.replace('-', '_')}.py"


LOADERS = (
    Loader("datasets", "", {}),
    Loader("trl", "trl", {}),
    Loader("llama-factory", "llama-factory", {}),
    Loader("ms-swift", "ms-swift", {"ROOT_IMAGE_DIR": "FOLDER", "IMAGE_MIN_TOKEN_NUM": "1"}),
    Loader("verl", "verl", {}),
)


def main() -> None:
    """Write the presets, run every loader (or those named on the command line), and end with 1 if one fails."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    with tempfile.TemporaryDirectory(prefix="loaders-") as name:
        folder = Path(name)
        os.environ["QSAVE_VAR"] = str(folder / "var")
        patches = _prepare(folder)
        chosen = [loader for loader in LOADERS if not sys.argv[1:] or loader.environment in sys.argv[1:]]
        failed = [loader.environment for loader in chosen if not _check(loader, folder, patches)]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _prepare(folder: Path) -> int:
    """Write the release, its presets and the tiny model; returns the patches of the first train clip's frames."""
    django.setup()
    from modelassist.engine.models.tiny import init_tiny
    from qsave.release.presets.catalogue import PRESETS
    from qsave.release.presets.write import write_preset
    from tests.qsave.release.presets.world import make_release

    release = make_release(folder / "release")
    for preset in PRESETS:
        write_preset(preset, release, folder / "presets" / preset)
    init_tiny(folder / "tiny")
    row = json.loads((folder / "presets/ms-swift/sft/train.jsonl").read_text().splitlines()[0])
    sizes = [Image.open(folder / "presets/ms-swift" / image).size for image in row["images"]]
    return sum((width // PATCH) * (height // PATCH) for width, height in sizes)


def _check(loader: Loader, folder: Path, patches: int) -> bool:
    """Run a loader and print what it answers; returns whether it loaded its preset with all pictures."""
    preset = folder / "presets" / loader.preset
    variables = {name: value.replace("FOLDER", str(preset)) for name, value in loader.variables.items()}
    out = folder / f"out-{loader.environment}"
    out.mkdir()
    python = ENVIRONMENTS / loader.environment / "bin" / "python"
    command = [str(python), str(loader.script), str(preset), str(folder / "tiny"), str(out)]
    own = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(out / "hub"), "MODELSCOPE_CACHE": str(out / "hub")}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "PYTHON"))}
    done = subprocess.run(
        command, cwd=out, env=environment | own | variables, capture_output=True, text=True, check=False
    )
    print(f"== {loader.environment}")
    if done.returncode:
        print(done.stderr[-4000:])
        return False
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    print(json.dumps(answer, indent=1))
    return all(seen > 0 and seen % patches == 0 for seen in _find_patches(answer))


def _find_patches(answer: Mapping[str, Any]) -> list[int]:
    """Return the counts of patches in an answer: none of loaders that show no frames. A step may show several clips."""
    return [part["patches"] for part in answer.values() if "patches" in part]


if __name__ == "__main__":
    main()
