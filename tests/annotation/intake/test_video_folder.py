"""The video of a row is found however its name came there, and nothing outside the folder is."""

import shutil
import unicodedata
import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pytest

from annotation.intake import archives
from annotation.intake.manifests import RowRefused
from annotation.intake.video_folder import VideoFolder
from tests.annotation.intake.imports import receive_zip


def make_files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def find(folder: Path, name: str, rows: Sequence[str] = (), *, trusted: bool = False) -> str:
    path = VideoFolder(folder, rows or [name], trusted=trusted).find(name)
    return path.relative_to(folder).as_posix()


@pytest.mark.parametrize(
    "name",
    [
        "a.mp4", "v/a.mp4", "./v/./a.mp4", "v//a.mp4", " lead.mp4", "tab\tin.mp4", "..a.mp4", "v/..b.mp4", "c:a.mp4",
        "narrow\u202fspace.mp4", "no\u00a0break.mp4", "soft\u00adhyphen.mp4", "👩\u200d🎤.mp4", "2026-01-02T10:20.mp4",
        "a&amp;b.mp4", "wan&seed=3&reg=0.mp4", "…/x.mp4",
    ],
)  # fmt: skip
def test_any_name_that_stays_in_the_folder_is_found(tmp_path: Path, name: str) -> None:
    make_files(tmp_path, name)
    assert find(tmp_path, name) == Path(name).as_posix()


@pytest.mark.parametrize(
    ("stored", "named"),
    [
        ("v/a.mp4", "v\\a.mp4"),
        ("v/a.mp4", ".\\v\\a.mp4"),
        ("v/a.mp4", "x/../v/a.mp4"),
        ("v/a.mp4", "a.mp4"),
        ("a.mp4", "out/sora/a.mp4"),
        ("sora/a.mp4", "D/renders/sora/a.mp4"),
        ("wan&seed=3®=0.mp4", "wan&seed=3&reg=0.mp4"),
        ("v/wan&seed=3®=0.mp4", "v/wan&seed=3&reg=0.mp4"),
        (unicodedata.normalize("NFD", "Füchse.mp4"), "Füchse.mp4"),
        ("Füchse.mp4", unicodedata.normalize("NFD", "Füchse.mp4")),
    ],
)
def test_a_name_that_was_changed_on_its_way_is_found(tmp_path: Path, stored: str, named: str) -> None:
    make_files(tmp_path, stored, "other.mp4")
    assert find(tmp_path, named) == stored


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "shift_jis", "big5", "euc_kr"])
def test_a_zip_that_does_not_say_its_encoding_is_read_by_the_names_of_the_manifest(
    tmp_path: Path, encoding: str
) -> None:
    name = {"euc_kr": "여우 1.mp4", "shift_jis": "キツネ 1.mp4"}.get(encoding, "狐狸 1.mp4")
    (tmp_path / "in.zip").write_bytes(zip_with_raw_name(f"clips\\{name}".encode(encoding)))

    list(archives.unpack(tmp_path / "in.zip", tmp_path / "into"))

    assert VideoFolder(tmp_path / "into", [name]).find(f"clips/{name}").read_text() == "video"


def zip_with_raw_name(name: bytes) -> bytes:
    """Make a zip of one file whose name has these bytes, without the flag for UTF-8."""
    stand_in, archive = "x" * len(name), BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr(stand_in, "video")
    return archive.getvalue().replace(stand_in.encode(), name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../a.mp4", "v/../../a.mp4", "/etc/passwd", "C:\\a.mp4", "c:/a.mp4", "..\\a.mp4"]
)
def test_what_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    make_files(tmp_path, "a.mp4", "in/b.mp4")
    with pytest.raises(RowRefused, match="leads out of the manifest's folder"):
        find(tmp_path / "in", name, ["x"])


@pytest.mark.parametrize("name", ["https://example.org/a.mp4", "s3://bucket/a.mp4", "file:///etc/passwd"])
def test_an_address_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RowRefused, match="is an address"):
        find(tmp_path, name)


def test_a_file_name_alone_is_enough_only_where_it_is_unique(tmp_path: Path) -> None:
    make_files(tmp_path, "sora/P-0.mp4", "wan/P-0.mp4", "wan/P-1.mp4")
    assert find(tmp_path, "wan/P-0.mp4") == "wan/P-0.mp4"
    assert find(tmp_path, "P-1.mp4") == "wan/P-1.mp4"
    with pytest.raises(RowRefused, match=r"fits 2 files\. Name its folder too: 'P-0\.mp4'"):
        find(tmp_path, "P-0.mp4")


def test_one_file_does_not_stand_for_two_folders(tmp_path: Path) -> None:
    make_files(tmp_path, "P-0.mp4")
    rows = ["sora/P-0.mp4", "wan/P-0.mp4"]
    for name in rows:
        with pytest.raises(RowRefused, match="rows name 2 videos with its file name"):
            find(tmp_path, name, rows)


def test_links_are_followed_for_an_operator_alone(tmp_path: Path) -> None:
    make_files(tmp_path, "far/a.mp4", "in/b.mp4")
    (tmp_path / "in" / "link.mp4").symlink_to(tmp_path / "far" / "a.mp4")
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "far")
    (tmp_path / "in" / "circle").symlink_to(tmp_path / "in")
    for name in ("link.mp4", "folder/a.mp4"):
        with pytest.raises(RowRefused, match="symbolic link"):
            find(tmp_path / "in", name)
        assert find(tmp_path / "in", name, trusted=True) == name
    with pytest.raises(RowRefused, match="does not exist"):
        find(tmp_path / "in", "a.mp4")
    assert find(tmp_path / "in", "a.mp4", trusted=True) == "folder/a.mp4"
    assert find(tmp_path / "in", str(tmp_path / "in" / "b.mp4"), trusted=True) == "b.mp4"
    with pytest.raises(RowRefused, match="leads out of"):
        find(tmp_path / "in", str(tmp_path / "far" / "a.mp4"), trusted=True)


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    make_files(tmp_path, "v.mp4/a.mp4")
    with pytest.raises(RowRefused, match="is not a file"):
        find(tmp_path, "v.mp4")


def test_a_zip_of_windows_is_unpacked_into_its_folders(tmp_path: Path) -> None:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        for name in ("manifest.csv", "clips\\a.mp4"):
            entry = zipfile.ZipInfo("x")
            entry.filename = name
            out.writestr(entry, "content")
    folder = Path(receive_zip(archive.getvalue()).videos)
    assert (folder / "clips" / "a.mp4").read_text() == "content"
    shutil.rmtree(folder)
