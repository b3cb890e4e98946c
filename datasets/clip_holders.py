"""The frozen releases that hold clips, for the pages on which a lead withdraws them."""

from collections.abc import Iterator, Sequence

from django.urls import reverse

from annotation.models import Clip
from annotation.shared.clip_holders import Holder, register_holder_lister
from datasets.services.withdrawal import list_releases_with


@register_holder_lister
def list_releases(clips: Sequence[Clip]) -> Iterator[Holder]:
    for release in list_releases_with(clips):
        yield Holder(str(release), reverse("release", args=[release.number]))
