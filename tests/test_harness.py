"""The private servers of the test suite end with it, however it ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.services import answers, find_postgres, find_redis
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[1]
HOLD = (
    "import sys; from tests.support.services import {0} as s\nwith s() as url: print(url, flush=True); sys.stdin.read()"
)


def hold(service: str) -> "subprocess.Popen[str]":
    environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}  # without the servers that this run was given
    command = [sys.executable, "-c", HOLD.format(service)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True)


@pytest.mark.parametrize("service", ["postgres", "redis"])
@pytest.mark.parametrize("end", ["told", "killed"])
def test_no_server_outlives_the_run_that_started_it(service: str, end: str) -> None:
    if not {"postgres": find_postgres, "redis": find_redis}[service]():
        pytest.skip(f"{service} is not installed: `make test` installs it where it may")
    holder = hold(service)
    assert holder.stdin is not None
    assert holder.stdout is not None
    port = int(holder.stdout.readline().rpartition(":")[2].partition("/")[0])
    assert answers(port)
    if end == "killed":
        holder.kill()
    holder.communicate()
    wait_until(lambda: not answers(port), what=f"the end of {service}")
