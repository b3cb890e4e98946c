"""PostgreSQL and Redis for the tests: those of the environment, else private ones that end with this process.

Private servers listen on loopback, keep their files in a temporary folder and are children of this process: the kernel
ends them when it dies, in whatever way. PostgreSQL will not run as root, so root starts it as another user.
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
FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]  # a crash of the machine may lose test data


def free_port() -> int:
    """A port of loopback that nobody has, for a server that is started next.

    It lies below those that Linux gives out by itself, so that no connection and no other server gets it meanwhile.
    The choice is not that of `random`, whose seed test processes may share.
    """
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def find_postgres() -> str | None:
    """The folder of PostgreSQL's programs; Debian keeps them off PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    candidates = [*map(str, folders), *([str(Path(on_path).resolve().parent)] if on_path else [])]
    return next((folder for folder in candidates if Path(folder, "initdb").exists()), None)


def find_redis() -> str | None:
    return shutil.which("redis-server")


POSTGRES = Need("postgresql", find_postgres, "QSAVE_TEST_DATABASE_URL")
REDIS = Need("redis-server", find_redis, "QSAVE_TEST_REDIS_URL")


def unprivileged() -> list[str]:
    """The words before a command that take root's rights away; none for other users."""
    if os.geteuid() != 0:
        return []
    known = {user.pw_name for user in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in known else "nobody")
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + allow(START_SECONDS)
    while not ready():
        if process.poll() is not None or time.monotonic() > limit:
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def server(command: list[str], folder: Path, ready: Callable[[], bool], stop_signal: str) -> Iterator[None]:
    """Run `command` while the body runs. setpriv has the kernel send `stop_signal` if this process dies first."""
    log = folder / "log"
    rights = unprivileged() or ["setpriv"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*rights, f"--pdeathsig={stop_signal}", *command], cwd=folder, stdout=output, stderr=output
        )
    try:
        wait_until(ready, process, log)
        yield
    finally:
        process.terminate() if stop_signal == "TERM" else process.send_signal(2)
        process.wait(timeout=allow(30))


@contextmanager
def own_folder() -> Iterator[Path]:
    """A temporary folder that the unprivileged user may enter and write."""
    folder = Path(tempfile.mkdtemp(prefix="qsave-service-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, int(unprivileged()[1].partition("=")[2]))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[str]:
    """The address of a PostgreSQL database that the tests may use as they like; `durable` as in production."""
    given = os.environ.get("QSAVE_TEST_DATABASE_URL")
    if given:
        yield given
        return
    programs = POSTGRES.ensure()
    with own_folder() as folder:
        password, port = secrets.token_hex(16), free_port()
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
            [*unprivileged(), f"{programs}/initdb", *initialise], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        options = [word for setting in ([] if durable else FAST) for word in ("-c", setting)]
        listen = ["-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
        command = [f"{programs}/postgres", "-D", "data", *listen, *options]
        ready = [f"{programs}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        with server(command, folder, lambda: subprocess.run(ready, check=False).returncode == 0, "INT"):
            yield f"postgresql://qsave:{password}@127.0.0.1:{port}/postgres"


@contextmanager
def redis() -> Iterator[str]:
    """The address of a Redis that the tests may use as they like."""
    given = os.environ.get("QSAVE_TEST_REDIS_URL")
    if given:
        yield given
        return
    program = REDIS.ensure()
    with own_folder() as folder:
        port = free_port()
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with server(command, folder, lambda: answers(port), "TERM"):
            yield f"redis://127.0.0.1:{port}/0"
