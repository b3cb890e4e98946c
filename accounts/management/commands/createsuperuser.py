"""Name the command to use instead of Django's."""

from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "There are no superusers here: add_person makes an engineer, who may do everything."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("options", nargs="*")

    def run_from_argv(self, argv: list[str]) -> None:
        super().run_from_argv(argv[:2])  # the answer does not depend on the options

    def handle(self, **_: Any) -> None:
        raise CommandError(
            "There are no superusers here; an engineer may do everything. "
            "Add one with: manage.py add_person NAME --role engineer"
        )
