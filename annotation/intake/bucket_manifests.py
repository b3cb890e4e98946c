"""Find the manifest at an address of a bucket, or write one for videos without."""

from pathlib import Path, PurePosixPath

from django.utils.translation import gettext as _

from annotation.intake.archives import UploadRefused
from annotation.intake.buckets import BucketAddress, list_names, read_start
from annotation.intake.folder_manifests import ROWS_FILE, Manifest, choose_manifest, write_manifest
from annotation.intake.folder_rows import MAX_PROMPT_BYTES, VIDEO_SUFFIXES, decode_prompt, is_hidden, list_rows
from annotation.intake.manifests import MAX_MANIFEST_BYTES

MOST_TEXTS = 500
"""How many prompts are read from text files of a bucket: each is a request."""


def prepare_bucket(text: str, work_folder: Path, *, generator: str = "") -> Manifest:
    """Return the manifest at an address, downloaded; without one, write a row for each video. Raises UploadRefused."""
    address = BucketAddress.parse(text)
    names = [name for name in list_names(address) if not is_hidden(name)]
    top = [PurePosixPath(name) for name in names if "/" not in name]
    manifest = choose_manifest(top)
    if manifest is not None:
        path = work_folder / f"manifest{manifest.suffix.lower()}"
        path.write_bytes(read_start(address, str(manifest), MAX_MANIFEST_BYTES + 1))
        return Manifest(path, str(address), manifest.name)
    _check_texts(names)
    rows = list_rows(
        names, lambda name: decode_prompt(read_start(address, name, MAX_PROMPT_BYTES)), generator=generator
    )
    if not rows.rows:
        raise UploadRefused(_("There is no video and no manifest at this address. Check the folder in the bucket."))
    return write_manifest(rows, str(address), work_folder / ROWS_FILE)


def _check_texts(names: list[str]) -> None:
    stems = {str(PurePosixPath(name).with_suffix("")) for name in names if PurePosixPath(name).suffix in VIDEO_SUFFIXES}
    count = sum(name.lower().endswith(".txt") and name[:-4] in stems for name in names)
    if count > MOST_TEXTS:
        raise UploadRefused(
            _("%(count)s prompts are in text files; at most %(most)s are read from a bucket. Add a manifest to it.")
            % {"count": count, "most": MOST_TEXTS}
        )
