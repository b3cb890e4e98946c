"""Archives that are sent for an import."""

import zipfile
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotation.intake import archives, upload_folders, uploads
from tests.annotation.intake.test_import_page import make_zip


@pytest.mark.parametrize("name", ["../out.csv", "/etc/out.csv", "a/../../out.csv", "c:/out.csv", "a\\..\\out.csv"])
def test_a_zip_that_leads_outside_is_refused_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "hostile.zip"
    with zipfile.ZipFile(archive, "w") as out:
        entry = zipfile.ZipInfo("x")
        entry.filename = name
        out.writestr(entry, "x")
    with pytest.raises(archives.UploadRefused, match="leads outside"):
        uploads.receive_files([SimpleUploadedFile("hostile.zip", archive.read_bytes())])
    assert list(upload_folders.get_upload_root().iterdir()) == []
    assert not list(tmp_path.rglob("out.csv"))


def test_a_zip_with_a_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.mp4")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as out:
        out.writestr(link, "/etc/passwd")
    with pytest.raises(archives.UploadRefused, match="has a link"):
        list(archives.unpack(tmp_path / "link.zip", tmp_path / "into"))


def test_a_zip_bomb_is_stopped_by_what_it_unpacks_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_BYTES", 3_000_000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as out:
        for number in range(4):
            out.writestr(f"{number}.mp4", bytes(1_000_000))
    with pytest.raises(archives.UploadRefused, match="unpacks to more"):
        list(archives.unpack(tmp_path / "bomb.zip", tmp_path / "into"))


def test_a_zip_of_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_FILES", 2)
    (tmp_path / "many.zip").write_bytes(make_zip(a_mp4=b"1", b_mp4=b"2", c_mp4=b"3"))
    with pytest.raises(archives.UploadRefused, match="at most 2"):
        list(archives.unpack(tmp_path / "many.zip", tmp_path / "into"))


def test_a_broken_zip_is_refused(tmp_path: Path) -> None:
    content = bytearray(make_zip(a_mp4=b"some bytes that are long enough to damage"))
    content[40] ^= 0xFF
    (tmp_path / "broken.zip").write_bytes(content)
    with pytest.raises(archives.UploadRefused, match="cannot be unpacked"):
        list(archives.unpack(tmp_path / "broken.zip", tmp_path / "into"))
