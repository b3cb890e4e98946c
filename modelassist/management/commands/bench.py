"""`make bench`: a few figures of this machine, each with what it stands against, in a folder of its own."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils import timezone

from modelassist.services import bench
from modelassist.services.own_folder import run_in


class Command(BaseCommand):
    """Measures frames, a GRPO step and the rating floor; ratios of one run, not absolute records."""

    help = "Measure decoding, a GRPO step, import, claim and submit, and release on this machine."
    requires_system_checks: list[str] = []  # noqa: RUF012  # Django's own signature

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workdir", type=Path, help="a new folder for everything; default var/bench/<time>")

    def handle(self, *args: Any, **options: Any) -> None:
        default = settings.BASE_DIR / "var" / "bench" / f"{timezone.now():%Y%m%d-%H%M%S}"
        folder = (options["workdir"] or default).resolve()
        run_in(folder, ["bench"])
        call_command("migrate", interactive=False, verbosity=0)
        self._show(bench.frames(folder))
        self._show(bench.shared_prefix(folder))
        for line in bench.rating_floor(folder):
            self._show(line)

    def _show(self, line: bench.Line) -> None:
        self.stdout.write(f"{line.what:<52} {line.figures}")
        self.stdout.flush()
