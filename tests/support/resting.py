"""Wait for the live server to be idle: its database may only be emptied then."""

import socket
import threading
from typing import TYPE_CHECKING

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
