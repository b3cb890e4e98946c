"""The live server at rest: whoever empties its database must know that it is at work on nothing."""

import socket
import threading
from typing import TYPE_CHECKING

from tests.support.waiting import LIMIT_SECONDS, wait_until

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer


def rest(server: "LiveServer") -> None:
    """Wait until the server is at work on no request and has none in its queue."""
    with socket.create_connection((server.thread.host, server.thread.port), LIMIT_SECONDS) as last:
        last.shutdown(socket.SHUT_WR)
        last.recv(1)  # connections are taken in turn: when this one is ended, those before it have their threads
    wait_until(lambda: not requests_at_work(), what="the end of every request")


def requests_at_work() -> list[str]:
    """The live server's threads of requests, those counted that have not begun to run."""
    return [thread.name for thread in threading.enumerate() if thread.name.endswith("(process_request_thread)")]
