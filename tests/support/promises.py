"""Print, as JSON, hashes that must be the same on every machine: `python -m tests.support.promises FOLDER`.

QSAVE_VAR names a `var/` with the demo of an earlier commit; FOLDER is an empty folder to write into.
"""

import hashlib
import json
import sys
from pathlib import Path

import django

SPECS = [(2, 1), (2, 4), (9, 3)]


def compute_hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def hash_clips(folder: Path) -> dict[str, str]:
    """Hash toy clips, and the pixels that a critic sees of them."""
    from modelassist.toy.render import render_clip
    from modelassist.toy.world import make_spec
    from qsave.frames.poster import write_poster
    from qsave.frames.slowfast import FrameConfig, read

    hashes = {}
    for seed, index in SPECS:
        clip, poster = folder / f"{seed}-{index}.mp4", folder / f"{seed}-{index}.jpg"
        render_clip(make_spec(seed, index), clip)
        write_poster(clip, poster)
        frames = read(clip, FrameConfig())
        hashes[clip.name] = compute_hash(clip.read_bytes())
        hashes[poster.name] = compute_hash(poster.read_bytes())
        hashes[f"{clip.name} times"] = compute_hash(repr((frames.fast_times, frames.slow_times)).encode())
        hashes[f"{clip.name} pixels"] = compute_hash(frames.fast.tobytes() + frames.slow.tobytes())
    return hashes


def hash_release() -> dict[str, str]:
    """Hash every file of a release of the demo."""
    from accounts.models import User
    from annotation.models import Campaign
    from datasets.services.policy import ReleasePolicy
    from datasets.services.releases import build_release, locate_release

    release = build_release(
        actor=User.objects.get(username="engineer"),
        campaign=Campaign.objects.get(name="demo"),
        name="promised",
        policy=ReleasePolicy(media="none", allow_small_splits=True),
    )
    folder = locate_release(release)
    return {
        str(path.relative_to(folder)): compute_hash(path.read_bytes()) for path in folder.rglob("*") if path.is_file()
    }


def hash_agreement() -> dict[str, str]:
    """Hash the figures of the agreement page, rounded to 6 decimals."""
    from annotation.agreement.figures import compute_agreement
    from annotation.models import Campaign

    return {
        "agreement": compute_hash(
            json.dumps(round_floats(compute_agreement(Campaign.objects.get(name="demo")))).encode()
        )
    }


def round_floats(value: object) -> object:
    """Return a figure and all its parts with rounded floats."""
    if isinstance(value, float):
        return round(value, 6) + 0.0
    if isinstance(value, dict):
        return {str(key): round_floats(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [round_floats(part) for part in value]
    fields = getattr(value, "__dataclass_fields__", None)
    return {name: round_floats(getattr(value, name)) for name in fields} if fields else str(value)


def main() -> None:
    django.setup()
    print(json.dumps(hash_clips(Path(sys.argv[1])) | hash_release() | hash_agreement()))


if __name__ == "__main__":
    main()
