"""Run the whole suite, as `make test` and `make test-long` do.

The first half runs all tests on SQLite and the file broker. The second half runs the tests that use the database again,
on PostgreSQL and Redis. Browser tests do not run again, except those marked `concurrent`: the queries of a page are
those of its view, whose own tests run on both databases.

Failed tests run again at the end of their half, one at a time. A test that passes then is listed as FLAKY, and its half
passes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support import browser, services
from tests.support.debian import require
from tests.support.needs import NEEDS

WORKERS, WORKERS_BESIDE_SERVERS = (["-n", count, "--dist", "worksteal"] for count in ("3", "2"))
"""Processes on two cores. Tests wait for browsers two fifths of their time, which PostgreSQL and Redis use."""
AGAIN = "database and (not browser or concurrent)"
"""The tests that the second half runs."""
PASSED, SOME_FAILED = 0, 1
"""pytest's exit codes. Any other code means that the run itself failed."""


@dataclass(frozen=True, slots=True)
class Half:
    """The result of one half, with the tests that passed only when they ran again."""

    title: str
    passed: bool
    flaky: tuple[str, ...] = ()


def run_half(title: str, arguments: list[str], extra: dict[str, str]) -> Half:
    """Run pytest, then run the failed tests again, one at a time."""
    print(f"\n== {title}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="qsave-suite-") as cache:
        own_cache = ["-o", f"cache_dir={cache}"]
        code = run_pytest([*own_cache, *arguments], extra)
        failed = read_failed(Path(cache))
        flaky: tuple[str, ...] = ()
        if code == SOME_FAILED and failed:
            print(f"\n== {title}: {len(failed)} failed tests run again, one at a time", flush=True)
            code = run_pytest([*own_cache, *arguments, "-n", "0", "--last-failed"], extra)
            flaky = tuple(sorted(failed - read_failed(Path(cache)))) if code in {PASSED, SOME_FAILED} else ()
    half = Half(title, code == PASSED, flaky)
    print(f"== {title}: {'passed' if half.passed else 'FAILED'} in {time.monotonic() - started:.0f} s", flush=True)
    return half


def run_pytest(arguments: list[str], extra: dict[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, env={**os.environ, **extra}, check=False).returncode


def read_failed(cache: Path) -> set[str]:
    """Read the ids of the tests that failed last from pytest's cache."""
    path = cache / "v" / "cache" / "lastfailed"
    return set(json.loads(path.read_text())) if path.exists() else set()


def report(halves: list[Half]) -> bool:
    """Print the closing lines; return whether all halves passed."""
    print()
    for half in halves:
        for test in half.flaky:
            print(f"FLAKY {test} ({half.title}): it failed, then passed when it ran again alone. Fix it first.")
    passed = all(half.passed for half in halves)
    print("== all passed" if passed else "== FAILED", flush=True)
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="run the tests that are marked long, one at a time")
    parser.add_argument("paths", nargs="*", help="run only the tests in these paths")
    chosen = parser.parse_args()
    which, workers, beside_servers = ("long", [], []) if chosen.long else ("not long", WORKERS, WORKERS_BESIDE_SERVERS)
    require(NEEDS)
    own = {"QSAVE_CHROMIUM": browser.CHROMIUM.ensure()}
    halves = [run_half("SQLite and the file broker", ["-m", which, *chosen.paths, *workers], own)]
    with services.postgres() as database, services.redis() as broker:
        servers = {"QSAVE_TEST_DATABASE_URL": database, "QSAVE_TEST_REDIS_URL": broker}
        again = ["-m", f"{AGAIN} and {which}", *chosen.paths, *beside_servers]
        halves.append(run_half("PostgreSQL and Redis", again, own | servers))
    return 0 if report(halves) else 1


if __name__ == "__main__":
    sys.exit(main())
