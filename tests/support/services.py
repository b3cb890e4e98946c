"""PostgreSQL and Redis for the tests: the servers of the environment, or private ones that end with this process.

Private servers listen on loopback and keep their files in a temporary folder. The kernel ends them when this process
ends, however it ends. PostgreSQL refuses to run as root, so root starts it as another user.
"""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.debian import Need
from tests.support.speed import allow

START_SECONDS = 60
PORTS = range(12_000, 32_000)
FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"]
"""A crash of the machine may lose test data. Statistics of the empty tables between two tests would mislead plans."""


def find_free_port() -> int:
    """Find a free port on loopback for a server that starts next.

    It is below the ports that Linux assigns by itself, so that no connection takes it in the meantime. `secrets` draws
    it, because test processes may share the seed of `random`.
    """
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def find_postgres() -> str | None:
    """Return the folder of PostgreSQL's programs; Debian does not put them on PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    candidates = [*map(str, folders), *([str(Path(on_path).resolve().parent)] if on_path else [])]
    return next((folder for folder in candidates if Path(folder, "initdb").exists()), None)


def find_redis() -> str | None:
    return shutil.which("redis-server")


POSTGRES = Need("postgresql", find_postgres, "QSAVE_TEST_DATABASE_URL")
REDIS = Need("redis-server", find_redis, "QSAVE_TEST_REDIS_URL")


def drop_root() -> list[str]:
    """Return the start of a command that drops root's rights; empty for other users."""
    if os.geteuid() != 0:
        return []
    known = {user.pw_name for user in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in known else "nobody")
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def wait_for_start(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + allow(START_SECONDS)
    while not ready():
        if process.poll() is not None or time.monotonic() > limit:
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def run_server(command: list[str], folder: Path, ready: Callable[[], bool], stop_signal: str) -> Iterator[None]:
    """Run `command` while the body runs. The kernel sends it `stop_signal` if this process dies first (setpriv)."""
    log = folder / "log"
    rights = drop_root() or ["setpriv"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*rights, f"--pdeathsig={stop_signal}", *command], cwd=folder, stdout=output, stderr=output
        )
    try:
        wait_for_start(ready, process, log)
        yield
    finally:
        process.terminate() if stop_signal == "TERM" else process.send_signal(2)
        process.wait(timeout=allow(30))


@contextmanager
def make_own_folder() -> Iterator[Path]:
    """Make a temporary folder that the unprivileged user may write to."""
    folder = Path(tempfile.mkdtemp(prefix="qsave-service-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, int(drop_root()[1].partition("=")[2]))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[str]:
    """Yield the address of a PostgreSQL database for the tests; `durable` keeps fsync on, as in production."""
    given = os.environ.get("QSAVE_TEST_DATABASE_URL")
    if given:
        yield given
        return
    programs = POSTGRES.ensure()
    with make_own_folder() as folder:
        password, port = secrets.token_hex(16), find_free_port()
        secret = folder / "password"
        secret.write_text(password)
        secret.chmod(0o644)
        initialise = [
            "-D",
            "data",
            "-U",
            "qsave",
            "-A",
            "scram-sha-256",
            "--pwfile=password",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        ]
        subprocess.run(
            [*drop_root(), f"{programs}/initdb", *initialise], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        options = [word for setting in ([] if durable else FAST) for word in ("-c", setting)]
        listen = ["-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
        command = [f"{programs}/postgres", "-D", "data", *listen, *options]
        ready = [f"{programs}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        with run_server(command, folder, lambda: subprocess.run(ready, check=False).returncode == 0, "INT"):
            yield f"postgresql://qsave:{password}@127.0.0.1:{port}/postgres"


@contextmanager
def redis() -> Iterator[str]:
    """Yield the address of a Redis for the tests."""
    given = os.environ.get("QSAVE_TEST_REDIS_URL")
    if given:
        yield given
        return
    program = REDIS.ensure()
    with make_own_folder() as folder:
        port = find_free_port()
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with run_server(command, folder, lambda: is_listening(port), "TERM"):
            yield f"redis://127.0.0.1:{port}/0"
