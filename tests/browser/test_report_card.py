"""Report cards that `score --html` writes, in a real browser: axe-core finds nothing, nothing runs, the clip plays."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext

from modelassist.engine.generation.read_scores import Scored
from modelassist.engine.scoring.cards.folder import CardPages, name_page
from modelassist.engine.scoring.cards.page import render_card_page
from modelassist.engine.scoring.lines import ScoreLine, Scorer
from modelassist.engine.scoring.sources import Clip
from qsave.axes import AXES
from qsave.frames.slowfast import FrameConfig, Frames, read
from qsave.report_card import AxisReport, Box, Evidence, ReportCard, TimeRange
from tests.browser.looks import NARROW, WIDE, too_wide, violations
from tests.modelassist.engine.scoring.cards.test_folder import SHARES, card
from tests.modelassist.engine.small import write_clip

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
        good: ScoreLine.of(
            good, "5a", Scorer("critic", "0"), Scored(card(HOSTILE), "", dict.fromkeys(AXES, SHARES)), frames
        ),
        bad: ScoreLine.of(bad, "5a", Scorer("critic", "0"), Scored(None, HOSTILE, {}, "cannot be read"), None),
    }
    folder = CardPages(tmp_path / "pages")
    folder.write(good, lines[good], frames)
    folder.write(bad, lines[bad], None)
    folder.write_index(lines, Scorer("critic", "0"))
    return folder.folder, [name_page(lines[good]), name_page(lines[bad]), "index.html"]


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
    page.evaluate("() => { document.querySelector('video').muted = true; document.querySelector('video').play(); }")
    page.wait_for_function("() => document.querySelector('video').currentTime > 0")
    assert page.evaluate("[...document.images].length > 0 && [...document.images].every((image) => image.naturalWidth)")
    assert page.evaluate("document.querySelector('video').videoWidth") == 64


COVERED = """(marks) => {
  const places = [...document.querySelectorAll(marks)].map((mark) => mark.getBoundingClientRect());
  return places.filter((one, i) => places.some((other, j) => i < j && one.left < other.right - 1 &&
    other.left < one.right - 1 && one.top < other.bottom - 1 && other.top < one.bottom - 1)).length;
}"""


@pytest.mark.parametrize("opened", [(WIDE, "light"), (NARROW, "light")], ids=["wide", "narrow"], indirect=True)
@pytest.mark.parametrize("shape", [(32, 2048), (256, 416), (448, 256)], ids=["thin", "portrait", "landscape"])
def test_all_evidence_is_seen_and_frames_keep_their_aspect(
    tmp_path: Path, opened: BrowserContext, shape: tuple[int, int]
) -> None:
    width, height = shape
    grey = np.full((1, height, width, 3), 90, np.uint8)
    frames = Frames(grey, (0.0,), grey, (0.5,))
    pieces = tuple(Evidence("blur", TimeRange(0, 1), Box(0.1 * side, 0.1, 0.1, 0.8)) for side in (0, 0, 1, 9))
    report = AxisReport(2, pieces)
    said = Scored(ReportCard(report, report, report), "", dict.fromkeys(AXES, SHARES))
    page_file = tmp_path / "page.html"
    page_file.write_text(
        render_card_page(
            ScoreLine.of(Clip("a.mp4", Path(), "A"), "5a", Scorer("critic", "0"), said, frames), None, frames
        )
    )
    page = opened.new_page()
    page.goto(page_file.as_uri())
    assert page.evaluate(COVERED, ".track i") == page.evaluate(COVERED, ".marks .mark") == 0
    assert page.locator(".track i:not(.tick)").count() == page.locator(".marks .mark").count() == 12
    shown, image = page.locator(".picture").bounding_box(), page.locator(".picture img").bounding_box()
    assert shown == image  # boxes are laid over the one by shares of the other
    assert image
    assert image["height"] <= 24 * 16
    assert image["width"] / image["height"] == pytest.approx(width / height, rel=0.01)
    assert [*too_wide(page, "the page")] == []


@pytest.mark.parametrize("opened", [(WIDE, "light"), (NARROW, "light")], ids=["wide", "narrow"], indirect=True)
def test_the_list_is_legible_on_a_phone_and_a_desk(pages: tuple[Path, list[str]], opened: BrowserContext) -> None:
    folder, _ = pages
    page = opened.new_page()
    page.goto((folder / "index.html").as_uri())
    for part, least in ((".name", 200), (".asked", 300), (".why", 300)):
        boxes = page.locator(f".list {part}").all()
        assert boxes
        for box in boxes:
            place = box.bounding_box()
            assert place
            assert place["width"] >= least
            assert place["height"] <= 4 * 16 * 1.55
