"""The addresses of the files of a clip."""

from django.urls import reverse

from annotation.models import Clip, ClipVersion


def locate_media(kind: str, file: Clip | ClipVersion) -> str:
    """Return the address of the video or the poster of a clip, or of its files in an earlier version.

    Browsers keep a file for a day, so the address changes when the file is replaced.
    """
    if isinstance(file, ClipVersion):
        return reverse("clip-version-media", args=(kind, file.clip_id, file.number))
    return locate_present_media(kind, file.pk, file.version)


def locate_present_media(kind: str, clip: int, version: int) -> str:
    """Return the address of a present file of the clip with this key, which has this version."""
    address = reverse("clip-media", args=(kind, clip))
    return address if version == 1 else f"{address}?version={version}"
