"""Addresses of the files of clips change when a file is replaced, since browsers keep files for a day."""

from pathlib import Path

from django.conf import settings

from annotation.models import Clip, ClipVersion
from annotation.shared.media_urls import locate_media, locate_present_media


def test_the_address_of_a_file_has_its_version() -> None:
    assert locate_media("poster", Clip(pk=7)) == "/media/poster/7"
    assert locate_media("poster", Clip(pk=7, version=2)) == "/media/poster/7?version=2"
    assert locate_present_media("video", 7, 3) == "/media/video/7?version=3"
    assert "1" in locate_media("poster", ClipVersion(clip_id=7, number=1))


def test_no_template_writes_such_an_address_by_itself() -> None:
    templates = Path(settings.BASE_DIR, "templates").rglob("*.html")
    assert [path.name for path in templates if "url 'clip-media'" in path.read_text()] == []
