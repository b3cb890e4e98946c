"""Folders of the server: leads browse and import those below the operator's roots, and nothing else."""

import os
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from annotation.intake import upload_folders
from annotation.intake.rooted_files import LeadsOutside, open_below
from annotation.models import Campaign, ClipImport
from operations import jobs
from operations.models import Job
from tests.annotation.api.scripts import make_script, post_json
from tests.annotation.factories import write_video
from tests.annotation.intake.test_import_page import run_upload
from tests.support.markup import collapse_space


@pytest.fixture
def root(tmp_path: Path, settings: Settings) -> Path:
    """A root with a batch of two generators, and a link that leads out of it."""
    root = tmp_path / "root"
    write_video(root / "batch one" / "sora" / "a_red_fox-0.mp4", 60)
    write_video(root / "batch one" / "wan" / "a_red_fox-0.mp4", 90)
    (tmp_path / "secret").mkdir()
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "inside").symlink_to(root / "batch one")
    settings.IMPORT_ROOTS = [root]
    return root


def read_page(client: Client, campaign: Campaign, query: str = "") -> tuple[int, str]:
    response = client.get(f"/campaigns/{campaign.name}/import/server{query}")
    return response.status_code, collapse_space(response.content.decode())


def test_a_folder_of_the_server_is_browsed_and_imported(as_lead: Client, empty_campaign: Campaign, root: Path) -> None:
    status, page = read_page(as_lead, empty_campaign)
    assert (status, "batch one" in page, "inside" in page) == (200, True, True)
    assert "?root=0&amp;path=out" not in page
    assert "Videos here: 0, tables: 0, folders: 2" in read_page(as_lead, empty_campaign, "?root=0&path=batch%20one")[1]
    as_lead.post(f"/campaigns/{empty_campaign.name}/import/server", {"root": 0, "path": "batch one"})
    assert (run_upload(as_lead).name, ClipImport.objects.get().source) == ("sora, wan", "folder")
    assert empty_campaign.items.count() == 2
    assert sorted(path.name for path in (root / "batch one").iterdir()) == ["sora", "wan"]


@pytest.mark.parametrize("path", ["..", "../secret", "/etc", "out", "none", "a\nb", "x" * 300])
def test_nothing_outside_a_root_is_read(as_lead: Client, empty_campaign: Campaign, root: Path, path: str) -> None:
    address = f"/campaigns/{empty_campaign.name}/import/server"
    for response in (as_lead.get(address, {"path": path}), as_lead.post(address, {"path": path})):
        assert response.status_code == 422
        assert "among those of the server" in response.content.decode()
    assert not ClipImport.objects.exists()


@pytest.mark.parametrize("name", ["manifest.csv", "sora/b.mp4", "sora/a_red_fox-0.txt", "more"])
def test_a_link_that_leads_out_of_the_root_is_named_and_nothing_behind_it_is_read(
    as_lead: Client, empty_campaign: Campaign, root: Path, name: str
) -> None:
    secret = root.parent / "secret" / "password"
    secret.write_text("open sesame")
    (root / "batch one" / name).symlink_to(secret.parent if name == "more" else secret)

    response = as_lead.post(f"/campaigns/{empty_campaign.name}/import/server", {"root": 0, "path": "batch one"})

    page = collapse_space(response.content.decode())
    assert (response.status_code, ClipImport.objects.exists()) == (422, False)
    assert f"batch one/{name}" in page
    assert "leads out of the folders that are open for imports" in page
    assert "sesame" not in page


@pytest.mark.parametrize("query", ["?root=7", "?root=-1", "?root=x"])
def test_a_root_that_does_not_exist_is_refused(
    as_lead: Client, empty_campaign: Campaign, root: Path, query: str
) -> None:
    assert read_page(as_lead, empty_campaign, query)[0] == 422


def test_the_page_asks_for_the_generator_of_a_folder_of_videos_only(
    as_lead: Client, empty_campaign: Campaign, root: Path
) -> None:
    address = f"/campaigns/{empty_campaign.name}/import/server"
    values = {"root": 0, "path": "batch one/sora"}
    assert "Name the generator" in as_lead.post(address, values).content.decode()
    as_lead.post(address, values | {"generator": "sora-2"})
    assert ClipImport.objects.get().name == "sora-2"


@pytest.mark.parametrize(("path", "generator"), [("batch one", ""), ("batch one/sora", "sora")])
def test_the_folder_of_videos_offers_its_name_as_their_generator(
    as_lead: Client, empty_campaign: Campaign, root: Path, path: str, generator: str
) -> None:
    _status, page = read_page(as_lead, empty_campaign, f"?root=0&path={path}")
    assert (f'name="generator" value="{generator}"' in page) == bool(generator)
    assert ("a_red_fox-0.mp4</li>" in page) == bool(generator)


def test_without_roots_the_page_says_who_can_open_them(
    as_lead: Client, as_rater: Client, empty_campaign: Campaign
) -> None:
    assert "QSAVE_IMPORT_ROOTS" in read_page(as_lead, empty_campaign)[1]
    assert read_page(as_rater, empty_campaign)[0] == 403


def test_a_script_browses_and_imports_a_folder_of_the_server(lead: User, empty_campaign: Campaign, root: Path) -> None:
    script, address = make_script(lead), f"/api/campaigns/{empty_campaign.name}/import/server"
    top = script.get(address).json()
    assert (top["roots"], top["path"], top["folders"]) == (["root"], "", ["batch one", "inside"])
    assert (top["videos"], top["tables"], top["has_more"]) == (0, 0, False)
    assert script.get(f"{address}?path=batch%20one").json()["folders"] == ["sora", "wan"]

    answer = post_json(script, address, {"path": "batch one"})

    assert answer.status_code == 202, answer.content
    jobs.run(answer.json()["id"])
    assert script.get(f"/api/imports/{answer.json()['import']}").json()["counts"] == {"added": 2}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"path": "../secret"}, "path"),
        ({"path": "out"}, "path"),
        ({"root": 7}, "path"),
        ({"root": -1}, "root"),
        ({"root": "x"}, "root"),
        ({"path": "batch one/sora"}, "generator"),
    ],
)
def test_a_script_is_refused_as_the_page_is(
    lead: User, empty_campaign: Campaign, root: Path, values: dict[str, object], field: str
) -> None:
    answer = post_json(make_script(lead), f"/api/campaigns/{empty_campaign.name}/import/server", values)
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not ClipImport.objects.exists()


@pytest.fixture
def requested(as_lead: Client, empty_campaign: Campaign, root: Path) -> ClipImport:
    """A previewed import of the batch, of which a video can then be exchanged."""
    as_lead.post(f"/campaigns/{empty_campaign.name}/import/server", {"root": 0, "path": "batch one"})
    jobs.run(Job.objects.get(kind="stage_import").pk)
    return ClipImport.objects.get()


@pytest.mark.parametrize("changed", ["file", "folder"])
def test_a_link_that_leads_out_later_costs_its_row_and_nothing_behind_it_is_read(
    as_lead: Client, empty_campaign: Campaign, root: Path, requested: ClipImport, changed: str
) -> None:
    outside = root.parent / "secret"
    write_video(outside / "a_red_fox-0.mp4", 120)
    path = root / "batch one" / "wan"
    (path / "a_red_fox-0.mp4").unlink()
    if changed == "folder":
        path.rmdir()
        path.symlink_to(outside)
    else:
        (path / "a_red_fox-0.mp4").symlink_to(outside / "a_red_fox-0.mp4")

    as_lead.post(f"/imports/{requested.pk}/start")
    jobs.run(Job.objects.get(kind="import_clips").pk)

    assert empty_campaign.items.get().clip.generator == "sora"
    reason = requested.rows.get(state="refused").reason
    assert reason == "video cannot be read: a link leads out of the folders that are open for imports."


def test_a_link_inside_the_root_is_read(
    as_lead: Client, empty_campaign: Campaign, root: Path, requested: ClipImport
) -> None:
    video = root / "batch one" / "wan" / "a_red_fox-0.mp4"
    video.rename(root / "elsewhere.mp4")
    video.symlink_to(root / "elsewhere.mp4")
    as_lead.post(f"/imports/{requested.pk}/start")
    jobs.run(Job.objects.get(kind="import_clips").pk)
    assert empty_campaign.items.count() == 2


def test_the_manifest_that_was_checked_is_the_one_that_is_read(
    as_lead: Client, empty_campaign: Campaign, root: Path
) -> None:
    table = root / "batch one" / "clips.csv"
    table.write_text("video,prompt,generator\nsora/a_red_fox-0.mp4,a fox,sora-2\n")
    as_lead.post(f"/campaigns/{empty_campaign.name}/import/server", {"root": 0, "path": "batch one"})
    table.unlink()
    table.symlink_to("/etc/passwd")

    assert run_upload(as_lead).name == "clips.csv"

    assert empty_campaign.items.get().clip.generator == "sora-2"
    assert table.is_symlink()
    assert list(upload_folders.get_upload_root().iterdir()) == []


def test_a_link_that_appears_after_its_path_was_resolved_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, secret = root / "batch one" / "wan" / "a_red_fox-0.mp4", root.parent / "secret"
    resolve = Path.resolve

    def resolve_and_exchange(self: Path, strict: bool = False) -> Path:
        real = resolve(self, strict)
        if self == video:
            video.unlink()
            video.parent.rmdir()
            video.parent.symlink_to(secret)
        return real

    write_video(secret / video.name, 120)
    monkeypatch.setattr(Path, "resolve", resolve_and_exchange)
    with pytest.raises(LeadsOutside):
        open_below(root, video)


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_no_plain_file_is_not_opened(root: Path, kind: str) -> None:
    path = root / "other"
    os.mkfifo(path) if kind == "pipe" else path.mkdir()
    with pytest.raises(LeadsOutside):
        open_below(root, path)
