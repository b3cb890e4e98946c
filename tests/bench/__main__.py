"""`make bench`: figures of this machine, each beside the one to compare it with; medians and ratios of one run.

The data is in a temporary folder and on a private PostgreSQL that ends with the run.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tests.support import services

PARTS = ("desk", "pages", "agreement", "releases", "frames", "detectors", "critics", "imports", "engine", "rooms")


def main() -> None:
    """Run the parts named on the command line, all of them by default."""
    chosen = sys.argv[1:] or list(PARTS)
    unknown = set(chosen) - set(PARTS)
    if unknown:
        sys.exit(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    with tempfile.TemporaryDirectory(prefix="qsave-bench-") as folder, services.postgres(durable=True) as database:
        os.environ |= {"QSAVE_VAR": folder, "DATABASE_URL": database, "OMP_NUM_THREADS": "1"}
        _set_up()
        for part in chosen:
            for line in _parts()[part](Path(folder)):
                print(line, flush=True)


def _set_up() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)


def _parts() -> dict[str, Callable[[Path], Iterable[str]]]:
    from tests.bench import detectors, frames, imports, measures, scoring

    return {
        "desk": _desk,
        "pages": _pages,
        "agreement": _agreement,
        "releases": _releases,
        "frames": frames.frames,
        "detectors": detectors.detectors,
        "critics": scoring.scoring,
        "imports": imports.imports,
        "engine": _engine,
        "rooms": measures.rooms,
    }


def _pages(folder: Path) -> Iterator[str]:
    """The pages of large campaigns, on PostgreSQL, then on SQLite."""
    from tests.bench import pages

    yield from pages.measure_all()
    yield from pages.measure_sqlite(folder)


def _agreement(folder: Path) -> Iterator[str]:
    from tests.bench import agreement

    yield from agreement.measure_all()


def _releases(folder: Path) -> Iterator[str]:
    from tests.bench import releases

    yield from releases.measure_all()


def _engine(folder: Path) -> Iterator[str]:
    import torch

    from tests.bench import drafting, measures, training

    torch.set_num_threads(1)
    yield measures.shared_prefix(folder)
    yield training.against_trl(folder)
    yield from drafting.side_by_side(folder)
    yield from drafting.direct(folder)


def _desk(folder: Path) -> list[str]:
    """Claim and submit over HTTP beside the same SQL bare, in turn."""
    import json

    from django.db import connection

    from tests.bench import desk, world

    made = world.make_world()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    connection.close()
    with desk.site(folder) as port:
        command = [sys.executable, "-m", "tests.bench.desk", str(port), made.campaign.name, made.done.name]
        process = subprocess.run(command, capture_output=True, text=True, check=False, cwd=desk.ROOT)
    if process.returncode:
        raise RuntimeError(process.stderr[-2000:])
    figures = {name: desk.Figures(*values) for name, values in json.loads(process.stdout).items()}
    floor = desk.bare(os.environ["DATABASE_URL"], made.copy.pk, made.raters)
    pairs, nothing = figures["pairs"], figures["nothing"]
    return [
        measures_line("claim + submit over HTTP, 8 raters", pairs),
        measures_line("the same SQL bare, 8 connections", floor) + f"; over HTTP {pairs.rate / floor.rate:.2f} of it",
        measures_line("told that nothing is left", nothing),
    ]


def measures_line(what: str, figures: "object") -> str:
    from tests.bench.desk import Figures

    assert isinstance(figures, Figures)
    return f"{what:<52} {figures.rate:.0f}/s, median {1000 * figures.median:.0f} ms, p95 {1000 * figures.p95:.0f} ms"


if __name__ == "__main__":
    main()
