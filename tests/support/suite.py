"""The whole suite, as `make test` and `make test-long` run it.

The first half runs everything on SQLite and the file broker. The second half runs what touches the database again, on
PostgreSQL and Redis, but not what is about looks alone. At the end of its half each failed test runs once more, alone.
If it passes then, it is listed as FLAKY in the closing lines and the half passes.
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

WORKERS = ["-n", "2", "--dist", "worksteal"]
PASSED, SOME_FAILED = 0, 1
"""pytest's exit codes. Any other one says that the run itself broke."""


@dataclass(frozen=True, slots=True)
class Half:
    """What became of one half: whether it passed, and the tests that passed only when they ran again alone."""

    title: str
    passed: bool
    flaky: tuple[str, ...] = ()


def run_half(title: str, arguments: list[str], extra: dict[str, str]) -> Half:
    """Run pytest, then what failed once more, alone."""
    print(f"\n== {title}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="qsave-suite-") as cache:
        own_cache = ["-o", f"cache_dir={cache}"]
        code = run_pytest([*own_cache, *arguments], extra)
        failed = read_failed(Path(cache))
        flaky: tuple[str, ...] = ()
        if code == SOME_FAILED and failed:
            print(f"\n== {title}: {len(failed)} failed, and run once more, alone", flush=True)
            code = run_pytest([*own_cache, *arguments, "-n", "0", "--last-failed"], extra)
            flaky = tuple(sorted(failed - read_failed(Path(cache)))) if code in {PASSED, SOME_FAILED} else ()
    half = Half(title, code == PASSED, flaky)
    print(f"== {title}: {'passed' if half.passed else 'FAILED'} in {time.monotonic() - started:.0f} s", flush=True)
    return half


def run_pytest(arguments: list[str], extra: dict[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, env={**os.environ, **extra}, check=False).returncode


def read_failed(cache: Path) -> set[str]:
    """Return the ids of the tests that failed last, as pytest's cache holds them."""
    path = cache / "v" / "cache" / "lastfailed"
    return set(json.loads(path.read_text())) if path.exists() else set()


def report(halves: list[Half]) -> bool:
    """Print the closing lines; return whether all passed."""
    print()
    for half in halves:
        for test in half.flaky:
            print(f"FLAKY {test} ({half.title}): it failed, and passed when it ran again alone. Mend it first.")
    passed = all(half.passed for half in halves)
    print("== all passed" if passed else "== FAILED", flush=True)
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="the tests marked long, one at a time")
    parser.add_argument("paths", nargs="*", help="only these")
    chosen = parser.parse_args()
    which, workers = ("long", []) if chosen.long else ("not long", WORKERS)
    require(NEEDS)
    own = {"QSAVE_CHROMIUM": browser.CHROMIUM.ensure()}
    halves = [run_half("SQLite and the file broker", ["-m", which, *chosen.paths, *workers], own)]
    with services.postgres() as database, services.redis() as broker:
        servers = {"QSAVE_TEST_DATABASE_URL": database, "QSAVE_TEST_REDIS_URL": broker}
        again = ["-m", f"database and {which} and not looks", *chosen.paths, *workers]
        halves.append(run_half("PostgreSQL and Redis", again, own | servers))
    return 0 if report(halves) else 1


if __name__ == "__main__":
    sys.exit(main())
