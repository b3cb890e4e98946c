"""Archives of releases and presets: their bytes, their ranges, who may get them, and a pull from the real site."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import Role
from accounts.services import issue_token
from datasets.models import Release
from datasets.services.archive import Member, make_archive
from datasets.services.policy import ReleasePolicy
from datasets.services.presets import build_preset
from datasets.services.releases import build_release, locate_release
from qsave.release.manifest import verify_release
from qsave.release.pull import Part, pull_release
from tests.annotation.factories import make_user
from tests.datasets.world import engineer, rated_campaign
from tests.qsave.release.release_site import list_files

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

ARCHIVE = "/api/releases/1/archive"
SMALL = ReleasePolicy(allow_small_splits=True)


@pytest.fixture
def client(db: None) -> APIClient:
    client = APIClient()
    client.force_authenticate(engineer())
    return client


@pytest.fixture
def release(db: None) -> Release:
    return build_release(actor=engineer(), campaign=rated_campaign(2, 1, 1), name="first", policy=SMALL)


def read_body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def unpack(content: bytes) -> Mapping[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        files = {member.name: archive.extractfile(member) for member in archive}
        return {name: file.read() for name, file in files.items() if file is not None}


def test_the_archive_of_a_release_has_its_files_and_no_others(client: APIClient, release: Release) -> None:
    (locate_release(release) / "nothing.txt").write_text("laid here by somebody")
    answer = client.get(ARCHIVE)
    content = read_body(answer)
    expected = {
        f"{release.folder}/{name}": data
        for name, data in list_files(locate_release(release)).items()
        if name != "nothing.txt"
    }
    assert unpack(content) == expected
    assert int(answer["Content-Length"]) == len(content)
    assert 'filename="0001-first.tar"' in answer["Content-Disposition"]


@pytest.mark.parametrize(
    ("query", "rows", "clips"),
    [
        ("split=val", {"sft/val.jsonl", "rl/val.jsonl"}, 1),
        ("split=train&media=false", {"sft/train.jsonl", "rl/train.jsonl", "cooldown/train.jsonl"}, 0),
        ("media=0", {f"{kind}/{split}.jsonl" for kind in ("sft", "rl") for split in ("train", "val", "test")}, 0),
    ],
)
def test_an_archive_may_have_one_split_or_no_clips(
    client: APIClient, release: Release, query: str, rows: set[str], clips: int
) -> None:
    names = {name.removeprefix(f"{release.folder}/") for name in unpack(read_body(client.get(f"{ARCHIVE}?{query}")))}
    assert {name for name in names if name.endswith(".jsonl")} >= rows
    assert {name for name in names if name.endswith(".jsonl")} - rows <= {"cooldown/train.jsonl"}
    assert len([name for name in names if name.startswith("media/")]) == clips
    assert {"manifest.json", "README.md", "targets.parquet"} <= names


def test_the_archive_of_a_preset_has_its_files(client: APIClient, release: Release) -> None:
    address = "/api/releases/1/presets/hf/archive"
    assert client.get(address).status_code == 404
    build_preset(release, "hf", progress=lambda share, message: None)
    names = unpack(read_body(client.get(address)))
    assert {"0001-first-hf/files.json", "0001-first-hf/README.md", "0001-first-hf/sft/train.parquet"} <= {*names}


def test_a_download_resumes_only_in_the_same_archive(client: APIClient, release: Release) -> None:
    whole = client.get(ARCHIVE)
    content, tag = read_body(whole), whole["ETag"]
    rest = client.get(ARCHIVE, headers={"Range": "bytes=4000-", "If-Range": tag})
    assert (rest.status_code, rest["Content-Range"]) == (206, f"bytes 4000-{len(content) - 1}/{len(content)}")
    assert read_body(rest) == content[4000:]
    other = client.get(f"{ARCHIVE}?split=val", headers={"Range": "bytes=4000-", "If-Range": tag})
    assert other.status_code == 200
    assert client.get(ARCHIVE, headers={"If-None-Match": tag}).status_code == 304
    assert client.get(ARCHIVE, headers={"Range": f"bytes={len(content)}-"}).status_code == 416


def test_an_open_range_of_a_download_brings_the_whole_rest(
    client: APIClient, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`curl -C -` takes what comes for the rest of the file."""
    monkeypatch.setattr("annotation.rating.clip_media.OPEN_RANGE_BYTES", 100)
    for name in ("archive", "files/sft/train.jsonl"):
        size = len(read_body(client.get(f"/api/releases/1/{name}")))
        assert len(read_body(client.get(f"/api/releases/1/{name}", headers={"Range": "bytes=7-"}))) == size - 7


NAMES = st.text("abc/é", min_size=1, max_size=9).map(lambda text: text.replace("/", "-")) | st.just("long" * 60)


@settings(max_examples=40)
@given(data=st.data(), contents=st.dictionaries(NAMES, st.binary(max_size=1500), max_size=4))
def test_any_range_of_any_archive_is_that_of_its_bytes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, contents: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    members = []
    for number, (name, content) in enumerate(sorted(contents.items())):
        (folder / str(number)).write_bytes(content)
        members.append(Member(name, folder / str(number), len(content), ""))
    archive = make_archive("top", members, modified=0.0)
    whole = b"".join(archive.read(0, archive.size))
    assert len(whole) == archive.size
    assert unpack(whole) == {f"top/{name}": content for name, content in contents.items()}
    start = data.draw(st.integers(0, archive.size))
    stop = data.draw(st.integers(start, archive.size))
    assert b"".join(archive.read(start, stop)) == whole[start:stop]


def test_a_file_that_is_shorter_than_listed_ends_the_download(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"short")
    archive = make_archive("top", [Member("a", tmp_path / "a", 9, "")], modified=0.0)
    with pytest.raises(OSError, match="is shorter than 9 bytes"):
        list(archive.read(0, archive.size))


@pytest.mark.parametrize(("query", "status"), [("split=all", 400), ("media=maybe", 400)])
def test_a_query_that_means_nothing_is_refused(client: APIClient, release: Release, query: str, status: int) -> None:
    assert client.get(f"{ARCHIVE}?{query}").status_code == status


def test_files_of_a_damaged_release_are_not_sent(client: APIClient, release: Release) -> None:
    (locate_release(release) / "manifest.json").unlink()
    for address in (ARCHIVE, "/api/releases/1/files/README.md"):
        answer = client.get(address)
        assert answer.status_code == 409
        assert "manifest.json" in answer.data["detail"]


def test_a_pull_from_the_site_gives_the_release_and_its_presets(
    live_server: "LiveServer", transactional_db: None, tmp_path: Path
) -> None:
    release = build_release(actor=engineer(), campaign=rated_campaign(2, 1, 1, raters=1), name="first", policy=SMALL)
    _row, token = issue_token(actor=make_user(role=Role.ENGINEER), name="script")
    address = f"{live_server.url}/releases/{release.number}"
    pull_release(address, tmp_path / "a", token=token)
    assert list_files(tmp_path / "a") == list_files(locate_release(release))
    assert verify_release(tmp_path / "a") == []
    summary = build_preset(release, "hf", progress=lambda share, message: None)
    pull_release(address, tmp_path / "hf", token=token, part=Part(preset="hf"))
    assert {*summary["rows"]} <= {*list_files(tmp_path / "hf")}
