"""Prints, as JSON, what must be the same on every machine: run as `python -m tests.support.promises FOLDER`.

QSAVE_VAR names a `var/` with the demo of an earlier commit; FOLDER is an empty one to write into.
"""

import hashlib
import json
import sys
from pathlib import Path

import django

SPECS = [(2, 1), (2, 4), (9, 3)]


def hash_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def hash_clips(folder: Path) -> dict[str, str]:
    """Toy clips, and the pixels that a critic sees of them."""
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
        hashes[clip.name] = hash_of(clip.read_bytes())
        hashes[poster.name] = hash_of(poster.read_bytes())
        hashes[f"{clip.name} times"] = hash_of(repr((frames.fast_times, frames.slow_times)).encode())
        hashes[f"{clip.name} pixels"] = hash_of(frames.fast.tobytes() + frames.slow.tobytes())
    return hashes


def hash_release() -> dict[str, str]:
    """Every file of a release of the demo."""
    from accounts.models import User
    from annotation.models import Campaign
    from datasets.services.policy import ReleasePolicy
    from datasets.services.releases import build_release, release_path

    release = build_release(
        actor=User.objects.get(username="engineer"),
        campaign=Campaign.objects.get(name="demo"),
        name="promised",
        policy=ReleasePolicy(media="none", allow_small_splits=True),
    )
    folder = release_path(release)
    return {str(path.relative_to(folder)): hash_of(path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def hash_agreement() -> dict[str, str]:
    """The figures of the lead's page, to 6 decimals."""
    from annotation.agreement.figures import compute_agreement
    from annotation.models import Campaign

    return {"agreement": hash_of(json.dumps(rounded(compute_agreement(Campaign.objects.get(name="demo")))).encode())}


def rounded(value: object) -> object:
    """A figure and all that it is made of, with floats rounded."""
    if isinstance(value, float):
        return round(value, 6) + 0.0
    if isinstance(value, dict):
        return {str(key): rounded(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [rounded(part) for part in value]
    fields = getattr(value, "__dataclass_fields__", None)
    return {name: rounded(getattr(value, name)) for name in fields} if fields else str(value)


def main() -> None:
    django.setup()
    print(json.dumps(hash_clips(Path(sys.argv[1])) | hash_release() | hash_agreement()))


if __name__ == "__main__":
    main()
