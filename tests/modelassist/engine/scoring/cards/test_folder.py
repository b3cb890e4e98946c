"""Report cards as pages: they show all of a card, and text of strangers stays text."""

import re
from html.parser import HTMLParser
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelassist.engine.generation.read_scores import Scored
from modelassist.engine.inputs.examples import DataError
from modelassist.engine.scoring.cards.folder import CardPages, describe_count, name_page
from modelassist.engine.scoring.cards.markup import clean, element, render_document
from modelassist.engine.scoring.cards.page import (
    _MIN_SHARE,
    INDEX,
    _group_boxes,
    _lay_rows,
    _overlap,
    describe_scorer,
    render_card_page,
)
from modelassist.engine.scoring.lines import ScoreLine, Scorer
from modelassist.engine.scoring.sources import Clip
from qsave.axes import AXES, Axis
from qsave.frames.slowfast import Frames
from qsave.report_card import AxisReport, Box, Evidence, ReportCard, TimeRange

FRAMES = Frames(
    np.full((4, 32, 64, 3), 90, np.uint8), (0.0, 0.5, 1.0, 1.5), np.full((2, 64, 96, 3), 90, np.uint8), (0.25, 1.25)
)
SHARES = (0.01, 0.04, 0.15, 0.6, 0.2)
HARMLESS = re.compile(
    "html|head|meta|title|style|body|main|section|article|div|span|h[12]|p|b|i|a|ul|ol|li|blockquote|pre"
    "|table|thead|tbody|tr|th|td|video|img|figure|figcaption"
)


class Reader(HTMLParser):
    """Parse a page as a browser does: its tags with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def card(reason: str = "Soft.") -> ReportCard:
    pieces = (
        Evidence("melted-detail", TimeRange(0.2, 0.4), Box(0.1, 0.2, 0.3, 0.4)),
        Evidence("blur", None, Box(0.5, 0.5, 0.2, 0.2)),
    )
    return ReportCard(
        AxisReport(2.43, pieces, reason), AxisReport(3.9, (Evidence("flicker", TimeRange(1, 1.5)),)), AxisReport(4.71)
    )


def timed(*times: tuple[float, float]) -> ReportCard:
    """A card whose visual axis has evidence at these times."""
    pieces = tuple(Evidence("blur", TimeRange(*time)) for time in times)
    return ReportCard(AxisReport(2, pieces), AxisReport(3), AxisReport(4))


def page_of(prompt: str = "A square", reason: str = "Soft.", name: str = "a.mp4", scored: Scored | None = None) -> str:
    result = scored or Scored(card(reason), "text", dict.fromkeys(AXES, SHARES))
    return render_card_page(
        ScoreLine.of(Clip(name, Path(name), prompt), "5a", Scorer("critic", "0"), result, FRAMES),
        "../a.mp4",
        FRAMES,
    )


def classes(reader: Reader, name: str) -> list[dict[str, str | None]]:
    return [attributes for _, attributes in reader.tags if name in (attributes.get("class") or "").split()]


def test_a_page_says_what_the_card_says() -> None:
    read = Reader(page_of())
    for words in ("A square", "2.43", "poor", "3.90", "good", "4.71", "excellent", "Soft.", "melted detail", "60%"):
        assert words in read.text
    assert ("a", {"href": "../a.mp4#t=0.2,0.4"}) in read.tags
    (video,) = [attributes for tag, attributes in read.tags if tag == "video"]
    assert video["src"] == "../a.mp4"
    pictures = [attributes for tag, attributes in read.tags if tag == "img"]
    assert len(pictures) == 4 + 2
    assert all((picture["src"] or "").startswith("data:image/jpeg") for picture in pictures)


def test_boxes_are_drawn_where_and_when_they_were_named() -> None:
    boxes = [box["style"] for box in classes(Reader(page_of()), "box")]
    melted, blur = "left:10.0%;top:20.0%;width:30.0%;height:40.0%", "left:50.0%;top:50.0%;width:20.0%;height:20.0%"
    assert boxes == [melted, blur, blur]  # of the first slow frame two; the second is after the melted detail's time


def test_a_clip_without_a_card_says_why_and_shows_what_came_and_what_was_seen() -> None:
    read = Reader(page_of(scored=Scored(None, "<think>\nhm", {}, "the output is not in the grammar")))
    assert "No report card: the output is not in the grammar" in read.text
    assert "What the critic wrote<think>\nhm" in read.text
    assert len([tag for tag, _ in read.tags if tag == "img"]) == 4 + 2


def test_a_page_leads_back_to_the_list_and_says_who_judged_how() -> None:
    read = Reader(page_of())
    assert ("a", {"href": "index.html"}) in read.tags
    assert "Scored by critic (identity 0), one greedy answer for each clip" in read.text
    assert describe_scorer(Scorer("org/hub-id", "org/hub-id", 8)) == (
        "Scored by org/hub-id, the mean of 8 sampled answers for each clip"
    )


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)).map(sorted).map(tuple), max_size=9))
@settings(deadline=None, max_examples=60)
def test_pieces_in_a_row_of_the_timeline_leave_each_other_room(times: list[tuple[float, float]]) -> None:
    numbered = [
        (number, Axis.VISUAL, piece) for number, piece in enumerate(timed(*times).visual.evidence) if piece.time
    ]
    length = max((end for _, end in times), default=0) or 1.0
    rows = _lay_rows(numbered, length)
    marks = [[int(mark.text or "") for mark in row] for row in rows]
    assert sorted(number for row in marks for number in row) == list(range(len(times)))
    for row in marks:
        places = [(min(times[number][0] / length, 1 - _MIN_SHARE), times[number][1] / length) for number in row]
        assert all(left >= max(end, start + _MIN_SHARE) for (start, end), (left, _) in pairwise(places))


def test_pieces_that_do_not_overlap_share_a_row() -> None:
    result = Scored(timed((0, 0.5), (0.25, 1), (0.75, 1.5)), "", dict.fromkeys(AXES, SHARES))
    tracks = classes(Reader(page_of(scored=result)), "track")
    assert len(tracks) == 2 + 1 + 1 + 2  # visual, the other axes, slow and fast frames


CORNERS = st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)).map(lambda corner: Box(*corner, 0.1, 0.1))


@given(st.lists(CORNERS, max_size=9), st.sampled_from([1 / 64, 9 / 16, 1.0, 16 / 9, 64.0]), st.floats(1, 4))
def test_numbers_on_a_picture_of_any_width_cover_no_other(boxes: list[Box], aspect: float, wider: float) -> None:
    width = min(16, 24 * aspect)
    groups = _group_boxes([(number, Axis.VISUAL, box) for number, box in enumerate(boxes)], width, aspect)
    assert sorted(number for group in groups for number, _, _ in group) == list(range(len(boxes)))
    for one, other in combinations(groups, 2):
        assert not _overlap(one, other, width * wider, width * wider / aspect)


def test_a_tall_frame_is_shown_in_its_aspect_at_a_height_that_fits() -> None:
    tall = Frames(FRAMES.fast, FRAMES.fast_times, np.zeros((1, 2048, 32, 3), np.uint8), (0.3,))
    result = Scored(card(), "", dict.fromkeys(AXES, SHARES))
    page = render_card_page(
        ScoreLine.of(Clip("a.mp4", Path(), "A"), "5a", Scorer("critic", "0"), result, tall), "a.mp4", tall
    )
    (picture,) = classes(Reader(page), "picture")
    assert picture["style"] == "width:min(100%, 0.375rem);aspect-ratio:32/2048"


def test_a_clip_that_cannot_be_played_says_so(tmp_path: Path) -> None:
    pages, by = CardPages(tmp_path / "pages"), Scorer("critic", "0")
    (tmp_path / "there.mp4").touch()

    def read_page(name: str, prompt: str, frames: Frames | None) -> Reader:
        clip = Clip(name, tmp_path / name, prompt)
        line = ScoreLine.of(clip, None, by, Scored(None, "", {}, "why"), frames)
        pages.write(clip, line, frames)
        return Reader((pages.folder / name_page(line)).read_text())

    for name, prompt, frames in (("there.mp4", "A", FRAMES), ("there.mp4", "", None)):
        assert "video" in [tag for tag, _ in read_page(name, prompt, frames).tags]
    for name, prompt, frames in (("there.mp4", "A", None), ("gone.mp4", "", None), ("gone.mp4", "A", FRAMES)):
        read = read_page(name, prompt, frames)
        assert "video" not in [tag for tag, _ in read.tags]
        assert "This clip cannot be played here" in read.text


def test_somebody_elses_index_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<h1>My site</h1>")
    with pytest.raises(DataError, match=r"index.html was not made by this command"):
        CardPages(tmp_path)
    assert (tmp_path / "index.html").read_text() == "<h1>My site</h1>"
    (tmp_path / "index.html").unlink()
    CardPages(tmp_path).write_index({}, Scorer("critic", "0"))
    CardPages(tmp_path).write_index({}, Scorer("critic", "0"))
    (tmp_path / "other" / "index.html").mkdir(parents=True)
    with pytest.raises(DataError, match="was not made by this command"):
        CardPages(tmp_path / "other")


def test_a_tally_in_words() -> None:
    assert describe_count(6, 18) == "6 of 18 clips have a report card"
    assert describe_count(1, 18) == "1 of 18 clips has a report card"
    assert describe_count(1, 1) == "1 of 1 clip has a report card"


def test_a_page_loads_nothing_and_runs_nothing() -> None:
    read = Reader(page_of())
    assert [tag for tag, _ in read.tags if not HARMLESS.fullmatch(tag)] == []
    assert not [name for _, attributes in read.tags for name in attributes if name.startswith("on")]
    addresses = [
        attributes[name] or "" for _, attributes in read.tags for name in ("src", "href") if name in attributes
    ]
    assert all(address.startswith(("data:", "../a.mp4")) or address == INDEX for address in addresses)
    assert "url(" not in page_of()
    assert "@import" not in page_of()
    (policy,) = [attributes["content"] or "" for _, attributes in read.tags if "http-equiv" in attributes]
    assert policy.startswith("default-src 'none'")


HOSTILE = st.text() | st.lists(
    st.sampled_from(
        ["<script>", "</style>", '"', "'", "&", "<", ">", "-->", "]]>", "&lt;", "\0", "\ud800", "</title>"]
    ),
    max_size=8,
).map("".join)


@settings(deadline=None, max_examples=60)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_whatever_strangers_type_stays_text(prompt: str, reason: str, name: str) -> None:
    page = page_of(prompt, reason, name)
    page.encode()
    read, plain = Reader(page), Reader(page_of())
    assert [tag for tag, _ in read.tags] == [tag for tag, _ in plain.tags]
    assert [list(attributes) for _, attributes in read.tags] == [list(attributes) for _, attributes in plain.tags]
    for text in (prompt, reason or "No reason given."):
        assert clean(text) in read.text


def test_text_before_between_and_after_elements_is_kept() -> None:
    page = render_document("t", element("p", "a", None, "b<", element("b", "c"), "d", "&e"))
    assert "<p>ab&lt;<b>c</b>d&amp;e</p>" in page


def test_every_clip_has_a_page_of_its_own_for_every_way_it_was_scored() -> None:
    clips = [("a/x.mp4", "one"), ("b/x.mp4", "one"), ("a/x.mp4", "two"), ("../../..//\0.mp4", "\ud800")]
    ways = [Scorer("critic", "0"), Scorer("critic", "1"), Scorer("critic", "0", samples=8)]
    failed = Scored(None, "", {}, "")
    names = [
        name_page(ScoreLine.of(Clip(name, Path(), prompt), "5a", by, failed, None))
        for name, prompt in clips
        for by in ways
    ]
    assert len(set(names)) == 12
    assert all(Path(name).name == name and name.isascii() for name in names)


def test_the_list_leads_to_every_page_and_tells_failures(tmp_path: Path) -> None:
    pages = CardPages(tmp_path / "pages")
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "good #1.mp4").touch()
    good, bad = Clip("dir/good #1.mp4", tmp_path / "dir" / "good #1.mp4", "A <b>"), Clip("bad.mp4", tmp_path, "B")
    lines: dict[Clip, ScoreLine] = {
        good: ScoreLine.of(good, "5a", Scorer("critic", "0"), Scored(card(), "", dict.fromkeys(AXES, SHARES)), FRAMES),
        bad: ScoreLine.of(bad, "5a", Scorer("critic", "0"), Scored(None, "", {}, "cannot be read"), None),
    }
    for clip, line in lines.items():
        pages.write(clip, line, FRAMES)
    pages.write_index(lines, Scorer("critic", "0", samples=8))
    read = Reader((tmp_path / "pages" / "index.html").read_text())
    links = [attributes["href"] for tag, attributes in read.tags if tag == "a"]
    assert links == [name_page(lines[good]), name_page(lines[bad])]
    assert all((tmp_path / "pages" / str(link)).is_file() for link in links)
    assert "1 of 2 clips has a report card" in read.text
    assert "Scored by critic (identity 0), the mean of 8 sampled answers for each clip" in read.text
    assert "visual 2.43 poor" in read.text
    assert "No report card: cannot be read" in read.text
    assert "A <b>" in read.text
    (video,) = [
        a for tag, a in Reader((tmp_path / "pages" / name_page(lines[good])).read_text()).tags if tag == "video"
    ]
    assert video["src"] == "../dir/good%20%231.mp4"


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_evidence_at_the_very_end_stays_on_the_timeline(share: float) -> None:
    piece = Evidence("flicker", TimeRange(1.5 * share, 1.5 * share))
    report = AxisReport(3, (piece,))
    result = Scored(ReportCard(report, report, report), "", dict.fromkeys(AXES, SHARES))
    spans = [attributes["style"] or "" for tag, attributes in Reader(page_of(scored=result)).tags if tag == "i"]
    assert any(style.startswith(f"left:min({share:.2%}") for style in spans)
