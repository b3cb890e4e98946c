"""Calls that begin at the same moment, each in a thread with its own database connection."""

import threading
from collections.abc import Callable
from typing import TypeVar

from django.db import connection

from tests.support.waiting import LIMIT_SECONDS

T = TypeVar("T")


def run_at_once(*calls: Callable[[], T]) -> list[T | Exception]:
    """Begin all calls together; return what each returned or raised."""
    barrier = threading.Barrier(len(calls))
    outcomes: dict[int, T | Exception] = {}

    def run(number: int, call: Callable[[], T]) -> None:
        barrier.wait(timeout=LIMIT_SECONDS)
        try:
            outcomes[number] = call()
        except Exception as error:  # noqa: BLE001  # the test checks it
            outcomes[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=LIMIT_SECONDS)
    return [outcomes[number] for number in range(len(calls))]
