"""Name the command to use instead of Django's, which would leave a person's sessions and tokens open."""

from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "Nobody sets another person's password: password_link prints a link by which they set it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", default="NAME")

    def handle(self, *, name: str, **_: Any) -> None:
        raise CommandError(
            "Nobody sets another person's password here. "
            f"Print a link by which they set it with: manage.py password_link {name}"
        )
