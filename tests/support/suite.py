"""The whole suite, as `make test` and `make test-long` run it.

First everything on SQLite and the file broker, then what touches the database once more, on PostgreSQL and Redis;
but not what is about looks alone.
"""

import argparse
import os
import subprocess
import sys
import time

from tests.support import browser, services

WORKERS = ["-n", "2", "--dist", "worksteal"]


def pytest(title: str, arguments: list[str], extra: dict[str, str]) -> bool:
    print(f"\n== {title}", flush=True)
    started = time.monotonic()
    code = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments], env={**os.environ, **extra}, check=False
    ).returncode
    print(f"== {title}: {'passed' if code == 0 else 'FAILED'} in {time.monotonic() - started:.0f} s", flush=True)
    return code == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="the tests marked long, one at a time")
    parser.add_argument("paths", nargs="*", help="only these")
    chosen = parser.parse_args()
    which, workers = ("long", []) if chosen.long else ("not long", WORKERS)
    own = {"QSAVE_CHROMIUM": browser.ensure()}
    embedded = pytest("SQLite and the file broker", ["-m", which, *workers, *chosen.paths], own)
    with services.postgres() as database, services.redis() as broker:
        servers = {"QSAVE_TEST_DATABASE_URL": database, "QSAVE_TEST_REDIS_URL": broker}
        on_servers = pytest(
            "PostgreSQL and Redis",
            ["-m", f"database and {which} and not looks", *workers, *chosen.paths],
            own | servers,
        )
    passed = embedded and on_servers
    print("\n== all passed" if passed else "\n== FAILED", flush=True)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
