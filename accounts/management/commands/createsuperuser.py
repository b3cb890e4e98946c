"""Say what to use instead of Django's command."""

from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "There are no superusers here: add_person makes an engineer, who may do everything."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("given", nargs="*")

    def run_from_argv(self, argv: list[str]) -> None:
        super().run_from_argv(argv[:2])  # whatever options Django's command takes, the answer is the same

    def handle(self, **_: Any) -> None:
        raise CommandError(
            "There are no superusers here; an engineer may do everything. "
            "Add one with: manage.py add_person NAME --role engineer"
        )
