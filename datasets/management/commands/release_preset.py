"""`manage.py release_preset NUMBER NAME`"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from datasets.models import Release
from datasets.services.policy import ReleaseRefused
from datasets.services.presets import build_preset, locate_preset
from qsave.release.encoding import ReleaseError
from qsave.release.presets.catalogue import PRESETS


class Command(BaseCommand):
    """Writes a preset of a frozen release beside it and prints the lines that load it."""

    help = "Write a preset of a release for another trainer or loader."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", type=int, help="the number of the release")
        parser.add_argument("name", choices=PRESETS, help="the preset")

    def handle(self, *args: Any, **options: Any) -> None:
        release = Release.objects.filter(number=options["number"]).first()
        if release is None:
            raise CommandError(f"There is no release {options['number']}.")
        try:
            summary = build_preset(release, options["name"], progress=lambda share, message: None)
        except (ReleaseRefused, ReleaseError) as refusal:
            raise CommandError(str(refusal)) from None
        for name, count in summary["rows"].items():
            self.stdout.write(f"{count:>8}  {name}")
        folder = locate_preset(release, options["name"])
        self.stdout.write(PRESETS[options["name"]].render_lines(str(folder)))
