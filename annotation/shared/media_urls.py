"""The addresses of the files of a clip."""

from django.urls import reverse

from annotation.models import Clip, ClipVersion


def locate_media(kind: str, file: Clip | ClipVersion) -> str:
    """Return the address of the video or the poster of a clip, or of its files in an earlier version.

    Browsers keep a file for a day, so the address changes when the file is replaced.
    """
    if isinstance(file, ClipVersion):
        return reverse("clip-version-media", args=(kind, file.clip_id, file.number))
    address = reverse("clip-media", args=(kind, file.pk))
    return address if file.version == 1 else f"{address}?version={file.version}"
