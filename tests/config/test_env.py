"""Reading the environment: what is wrong stops the start and says how to mend it."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env

HERE = Path("/srv/studio.sqlite3")


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("X", raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("Yes", True), ("off", False), ("FALSE", False), (" ", True)]
)
def test_flags_are_read_in_any_case_and_empty_is_unset(given: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    given.setenv("X", value)
    assert env.read_flag("X", default=True) is expected


@pytest.mark.parametrize("value", ["maybe", "2", "yess"])
def test_a_flag_that_is_neither_is_refused(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match="Set it to 1 or 0"):
        env.read_flag("X", default=False)


@pytest.mark.parametrize("value", ["0", "11", "-3", "five", "1.5", "²"])
def test_a_number_outside_its_bounds_is_refused(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match="from 1 to 10"):
        env.read_whole_number("X", 5, least=1, most=10)


def test_numbers_words_and_choices(given: pytest.MonkeyPatch) -> None:
    assert env.read_whole_number("X", 5, least=1, most=10) == 5
    given.setenv("X", " 7 ")
    assert env.read_whole_number("X", 5, least=1, most=10) == 7
    given.setenv("X", "a.example, b.example,")
    assert env.read_words("X") == ["a.example", "b.example"]
    with pytest.raises(ImproperlyConfigured, match="one of: a, b"):
        env.read_choice("X", "a", ["a", "b"])


@pytest.mark.parametrize(
    ("value", "expected"), [("", 0), ("0", 0), ("no", 0), ("1", 1), ("true", 1), ("Yes", 1), ("2", 2), ("10", 10)]
)
def test_proxies_are_a_number_and_yes_is_one(given: pytest.MonkeyPatch, value: str, expected: int) -> None:
    given.setenv("X", value)
    assert env.read_proxy_count("X") == expected


@pytest.mark.parametrize("value", ["", "/studio", "/lab/studio-2"])
def test_a_path_prefix_is_taken_as_it_is(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("X", value)
    assert env.read_path_prefix("X") == value


@pytest.mark.parametrize("value", ["studio", "/studio/", "/", "//studio", "/a b", "https://x/studio", "/studio?x"])
def test_a_path_prefix_that_is_none_is_refused_in_words(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match="such as /studio"):
        env.read_path_prefix("X")


@pytest.mark.parametrize("value", ["11", "-1", "both", "1.5"])
def test_another_number_of_proxies_is_refused(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match="from 0 to 10"):
        env.read_proxy_count("X")


def test_a_folder_is_made_and_must_be_absolute(given: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given.setenv("X", str(tmp_path / "deep" / "folder"))
    assert env.prepare_folder("X", tmp_path).is_dir()
    given.setenv("X", "relative")
    with pytest.raises(ImproperlyConfigured, match="begins with /"):
        env.prepare_folder("X", tmp_path)


@pytest.mark.parametrize(("present", "named"), [(0o755, True), (0o700, False), (0o500, False)])
def test_a_folder_of_another_user_is_named_if_others_can_read_it(
    given: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], present: int, named: bool
) -> None:
    folder = tmp_path / "of another"
    folder.mkdir()
    folder.chmod(present)

    def refuse(path: Path, mode: int) -> None:
        raise PermissionError

    given.setenv("X", str(folder))
    given.setattr(Path, "chmod", refuse)
    assert env.prepare_folder("X", tmp_path, mode=0o700) == folder
    assert (f"chmod 700 '{folder}'" in capsys.readouterr().err) is named


def test_a_folder_that_cannot_be_made_is_named(given: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    given.setenv("X", str(tmp_path / "file" / "folder"))
    with pytest.raises(ImproperlyConfigured, match=f"X: the folder {tmp_path}/file/folder cannot be created"):
        env.prepare_folder("X", tmp_path)


def test_without_an_address_the_database_is_a_file(given: pytest.MonkeyPatch) -> None:
    database = env.read_database("X", HERE)
    assert (database["ENGINE"], database["NAME"]) == ("django.db.backends.sqlite3", str(HERE))
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_an_address_is_read_with_its_escapes(given: pytest.MonkeyPatch) -> None:
    given.setenv("X", "postgresql://me:p%40ss%2F@db.example:5433/studio?sslmode=require")
    database = env.read_database("X", HERE)
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert [database[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")] == [
        "studio", "me", "p@ss/", "db.example", "5433",
    ]  # fmt: skip
    assert database["OPTIONS"] == {"sslmode": "require", "options": env.PLANNING, **env.PREPARED}


def test_behind_an_old_pooler_nothing_is_prepared(given: pytest.MonkeyPatch) -> None:
    given.setenv("X", "postgresql:///studio?sslmode=require")
    given.setenv("QSAVE_PREPARE", "0")
    assert env.read_database("X", HERE)["OPTIONS"] == {"sslmode": "require"}


def test_a_socket_is_named_as_an_option(given: pytest.MonkeyPatch) -> None:
    given.setenv("X", "postgresql:///studio?host=/run/postgresql")
    database = env.read_database("X", HERE)
    assert (database["HOST"], database["PORT"], database["OPTIONS"]) == (
        "/run/postgresql",
        "",
        {"options": env.PLANNING, **env.PREPARED},
    )


def test_options_of_the_address_override_those_of_the_site(given: pytest.MonkeyPatch) -> None:
    given.setenv("X", "postgresql:///studio?options=-c%20random_page_cost%3D4")
    assert env.read_database("X", HERE)["OPTIONS"]["options"] == f"{env.PLANNING} -c random_page_cost=4"


@pytest.mark.parametrize(
    "value",
    ["mysql://me@db/studio", "postgresql://db.example", "studio.sqlite3", "postgresql://db:port/studio", "sqlite://x"],
)
def test_an_address_that_cannot_be_served_is_refused_with_the_form_to_use(
    given: pytest.MonkeyPatch, value: str
) -> None:
    given.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match="Set X to postgresql://user:password@host:5432/name"):
        env.read_database("X", HERE)


def test_a_refused_address_does_not_show_its_password(given: pytest.MonkeyPatch) -> None:
    given.setenv("X", "mysql://me:secret@db/studio")
    with pytest.raises(ImproperlyConfigured) as raised:
        env.read_database("X", HERE)
    assert "secret" not in str(raised.value)


def test_brokers(given: pytest.MonkeyPatch) -> None:
    assert env.read_broker("X", Path("/srv/broker"))["options"]["folder"] == "/srv/broker"
    given.setenv("X", "redis://:pw@cache.example:6379/1")
    assert env.read_broker("X", HERE)["url"] == "redis://:pw@cache.example:6379/1"
    given.setenv("X", "amqp://:secret@queue")
    with pytest.raises(ImproperlyConfigured, match=r"redis://host:6379/0 or file:///folder") as raised:
        env.read_broker("X", HERE)
    assert "secret" not in str(raised.value)
