"""`manage.py verify_release DIR`"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qsave.release.encoding import ReleaseError
from qsave.release.manifest import read_manifest, verify_release


class Command(BaseCommand):
    """Checks every byte of a release folder; ends with an error if one changed or the folder is not a release."""

    help = "Verify a release folder against its manifest."
    requires_system_checks: list[str] = []  # noqa: RUF012  # Django's own signature

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        try:
            manifest = read_manifest(folder)
        except ReleaseError as error:
            raise CommandError(str(error)) from None
        problems = verify_release(folder)
        if problems:
            raise CommandError("\n".join([f"{folder} changed since it was frozen:", *problems]))
        self.stdout.write(f"intact: {manifest['name']} #{manifest['number']}, {len(manifest['files'])} files")
        self.stdout.write(f"content hash {manifest['content_hash']}")
