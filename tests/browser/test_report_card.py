"""Report cards that `score --html` writes, in a real browser: axe-core finds nothing, nothing runs, the clip plays."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from modelassist.engine.card_pages import CardPages, page_name
from modelassist.engine.clips import Clip
from modelassist.engine.score_file import By, line_of
from modelassist.engine.scoring import Scored
from qsave.axes import AXES
from qsave.frames.slowfast import FrameConfig, read
from tests.browser.looks import NARROW, WIDE, too_wide, violations
from tests.modelassist.engine.small import write_clip
from tests.modelassist.engine.test_card_pages import SHARES, card

pytestmark = pytest.mark.browser
HOSTILE = "<script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\"> " + "long" * 60


@pytest.fixture
def pages(tmp_path: Path) -> tuple[Path, list[str]]:
    """A folder of pages with a clip that has a card and one that has none, and the names of all pages."""
    video = tmp_path / "clips" / "a #1.mp4"
    video.parent.mkdir()
    write_clip(video, 60, frames=8)
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    frames = read(video, FrameConfig())
    good, bad = Clip("a #1.mp4", video, HOSTILE), Clip("bad.mp4", tmp_path / "bad.mp4", "B")
    lines = {
        good: line_of(good, "5a", By("critic", "0"), Scored(card(HOSTILE), "", dict.fromkeys(AXES, SHARES)), frames),
        bad: line_of(bad, "5a", By("critic", "0"), Scored(None, HOSTILE, {}, "cannot be read"), None),
    }
    folder = CardPages(tmp_path / "pages")
    folder.write(good, lines[good], frames)
    folder.write(bad, lines[bad], None)
    folder.write_index(lines)
    return folder.folder, [page_name(lines[good]), page_name(lines[bad]), "index.html"]


@pytest.fixture
def opened(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    size, scheme = request.param
    context = chromium.new_context(viewport=size, color_scheme=scheme)
    yield context
    context.close()


@pytest.mark.parametrize("opened", [(WIDE, "light"), (NARROW, "dark")], ids=["wide", "narrow"], indirect=True)
def test_pages_are_accessible_and_run_nothing(pages: tuple[Path, list[str]], opened: BrowserContext) -> None:
    folder, names = pages
    page = opened.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    for name in names:
        page.goto((folder / name).as_uri())
        assert page.title() != "run"
        complaints += [f"{name}: {one['id']}: {one['nodes'][0]['html'][:200]}" for one in violations(page)]
        complaints += too_wide(page, name)
    assert complaints == []


@pytest.mark.parametrize("opened", [(WIDE, "light")], indirect=True)
def test_the_clip_plays_from_beside_the_page(pages: tuple[Path, list[str]], opened: BrowserContext) -> None:
    folder, names = pages
    page = opened.new_page()
    page.goto((folder / names[0]).as_uri())
    page.wait_for_function("() => document.querySelector('video').readyState >= 1")
    assert page.evaluate("document.querySelector('video').videoWidth") == 64
