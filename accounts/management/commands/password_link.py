"""Print a link by which somebody sets a new password, if no lead can make one."""

from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand, CommandParser

from accounts.command_links import add_site_argument, make_password_link
from accounts.models import User


class Command(BaseCommand):
    help = "Print a link with which a person sets a new password. Earlier links of that person stop working."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the name that they sign in with")
        add_site_argument(parser)

    def handle(self, *, name: str, site: str, **_: Any) -> None:
        user = User.objects.named(name).first()
        if user is None:
            raise CommandError(f"Nobody has the name {name}. Add them with: manage.py add_person {name}")
        self.stdout.write(make_password_link(user, site))
