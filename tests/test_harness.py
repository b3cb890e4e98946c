"""The servers of the test suite: private ones end with it, however it ends, and the live one becomes idle."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from tests.support.resting import list_other_sessions, list_request_threads, wait_until_idle
from tests.support.services import find_postgres, find_redis, is_listening
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

ROOT = Path(__file__).resolve().parents[1]
HOLDER = (
    "import sys; from tests.support.services import {0} as s\nwith s() as url: print(url, flush=True); sys.stdin.read()"
)


def start_holder(service: str) -> "subprocess.Popen[str]":
    given = ("QSAVE_TEST_DATABASE_URL", "QSAVE_TEST_REDIS_URL")
    environment = {name: value for name, value in os.environ.items() if name not in given}
    command = [sys.executable, "-c", HOLDER.format(service)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True)


@pytest.mark.parametrize("service", ["postgres", "redis"])
@pytest.mark.parametrize("end", ["closed", "killed"])
def test_no_server_outlives_the_run_that_started_it(service: str, end: str) -> None:
    if not {"postgres": find_postgres, "redis": find_redis}[service]():
        pytest.skip(f"{service} is not installed. `make test` installs it if it may.")
    holder = start_holder(service)
    assert holder.stdin is not None
    assert holder.stdout is not None
    port = int(holder.stdout.readline().rpartition(":")[2].partition("/")[0])
    assert is_listening(port)
    if end == "killed":
        holder.kill()
    holder.communicate()
    wait_until(lambda: not is_listening(port), what=f"the end of {service}")


def test_the_live_server_is_idle_after_it_has_accepted_every_waiting_connection(
    live_server: "LiveServer", monkeypatch: pytest.MonkeyPatch
) -> None:
    server, accepted = live_server.thread.httpd, []
    process = server.process_request

    def note(request: socket.socket, address: object) -> None:
        accepted.append(address)
        process(request, address)

    monkeypatch.setattr(server, "process_request", note)
    sent = []
    for _ in range(20):
        with socket.create_connection((live_server.thread.host, live_server.thread.port)) as connection:
            connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            sent.append(connection.getsockname())
    wait_until_idle(live_server)
    assert list_request_threads() == []
    assert accepted[: len(sent)] == sent


@pytest.mark.django_db(transaction=True)
def test_another_session_in_the_database_is_found_before_the_drop() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no sessions")
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT 'who is this'")
    session = ("client backend", "idle", "SELECT 'who is this'")
    assert session in list_other_sessions()
    other.close()
    wait_until(lambda: session not in list_other_sessions(), what="the end of the other session")
