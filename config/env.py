"""Typed reading of environment variables. A bad value stops the start with a message that says how to correct it."""

import os
import re
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})


def read_text(name: str, default: str = "") -> str:
    """Return the value of `name` without surrounding blanks; unset and empty are the same."""
    return os.environ.get(name, "").strip() or default


def read_secret(name: str) -> str:
    """Return a secret from `name`, or from the file that `name`_FILE names."""
    path = read_text(f"{name}_FILE")
    if not path:
        return read_text(name)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name}_FILE={path!r} cannot be read ({error.strerror}). Name a readable file with the secret."
        ) from None


def read_flag(name: str, *, default: bool) -> bool:
    value = read_text(name).lower()
    if not value:
        return default
    if value not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name}={value!r} is neither yes nor no. Set it to 1 or 0.")
    return value in TRUE


def read_whole_number(name: str, default: int, *, least: int, most: int) -> int:
    value = read_text(name)
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number. Set it to one from {least} to {most}.")
    return int(value)


def read_path_prefix(name: str) -> str:
    """Return the path of the site on its host, for example /studio; empty if it has a host of its own."""
    value = read_text(name)
    if value and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", value):
        raise ImproperlyConfigured(
            f"{name}={value!r} cannot be the path of the site. Set it to one such as /studio "
            "(it begins with a slash and ends without one), or leave it out."
        )
    return value


def read_proxy_count(name: str) -> int:
    """Return how many proxies a request passes. Earlier versions took yes or no, which still mean one or zero."""
    words = {**dict.fromkeys(TRUE, 1), **dict.fromkeys(FALSE, 0)}
    value = read_text(name).lower()
    return words[value] if value in words else read_whole_number(name, 0, least=0, most=10)


def read_choice(name: str, default: str, allowed: Sequence[str]) -> str:
    value = read_text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name}={value!r} is not known. Set it to one of: {', '.join(allowed)}.")
    return value


def read_words(name: str, default: Sequence[str] = ()) -> list[str]:
    """Return a list of words that are separated by commas."""
    return [word.strip() for word in read_text(name).split(",") if word.strip()] or list(default)


def read_hosts(name: str) -> list[str]:
    """Return a list of host names or addresses, in lower case, that are separated by commas."""
    return [host.lower() for host in read_words(name)]


def count_cores() -> int:
    """Return how many cores this process may use, 256 at most."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 256)


def read_folders(name: str) -> list[Path]:
    """Return a list of absolute folders that are separated by commas. They need not exist yet."""
    folders = [Path(word) for word in read_words(name)]
    for folder in folders:
        if not folder.is_absolute():
            raise ImproperlyConfigured(
                f"{name} names {str(folder)!r}, which is not absolute. Set it to paths that begin with /."
            )
    return folders


def prepare_folder(name: str, default: Path, *, mode: int | None = None) -> Path:
    """Return an absolute folder; create it if it does not exist. With `mode`, an existing folder gets that mode too."""
    path = Path(read_text(name, str(default)))
    if not path.is_absolute():
        raise ImproperlyConfigured(f"{name}={str(path)!r} is not absolute. Set it to a path that begins with /.")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name}: the folder {path} cannot be created ({error.strerror}). Name another one."
        ) from error
    if mode is not None:
        _set_mode(name, path, mode)
    return path


def _set_mode(name: str, path: Path, mode: int) -> None:
    """Set the folder's mode. The setgid bit stays: with it new files belong to the folder's group."""
    present = stat.S_IMODE(path.stat().st_mode)
    wanted = present & stat.S_ISGID | mode
    if present == wanted:
        return
    try:
        path.chmod(wanted)
    except PermissionError:
        if present & ~wanted & 0o077:  # another user's folder: warn, and start nevertheless
            print(
                f"{name}: others can read {path} (mode {present:o}), and it belongs to another user. "
                f"As its owner, run: chmod {wanted:o} '{path}'",
                file=sys.stderr,
            )


class Database(TypedDict, total=False):
    """Django's settings of a database."""

    ENGINE: str
    NAME: str
    USER: str
    PASSWORD: str
    HOST: str
    PORT: str
    CONN_MAX_AGE: int
    CONN_HEALTH_CHECKS: bool
    OPTIONS: dict[str, object]
    TEST: dict[str, str]


def configure_sqlite(path: Path) -> Database:
    """Return settings of SQLite for several processes: readers beside one writer, and writers that wait for each other.

    IMMEDIATE takes the write lock when a transaction begins: a transaction that first reads and then writes would
    otherwise fail at once, without waiting, when another wrote in between.
    """
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
        "TEST": {"NAME": str(path.with_name("test.sqlite3"))},
    }


PREPARED: dict[str, object] = {"server_side_binding": True, "prepare_threshold": 2}
"""The server prepares a statement from its third use on: planning it at each use took a third of its time.

QSAVE_PREPARE=0 is for a pooler that shares connections between transactions and does not support prepared statements.
"""
PLANNING = "-c random_page_cost=1.1 -c jit=off"
"""PostgreSQL assumes a spinning disk, so it reads a whole table rather than 1,000 of its rows by an index. And it
compiles a query that seems expensive to it, which takes longer than the queries of this site do.

`?options=` of the address overrides this. QSAVE_PREPARE=0 leaves it out, because poolers refuse such options.
"""


def read_database(name: str, default: Path) -> Database:
    """Return the settings of the database that `name` points to, else of SQLite at `default`.

    It accepts postgresql://user:password@host:port/name (with ?host=/folder for a socket) and sqlite:///path.
    """
    value = read_text(name)
    if not value:
        return configure_sqlite(default)
    fix = f"Set {name} to postgresql://user:password@host:5432/name, or leave it out for SQLite."
    try:
        url = urlsplit(value)
        port = str(url.port or "")
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} cannot be read: {error}. {fix}") from error
    if url.scheme == "sqlite" and url.path.startswith("/") and not url.netloc:
        return configure_sqlite(Path(unquote(url.path)))
    if url.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(f"{name} begins with {url.scheme or 'nothing'!r}, which is not supported. {fix}")
    if not url.path.strip("/"):
        raise ImproperlyConfigured(f"{name} names no database. {fix}")
    options: dict[str, object] = dict(parse_qsl(url.query))
    if read_flag("QSAVE_PREPARE", default=True):
        options |= PREPARED
        options["options"] = f"{PLANNING} {options.get('options', '')}".strip()
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.strip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": str(options.pop("host", "") or unquote(url.hostname or "")),  # ?host=/folder is a socket
        "PORT": port,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


class Broker(TypedDict):
    """Celery's settings of the message broker."""

    url: str
    options: dict[str, object]


def read_broker(name: str, default: Path) -> Broker:
    """Return the settings of the broker that `name` points to, else those of files under `default`.

    It accepts redis://, rediss:// and file:///absolute/path.
    """
    value = read_text(name, f"file://{default}")
    url = urlsplit(value)
    if url.scheme in {"redis", "rediss"} and url.hostname:
        # Longer than any task: Redis delivers a message again after this time, even if a worker still runs it.
        return {"url": value, "options": {"visibility_timeout": 24 * 3600, "socket_connect_timeout": 5}}
    if url.scheme == "file" and url.path.startswith("/") and not url.netloc:
        return {"url": "qsave-files://localhost", "options": {"folder": unquote(url.path), "polling_interval": 0.1}}
    raise ImproperlyConfigured(
        f"{name} names a broker ({url.scheme or 'no scheme'}) that is not supported. "
        "Set it to redis://host:6379/0 or file:///folder, or leave it out."
    )
