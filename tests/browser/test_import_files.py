"""A folder is dropped and uploaded with the real client, and an upload that breaks off is resumed."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from pytest_django import Settings

from accounts.models import User
from annotation.intake import new_import_page, upload_store
from annotation.models import Campaign, ClipImport
from tests.annotation.factories import make_campaign, make_lead, write_video
from tests.browser.looks import sign_in

pytestmark = pytest.mark.concurrent

PIECE = 1024 * 1024


@pytest.fixture
def lead(live_server: object) -> User:
    return make_lead("lena")


@pytest.fixture
def campaign(lead: User) -> Campaign:
    return make_campaign(actor=lead, name="autumn")


@pytest.fixture
def import_page(
    page: Page, lead: User, campaign: Campaign, live_server: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Page:
    """The page, with uploads in a folder of the test's own and in pieces of 1 MB."""
    settings.VAR_DIR = Path(settings.MEDIA_ROOT).parent / "var"
    monkeypatch.setattr(new_import_page, "PIECE_BYTES", PIECE)
    sign_in(page.context, lead, live_server.url)
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"/campaigns/{campaign.name}/import")
    return page


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    """A folder with a video in each of two folders, one of 3 MB."""
    write_video(tmp_path / "batch" / "sora" / "P-0.mp4", 60)
    (tmp_path / "batch" / "wan").mkdir()
    (tmp_path / "batch" / "wan" / "P-0.mp4").write_bytes(bytes(3 * PIECE))
    (tmp_path / "batch" / "wan" / ".DS_Store").write_bytes(b"x")
    return tmp_path / "batch"


def drop(page: Page, *paths: Path) -> None:
    """Drop files or folders of this machine on the page, as a hand does."""
    box = page.locator("[data-drop]").bounding_box()
    assert box is not None
    where = {"x": box["x"] + 20, "y": box["y"] + 20}
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "data": data, **where})


def test_a_dropped_folder_is_uploaded_and_goes_on_after_a_break_and_a_reload(
    import_page: Page, campaign: Campaign, lead: User, batch: Path
) -> None:
    starts: list[str] = []

    def break_off(route: Route) -> None:
        starts.append(route.request.headers.get("upload-offset", "-"))
        if len(starts) == 1:
            route.continue_()
        else:
            route.abort()

    import_page.route("**/uploads/*", break_off)
    drop(import_page, batch)
    expect(import_page.get_by_text(re.compile(r"^Files: 2 \(3.0\sMB\), in folders: 2$"))).to_be_visible()
    expect(import_page.get_by_text("batch/sora")).to_be_visible()
    expect(import_page.get_by_text("Hidden files that are left out: 1")).to_be_visible()
    expect(import_page.get_by_label("Generator of videos in no folder")).to_be_hidden()
    import_page.get_by_role("button", name="Upload and import").click()
    with import_page.expect_request_finished(lambda request: request.method == "PATCH"):
        expect(import_page.get_by_text("files: 1 of 2")).to_be_visible()
    import_page.reload()
    import_page.unroute("**/uploads/*")  # not before: the client of the first page would try again
    expect(import_page.get_by_text("2 files of an earlier upload are here")).to_be_visible()

    resumed: list[str] = []
    import_page.on("request", lambda request: resumed.append(request.headers.get("upload-offset", "")))
    import_page.locator("[data-input=folder]").set_input_files(batch)
    import_page.get_by_role("button", name="Upload and import").click()
    expect(import_page).to_have_url(re.compile(r"/imports/\d+$"))

    assert starts[0] == str(PIECE)
    assert [offset for offset in resumed if offset] == [str(2 * PIECE)]
    clip_import = ClipImport.objects.get()
    assert clip_import.name == "sora, wan"
    assert (Path(clip_import.videos) / "batch" / "wan" / "P-0.mp4").read_bytes() == bytes(3 * PIECE)
    assert upload_store.list_uploads(lead, campaign) == []


def test_files_of_one_name_from_two_folders_are_named_before_anything_is_sent(import_page: Page, batch: Path) -> None:
    for folder in ("sora", "wan"):
        import_page.locator("[data-input=files]").set_input_files(batch / folder / "P-0.mp4")
    expect(import_page.get_by_role("alert")).to_contain_text("Only the last file named \u2068P-0.mp4\u2069 is chosen")
    import_page.get_by_role("button", name="Clear the choice").click()
    expect(import_page.get_by_role("alert")).to_be_hidden()
