"""Wait for what still uses a database: requests before it is emptied, and sessions before it is dropped."""

import socket
import threading
from typing import TYPE_CHECKING

from django.db import connection

from tests.support.waiting import LIMIT_SECONDS, wait_until

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer


def wait_until_idle(server: "LiveServer") -> None:
    """Wait until the server works on no request and has none in its queue."""
    with socket.create_connection((server.thread.host, server.thread.port), LIMIT_SECONDS) as last:
        last.shutdown(socket.SHUT_WR)
        last.recv(1)  # connections are accepted in order: when this one ends, all earlier ones have their threads
    wait_until(lambda: not list_request_threads(), what="the end of every request")


def list_request_threads() -> list[str]:
    """List the live server's request threads, also those that have not begun to run."""
    return [thread.name for thread in threading.enumerate() if thread.name.endswith("(process_request_thread)")]


def wait_until_unused() -> None:
    """Wait until no other session uses the database: PostgreSQL drops it only then. Fail with what they do."""
    if connection.vendor != "postgresql":
        return
    try:
        wait_until(lambda: not list_other_sessions(), what="the end of other sessions")
    except AssertionError as error:
        raise AssertionError(f"Other sessions still use the database: {list_other_sessions()}") from error


def list_other_sessions() -> list[tuple[str, str, str]]:
    """List the other sessions in the database: the kind of process, its state, and its last statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT backend_type, COALESCE(state, ''), COALESCE(query, '') FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return [(kind, state, query) for kind, state, query in cursor.fetchall()]
