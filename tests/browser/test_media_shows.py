"""Every picture and video of the site shows in a real browser: on its page, and where a link opens it by itself.

Pages whose HTML has none are left out: a browser opens a page slowly.
The fixture `open_page` fails a test whose pages say that a content security policy stopped something.
"""

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.test import Client
from PIL import Image
from playwright.sync_api import Page, expect

from accounts.models import Role
from annotation.models import Clip
from tests.annotation import factories
from tests.browser.looks import sign_in
from tests.browser.site_world import World, build_world

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

OPEN_ALL = """() => {
    for (const part of document.querySelectorAll("details")) part.open = true;
    for (const image of document.images) image.loading = "eager";
    for (const video of document.querySelectorAll("video")) {
        video.preload = "auto";
        video.muted = true;
        video.play();
    }
}"""
IMAGES_SHOW = "() => [...document.images].every((image) => image.complete && image.naturalWidth > 0)"
VIDEOS_PLAY = """() => [...document.querySelectorAll("video")].every((video) =>
    video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && video.videoWidth > 0 && video.currentTime > 0)"""
LINKS = "() => [...document.links].map((link) => link.pathname).filter((path) => /^.media.|[.]png$/.test(path))"
MAY_SHOW = re.compile(r"<(img|video)\b|data-start|[.]png\b|/media/")
"""What the HTML of a page with a picture or a video has. The desk (`data-start`) fetches its first clip by itself."""
COUNTS = "() => [document.images.length, document.querySelectorAll('video').length]"


@pytest.fixture
def world(transactional_db: None) -> World:
    """The world of all pages, with a real video and a real poster behind each clip."""
    world, root = build_world(), Path(settings.MEDIA_ROOT)
    content = BytesIO()
    Image.new("RGB", (64, 48), "white").save(content, "JPEG")
    for clip in Clip.objects.all():
        for name in (clip.original, clip.poster):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / clip.original).write_bytes(factories.make_video(3))
        (root / clip.poster).write_bytes(content.getvalue())
    return world


def list_pages_with_media(world: World, role: Role) -> list[str]:
    """List the pages of a role that may show a picture or a video."""
    client = Client()
    client.force_login(world.people[role])
    paths = world.pages.list_paths(role)
    return [path for path in paths if MAY_SHOW.search(client.get(path, follow=True).content.decode())]


def shows_all(page: Page, path: str) -> tuple[int, int]:
    """Opens an address and waits until its pictures show and its videos play; returns how many there are of each."""
    page.goto(path)
    expect(page.locator("form[data-start]")).to_have_count(0)  # the desk fetches its first clip by itself
    page.evaluate(OPEN_ALL)
    page.wait_for_function(IMAGES_SHOW)
    page.wait_for_function(VIDEOS_PLAY)
    images, videos = page.evaluate(COUNTS)
    return images, videos


@pytest.mark.parametrize(("role", "least_videos"), [(Role.ANNOTATOR, 3), (Role.LEAD, 3), (Role.ENGINEER, 0)])
def test_every_picture_and_video_of_a_page_shows_and_so_does_what_its_links_open(
    open_page: Callable[..., Page], live_server: "LiveServer", world: World, role: Role, least_videos: int
) -> None:
    page = open_page()
    sign_in(page.context, world.people[role], live_server.url)
    links: set[str] = set()
    images = videos = 0
    for path in list_pages_with_media(world, role):
        shown = shows_all(page, path)
        images, videos = images + shown[0], videos + shown[1]
        links |= set(page.evaluate(LINKS))
    assert images >= 2
    assert videos >= least_videos
    assert len(links) >= 2
    for link in sorted(links):
        assert shows_all(page, link) == ((0, 1) if "/media/video/" in link else (1, 0))


def test_an_example_of_the_guidelines_plays_where_it_stands(
    open_page: Callable[..., Page], live_server: "LiveServer", world: World
) -> None:
    page = open_page()
    sign_in(page.context, world.people[Role.ANNOTATOR], live_server.url)
    page.goto("/rate/spring/guidelines")
    page.get_by_role("link", name="Play an example of visual 1").click()
    expect(page.locator(".examples video")).to_have_count(1)
    page.wait_for_function(VIDEOS_PLAY)


def test_play_shows_the_clip_of_a_list(open_page: Callable[..., Page], live_server: "LiveServer", world: World) -> None:
    page = open_page()
    sign_in(page.context, world.people[Role.LEAD], live_server.url)
    page.goto("/campaigns/spring/items")
    page.get_by_role("link", name="Play ").first.click()
    page.wait_for_url("**/media/video/*")
    page.evaluate("() => document.querySelector('video').play()")
    page.wait_for_function(VIDEOS_PLAY)
