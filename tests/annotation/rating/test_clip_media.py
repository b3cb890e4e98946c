"""Media over HTTP: ranges, caching, permissions, and types by content."""

from pathlib import Path
from typing import Any, cast

import pytest
from django.conf import settings
from django.http import FileResponse
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from annotation.campaigns.guidelines import Example, set_guidelines
from annotation.models import Campaign, Clip, Item, Slot
from annotation.rating.clip_media import OPEN_RANGE_BYTES, RangeNotSatisfiable, detect_type, parse_range
from tests.annotation.factories import POSTER, make_campaign, make_clip, make_item, make_user

BODY = b"\x00\x00\x00\x18ftypisom" + bytes(range(256)) * 4
pytestmark = pytest.mark.django_db


@pytest.fixture
def media_root() -> Path:
    return Path(settings.MEDIA_ROOT)


@pytest.fixture
def clip() -> Clip:
    return make_clip("clip one/é", content=BODY)


def make_url(clip: Clip, kind: str = "video") -> str:
    return f"/media/{kind}/{clip.pk}"


def fetch(client: Client, path: str, **headers: str) -> Any:
    """The answer to a GET, read to its end into `body` and closed, as a server does."""
    response: Any = client.get(path, **cast(Any, headers))
    response.body = b"".join(response)
    return response


def test_without_a_range_the_whole_file_comes_with_its_length_and_accept_ranges(as_lead: Client, clip: Clip) -> None:
    response = fetch(as_lead, make_url(clip))
    assert response.status_code == 200
    assert response.body == BODY
    assert response["Content-Length"] == str(len(BODY))
    assert response["Accept-Ranges"] == "bytes"
    assert not isinstance(response, FileResponse)


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=1000-", 1000, len(BODY)),
        ("bytes=-10", len(BODY) - 10, len(BODY)),
        ("bytes=-999999", 0, len(BODY)),
        ("bytes=1000-999999", 1000, len(BODY)),
        ("Bytes = 3 - 4", 3, 5),
    ],
)
def test_a_range_is_answered_with_206_and_just_its_bytes(
    as_lead: Client, clip: Clip, header: str, start: int, stop: int
) -> None:
    response = fetch(as_lead, make_url(clip), HTTP_RANGE=header)
    assert response.status_code == 206
    assert response.body == BODY[start:stop]
    assert response["Content-Range"] == f"bytes {start}-{stop - 1}/{len(BODY)}"
    assert response["Content-Length"] == str(stop - start)


@pytest.mark.parametrize("header", [f"bytes={len(BODY)}-", "bytes=99999-100000", "bytes=-0"])
def test_a_range_outside_the_file_is_416_and_says_the_size(as_lead: Client, clip: Clip, header: str) -> None:
    response = fetch(as_lead, make_url(clip), HTTP_RANGE=header)
    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{len(BODY)}"
    assert response.body == b""


@pytest.mark.parametrize("header", ["bytes=9-5", "bytes=-", "bytes=a-b", "items=0-5", "bytes=0-1,5-6", "bytes=٣-٤", ""])
def test_a_malformed_or_multiple_range_gets_the_whole_file(as_lead: Client, clip: Clip, header: str) -> None:
    response = fetch(as_lead, make_url(clip), HTTP_RANGE=header)
    assert response.status_code == 200
    assert response.body == BODY


def test_an_open_range_of_a_long_file_is_answered_in_part_and_the_parts_join(as_lead: Client) -> None:
    long = BODY + b"\x07" * (OPEN_RANGE_BYTES + 100)
    clip = make_clip("long", content=long)
    first = fetch(as_lead, make_url(clip), HTTP_RANGE="bytes=0-")
    rest = fetch(as_lead, make_url(clip), HTTP_RANGE=f"bytes={OPEN_RANGE_BYTES}-")
    assert (first.status_code, rest.status_code) == (206, 206)
    assert first.body + rest.body == long


def test_an_empty_file_has_no_satisfiable_range(as_lead: Client) -> None:
    clip = make_clip("empty", content=b"")
    assert fetch(as_lead, make_url(clip), HTTP_RANGE="bytes=0-").status_code == 416
    assert fetch(as_lead, make_url(clip)).body == b""


def test_head_gives_the_headers_of_the_whole_file_and_no_body(as_lead: Client, clip: Clip) -> None:
    response = as_lead.head(make_url(clip), HTTP_RANGE="bytes=0-3")
    assert response.status_code == 200
    assert response["Content-Length"] == str(len(BODY))
    assert response["Content-Type"] == "video/mp4"
    assert response.content == b""


def test_if_range_with_the_current_tag_or_date_gives_the_part_and_with_another_the_whole(
    as_lead: Client, clip: Clip
) -> None:
    whole = fetch(as_lead, make_url(clip))
    for condition in (whole["ETag"], whole["Last-Modified"]):
        assert fetch(as_lead, make_url(clip), HTTP_RANGE="bytes=0-3", HTTP_IF_RANGE=condition).status_code == 206
    for condition in ('"another"', "W/" + whole["ETag"], "Mon, 01 Jan 2001 00:00:00 GMT"):
        response = fetch(as_lead, make_url(clip), HTTP_RANGE="bytes=0-3", HTTP_IF_RANGE=condition)
        assert response.status_code == 200
        assert response.body == BODY


def test_a_known_tag_is_answered_with_304_and_a_lost_precondition_with_412(as_lead: Client, clip: Clip) -> None:
    tag = fetch(as_lead, make_url(clip))["ETag"]
    assert fetch(as_lead, make_url(clip), HTTP_IF_NONE_MATCH=tag).status_code == 304
    assert fetch(as_lead, make_url(clip), HTTP_IF_MATCH='"another"').status_code == 412


def test_the_tag_changes_with_the_content(as_lead: Client, clip: Clip, media_root: Path) -> None:
    before = fetch(as_lead, make_url(clip))["ETag"]
    (media_root / clip.original).write_bytes(BODY + b"more")
    assert fetch(as_lead, make_url(clip))["ETag"] != before


def test_answers_are_private_sandboxed_and_never_sniffed(as_lead: Client, clip: Clip) -> None:
    response = fetch(as_lead, make_url(clip))
    assert response["Cache-Control"].startswith("private")
    assert response["X-Content-Type-Options"] == "nosniff"
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy  # no script, and no address but the file's own
    assert "sandbox" in policy
    assert "allow-scripts" not in policy


def test_the_file_name_offered_is_plain_ascii_with_the_extension_of_the_content(as_lead: Client, clip: Clip) -> None:
    assert fetch(as_lead, make_url(clip))["Content-Disposition"] == 'inline; filename="clip-one.mp4"'


def test_html_that_calls_itself_a_video_is_only_handed_out_as_an_opaque_download(as_lead: Client) -> None:
    clip = make_clip("page.mp4", content=b"<!doctype html><script>alert(1)</script>")
    response = fetch(as_lead, make_url(clip))
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"].startswith("attachment")


def test_the_poster_comes_as_a_picture(as_lead: Client, clip: Clip) -> None:
    response = fetch(as_lead, make_url(clip, "poster"))
    assert response["Content-Type"] == "image/jpeg"
    assert response.body == POSTER


def test_the_rendition_is_what_plays_and_the_original_is_a_download(
    as_lead: Client, clip: Clip, media_root: Path
) -> None:
    (media_root / "copy.mp4").write_bytes(BODY + b"rendition")
    Clip.objects.filter(pk=clip.pk).update(rendition="copy.mp4")
    assert fetch(as_lead, make_url(clip)).body.endswith(b"rendition")
    original = fetch(as_lead, make_url(clip, "original"))
    assert original.body == BODY
    assert original["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("name", ["../secret.mp4", "/etc/passwd", "gone.mp4", ""])
def test_a_path_that_leaves_the_media_folder_or_is_missing_is_404(
    as_lead: Client, clip: Clip, media_root: Path, name: str
) -> None:
    (media_root.parent / "secret.mp4").write_bytes(BODY)
    Clip.objects.filter(pk=clip.pk).update(original=name)
    assert fetch(as_lead, make_url(clip)).status_code == 404


def test_a_link_out_of_the_media_folder_is_404(as_lead: Client, clip: Clip, media_root: Path) -> None:
    (media_root.parent / "secret.mp4").write_bytes(BODY)
    (media_root / "link.mp4").symlink_to(media_root.parent / "secret.mp4")
    Clip.objects.filter(pk=clip.pk).update(original="link.mp4")
    assert fetch(as_lead, make_url(clip)).status_code == 404


def test_a_stranger_is_sent_to_sign_in(client: Client, clip: Clip) -> None:
    response = fetch(client, make_url(clip))
    assert response.status_code == 302
    assert "sign-in" in response["Location"]


def test_unsafe_methods_and_unknown_kinds_are_refused(as_lead: Client, clip: Clip) -> None:
    assert as_lead.post(make_url(clip)).status_code == 405
    assert fetch(as_lead, make_url(clip, "settings")).status_code == 404


@pytest.mark.parametrize(
    ("state", "status"),
    [("open", 200), ("draft", 404), ("paused", 404), ("closed", 404), ("archived", 404)],
)
def test_a_rater_sees_clips_of_open_campaigns_only(
    client: Client, lead: User, clip: Clip, state: str, status: int
) -> None:
    rater = make_user("rita")
    make_item(make_campaign(name="c", actor=lead, state=state), clip)
    client.force_login(rater)
    assert fetch(client, make_url(clip)).status_code == status
    assert fetch(client, make_url(clip, "poster")).status_code == status
    assert fetch(client, make_url(clip, "original")).status_code == 404


@pytest.mark.parametrize(
    ("availability", "reason"),
    [(Item.Availability.REPORTED, ""), (Item.Availability.EXCLUDED, "Gore.")],
)
def test_a_clip_that_is_held_back_is_shown_only_to_leads_and_to_raters_who_hold_or_rated_it(
    client: Client, lead: User, clip: Clip, availability: str, reason: str
) -> None:
    campaign, rater = make_campaign(name="c", actor=lead), make_user("rita")
    item = make_item(campaign, clip)
    set_guidelines(actor=lead, campaign=campaign, text="Look.", examples=[Example("visual", 3, clip, "Like this.")])
    client.force_login(rater)
    assert fetch(client, make_url(clip)).status_code == 200
    Item.objects.update(availability=availability, exclusion_reason=reason)
    assert fetch(client, make_url(clip)).status_code == 404
    Slot.objects.filter(item=item).update(rater=rater, state=Slot.State.DONE)
    assert fetch(client, make_url(clip)).status_code == 200
    client.force_login(lead)
    assert fetch(client, make_url(clip)).status_code == 200


def test_an_example_of_a_campaign_that_is_not_open_is_shown(client: Client, lead: User, clip: Clip) -> None:
    campaign = make_campaign(name="c", actor=lead)
    make_item(campaign, clip)
    set_guidelines(actor=lead, campaign=campaign, text="Look.", examples=[Example("visual", 3, clip, "Like this.")])
    Campaign.objects.update(state=Campaign.State.PAUSED)
    client.force_login(make_user("rita"))
    assert fetch(client, make_url(clip)).status_code == 200


def test_a_rater_keeps_seeing_what_they_have_rated_after_the_campaign_closed(
    client: Client, lead: User, clip: Clip
) -> None:
    rater = make_user("rita")
    item = make_item(make_campaign(name="c", actor=lead, state=Campaign.State.CLOSED), clip)
    Slot.objects.filter(item=item).update(rater=rater, state=Slot.State.DONE)
    client.force_login(rater)
    assert fetch(client, make_url(clip)).status_code == 200
    client.force_login(make_user("other"))
    assert fetch(client, make_url(clip)).status_code == 404


@given(
    size=st.integers(0, 50),
    first=st.none() | st.integers(0, 60),
    last=st.none() | st.integers(0, 60),
)
def test_a_parsed_range_is_a_non_empty_part_of_the_file_and_what_a_slice_would_give(
    size: int, first: int | None, last: int | None
) -> None:
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    data = bytes(range(size))
    try:
        span = parse_range(header, size)
    except RangeNotSatisfiable:
        assert (first if first is not None else size) >= size or size == 0 or last == 0
        return
    if span is None:
        assert (first is None and last is None) or (first is not None and last is not None and last < first)
        return
    expected = data[-(last or 0) :] if first is None else data[first : None if last is None else last + 1]
    assert data[slice(*span)] == expected != b""


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (b"\x00\x00\x00\x14ftypqt  ", "video/quicktime"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video/webm"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska", "video/x-matroska"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "video/x-msvideo"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"<svg xmlns=", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_types_are_read_from_the_first_bytes(head: bytes, content_type: str) -> None:
    assert detect_type(head)[0] == content_type
