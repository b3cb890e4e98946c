"""The settings of an endpoint: what is refused, in which words, and where a key comes from."""

from pathlib import Path

import pytest

from modelassist.kinds.base import CriticUnavailable
from modelassist.kinds.endpoint.settings import EndpointSettings, SettingsError, read_key
from qsave.frames.slowfast import FrameConfig

URL = "http://127.0.0.1:8000/v1"


def test_settings_come_back_from_their_json() -> None:
    settings = EndpointSettings(URL, "grader", "LAB", 30, 4, 500, 1, "grammar", "jpeg", "critic", FrameConfig(4))

    assert EndpointSettings.from_json(settings.to_json()) == settings
    assert EndpointSettings.from_json({"base_url": URL, "model": "grader"}) == EndpointSettings(URL, "grader")
    assert settings.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base_url": "file:///etc/passwd"}, "not the address of a server"),
        ({"base_url": "127.0.0.1:8000"}, "not the address of a server"),
        ({"base_url": "http://"}, "not the address of a server"),
        ({"base_url": "http://[::1/v1"}, "not the address of a server"),
        ({"base_url": "http://a:99999/v1"}, "not the address of a server"),
        ({"base_url": "http://a b/v1"}, "not the address of a server"),
        ({"base_url": f"http://{'a' * 300}/"}, "not the address of a server"),
        ({"base_url": 7}, "base_url must be text"),
        ({"base_url": "http://me:secret@host/v1"}, "has no user, key, query or fragment"),
        ({"base_url": "http://host/v1?key=secret"}, "has no user, key, query or fragment"),
        ({"model": " "}, "no spaces at its start or end"),
        ({"model": "m" * 301}, "at most 300 characters"),
        ({"model": 7}, "model must be text"),
        ({"key": "sk-live-1234"}, "capital letters"),
        ({"key": 7}, "key must be text"),
        ({"timeout": 0}, "timeout must be a number from 1 to 3600"),
        ({"timeout": "5"}, "timeout must be a number"),
        ({"timeout": float("nan")}, "timeout must be a number"),
        ({"concurrency": 1.5}, "concurrency must be a whole number"),
        ({"retries": True}, "retries must be a number"),
        ({"structured": "xml"}, "structured must be one of auto"),
        ({"prompt": "long"}, "prompt must be one of general, critic"),
        ({"picture": "webp"}, "picture must be one of png, jpeg"),
        ({"frames": {"fast_frames": 0}}, "cannot be read: fast_frames must be at least 1"),
        ({"frames": {"many": 1}}, "cannot be read"),
        ({"frames": 3}, "cannot be read"),
        ({"api_key": "sk-1"}, "has no setting 'api_key'"),
    ],
)
def test_a_wrong_setting_is_refused_in_a_sentence(changes: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError) as error:
        EndpointSettings.from_json({"base_url": URL, "model": "grader", **changes})

    assert words in str(error.value)
    assert str(error.value).endswith((".", "v1."))
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("value", [None, [], "x"])
def test_settings_are_an_object(value: object) -> None:
    with pytest.raises(SettingsError):
        EndpointSettings.from_json(value)


def test_a_key_comes_from_its_variable_or_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    file.write_text("sk-file\n")
    monkeypatch.setenv("QSAVE_CRITIC_KEY_A", " sk-a ")
    monkeypatch.setenv("QSAVE_CRITIC_KEY_B_FILE", str(file))

    assert (read_key(""), read_key("A"), read_key("B")) == ("", "sk-a", "sk-file")


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", "sk-ü".encode(), b"sk\n-two"])
def test_a_key_that_cannot_be_used_says_so_without_showing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("QSAVE_CRITIC_KEY_B_FILE", str(file))

    with pytest.raises(CriticUnavailable) as error:
        read_key("B")

    assert "sk" not in str(error.value)
    assert "An operator" in str(error.value)


def test_no_other_secret_of_the_site_is_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSAVE_SECRET_KEY", "x" * 50)
    with pytest.raises(CriticUnavailable, match="QSAVE_CRITIC_KEY_QSAVE_SECRET_KEY"):
        read_key("QSAVE_SECRET_KEY")
