"""Pulling a release: whole, in part, again after each kind of interruption, and what it refuses."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qsave.release import download
from qsave.release.__main__ import TOKEN_VARIABLE, main
from qsave.release.encoding import ReleaseError
from qsave.release.manifest import encode_manifest, hash_file, verify_release
from qsave.release.presets.write import write_preset
from qsave.release.pull import STATE_FILE, Part, pull_release
from qsave.release.reader import ReleaseReader
from tests.qsave.release.presets.world import make_release
from tests.qsave.release.release_site import TOKEN, Answer, ReleaseSite, list_files, serve
from tests.support.waiting import wait_until

ROWS = "rl/train.jsonl"
CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(tmp_path_factory.mktemp("pull") / "release")


@pytest.fixture
def site(release: Path) -> Iterator[ReleaseSite]:
    with serve(release) as site:
        yield site


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0))


def get(site: ReleaseSite, folder: Path, **part: Any) -> list[Path]:
    return pull_release(site.address, folder, token=TOKEN, part=Part(**part))


def test_a_pulled_release_is_the_release(site: ReleaseSite, release: Path, tmp_path: Path) -> None:
    files = get(site, tmp_path / "a")
    assert list_files(tmp_path / "a") == list_files(release)
    assert verify_release(tmp_path / "a") == []
    assert {path.relative_to((tmp_path / "a").resolve()).as_posix() for path in files} == {*list_files(release)}


def test_parts_add_up_to_the_release(site: ReleaseSite, release: Path, tmp_path: Path) -> None:
    get(site, tmp_path / "a", split="val", media=False)
    data = list_files(tmp_path / "a")
    assert {name for name in data if "/" in name} == {"sft/val.jsonl", "rl/val.jsonl"}
    get(site, tmp_path / "a", split="val")
    rows = list(ReleaseReader(tmp_path / "a").rows("rl", "val"))
    clips = {name for name in list_files(tmp_path / "a") if name.startswith("media/")}
    assert clips == {row.media.path for row in rows} != set()
    get(site, tmp_path / "a")
    assert list_files(tmp_path / "a") == list_files(release)


def test_a_preset_is_pulled_whole(release: Path, tmp_path: Path) -> None:
    write_preset("pairs", release, tmp_path / "pairs")
    with serve(tmp_path / "pairs") as site:
        get(site, tmp_path / "a", preset="pairs")
    assert list_files(tmp_path / "a") == list_files(tmp_path / "pairs")


def test_what_is_there_is_not_sent_again(site: ReleaseSite, tmp_path: Path) -> None:
    get(site, tmp_path / "a")
    (tmp_path / "a" / "README.md").write_text("edited")
    site.requests.clear()
    get(site, tmp_path / "a")
    assert [name for name, _range in site.requests] == ["manifest.json", "README.md"]
    assert verify_release(tmp_path / "a") == []


def end_early(answer: Answer) -> None:
    content = (answer.site.folder / ROWS).read_bytes()
    start = int(answer.headers.get("Range", "bytes=0-")[6:-1])
    answer.send(content[start : start + 700], status=206 if start else 200, length=len(content) - start)
    answer.close_connection = True


def ignore_ranges(answer: Answer) -> None:
    content = (answer.site.folder / ROWS).read_bytes()
    first = "Range" not in answer.headers
    answer.send(content[:700] if first else content, length=len(content))
    answer.close_connection = True


def fail_twice(answer: Answer) -> None:
    if sum(name == ROWS for name, _range in answer.site.requests) <= 2:
        answer.refuse(503, "")
    else:
        answer.send_file(ROWS)


@pytest.mark.parametrize("fault", [end_early, ignore_ranges, fail_twice])
def test_a_connection_that_breaks_is_resumed(
    site: ReleaseSite, tmp_path: Path, fault: Callable[[Answer], None]
) -> None:
    site.faults[ROWS] = fault
    get(site, tmp_path / "a")
    assert verify_release(tmp_path / "a") == []


def test_a_damaged_part_is_sent_again_from_its_beginning(site: ReleaseSite, tmp_path: Path) -> None:
    site.faults[ROWS] = lambda answer: answer.refuse(410, "")
    with pytest.raises(ReleaseError):
        get(site, tmp_path / "a")
    part = tmp_path / "a" / f"{ROWS}{download.UNFINISHED}"
    part.write_bytes(b"other bytes")
    site.faults.clear()
    get(site, tmp_path / "a")
    assert verify_release(tmp_path / "a") == []


def redirect(answer: Answer) -> None:
    answer.refuse(302, "", location="http://elsewhere.example/")


ANSWERS = {
    "403": (lambda answer: answer.refuse(403, "Not for you."), "answered 403. Not for you. Releases are for the role"),
    "404": (lambda answer: answer.refuse(404, "No such release."), "answered 404. No such release. Check the number"),
    "409": (lambda answer: answer.refuse(409, "An earlier format."), "answered 409. An earlier format."),
    "410": (lambda answer: answer.refuse(410, "It is withdrawn."), "answered 410. It is withdrawn."),
    "no sentence": (lambda answer: answer.send(b"<html>", status=418), "answered 418."),
    "redirect": (redirect, "moved to http://elsewhere.example/. Use that address if you trust it"),
    "other bytes": (lambda answer: answer.send(b"x" * 9000), "is not the file that the release lists"),
    "always 500": (lambda answer: answer.refuse(500, ""), "broke 3 times: it answered 500. What came stays"),
}


@pytest.mark.parametrize(("fault", "sentence"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_without_the_file_is_explained_and_leaves_no_release(
    site: ReleaseSite, tmp_path: Path, fault: Callable[[Answer], None], sentence: str
) -> None:
    site.faults[ROWS] = fault
    with pytest.raises(ReleaseError) as refusal:
        get(site, tmp_path / "a")
    assert sentence in str(refusal.value)
    assert not (tmp_path / "a" / "manifest.json").exists()
    assert not (tmp_path / "a" / ROWS).exists()
    site.faults.clear()
    get(site, tmp_path / "a")
    assert verify_release(tmp_path / "a") == []


def test_a_wrong_token_and_a_silent_address_are_explained(site: ReleaseSite, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"answered 401\. This token is unknown\. Make a token"):
        pull_release(site.address, tmp_path / "a", token="other")
    with pytest.raises(ReleaseError, match=r"cannot be reached: .*refused"):
        pull_release("http://127.0.0.1:9/releases/1", tmp_path / "a", token=TOKEN)
    assert not (tmp_path / "a").exists()


HOSTILE = ("../out.txt", "/out.txt", "a/../../out.txt", "..\\out.txt", "out\0.txt")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_leads_outside_is_refused(release: Path, tmp_path: Path, name: str) -> None:
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    manifest = json.loads((release / "manifest.json").read_bytes())
    manifest["files"][name] = {"sha256": "0" * 64, "bytes": 1}
    (hostile / "manifest.json").write_bytes(encode_manifest(manifest))
    with serve(hostile) as site, pytest.raises(ReleaseError, match="leads out of the release"):
        get(site, tmp_path / "a")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("link", ["rl", ROWS, f"{ROWS}{download.UNFINISHED}"])
def test_nothing_is_written_through_a_link(site: ReleaseSite, tmp_path: Path, link: str) -> None:
    site.faults["README.md"] = lambda answer: answer.refuse(410, "")
    with pytest.raises(ReleaseError):
        get(site, tmp_path / "a", media=False)
    (tmp_path / "elsewhere").mkdir()
    shutil.rmtree(tmp_path / "a" / "rl", ignore_errors=True)
    path = tmp_path / "a" / link
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(tmp_path / "elsewhere")
    site.faults.clear()
    with pytest.raises(ReleaseError, match="is a link"):
        get(site, tmp_path / "a")
    assert not any((tmp_path / "elsewhere").iterdir())


def test_a_folder_with_something_else_stays_as_it_is(site: ReleaseSite, release: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    make_release(other)
    manifest = json.loads((other / "manifest.json").read_bytes()) | {"number": 9}
    contents: Mapping[str, bytes] = {
        "notes.txt": b"mine",
        "manifest.json": encode_manifest(manifest),
        STATE_FILE: b'{"mark": "0"}',
    }
    for number, (name, content) in enumerate(contents.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / name).write_bytes(content)
        with pytest.raises(ReleaseError, match="Name another folder"):
            get(site, folder)
        assert list_files(folder) == {name: content}


def test_a_full_disk_is_explained_before_and_while_writing(
    site: ReleaseSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=5))
        with pytest.raises(ReleaseError, match=r"has 5 bytes free, and .* are still to come"):
            get(site, tmp_path / "a")

    def fail(path: Path) -> None:
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(download, "sync_to_disk", fail)
        with pytest.raises(ReleaseError, match=r"No space left on device\. What came stays"):
            get(site, tmp_path / "a")
    get(site, tmp_path / "a")
    assert verify_release(tmp_path / "a") == []


def test_the_command_resumes_after_a_kill_in_the_middle_of_a_file(
    site: ReleaseSite, release: Path, tmp_path: Path
) -> None:
    rest = threading.Event()

    def wait_in_the_middle(answer: Answer) -> None:
        content = (release / ROWS).read_bytes()
        answer.send(content[:900], length=len(content))
        answer.wfile.flush()
        rest.wait()

    site.faults[ROWS] = wait_in_the_middle
    folder = tmp_path / "a"
    part = folder / f"{ROWS}{download.UNFINISHED}"
    process = subprocess.Popen(make_command(site, folder), cwd=CHECKOUT, env=os.environ | {TOKEN_VARIABLE: TOKEN})
    try:
        wait_until(lambda: part.exists() and part.stat().st_size == 900, what="the first bytes of the rows")
    finally:
        process.kill()
        process.wait()
        rest.set()
    assert not (folder / "manifest.json").exists()
    site.faults.clear()
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    again = [*make_command(site, folder), "--token-file", str(tmp_path / "token")]
    done = subprocess.run(again, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (ROWS, "bytes=900-") in site.requests
    assert verify_release(folder) == []


def make_command(site: ReleaseSite, folder: Path) -> list[str]:
    return [sys.executable, "-m", "qsave.release", "pull", site.address, str(folder)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["http://x.example/campaigns/1", "a"], "is not the address of a release"),
        (["ftp://x.example/releases/1", "a"], "is not the address of a release"),
        (["http://x.example/releases/1", "a", "--token-file", "absent"], "absent: No such file"),
        (["http://x.example/releases/1", "a", "--token-file", os.devnull], "has no token"),
        (["http://x.example/releases/1", "a", "--preset", "pairs", "--no-media"], "A preset is pulled whole"),
    ],
)
def test_what_cannot_be_pulled_is_explained(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["qsave.release", "pull", *arguments])
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    with pytest.raises(SystemExit) as refusal:
        main()
    assert sentence in str(refusal.value)


def test_the_files_of_a_preset_are_listed_with_their_hashes(release: Path, tmp_path: Path) -> None:
    write_preset("hf", release, tmp_path / "hf")
    listed = json.loads((tmp_path / "hf" / "files.json").read_bytes())["files"]
    assert {name: entry["sha256"] for name, entry in listed.items()} == {
        name: hash_file(tmp_path / "hf" / name) for name in list_files(tmp_path / "hf") if name != "files.json"
    }
