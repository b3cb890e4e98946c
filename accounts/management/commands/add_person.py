"""Add a person and print the link by which they set their password."""

from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from accounts import services
from accounts.command_links import add_site_argument, make_password_link
from accounts.models import Role, User


class Command(BaseCommand):
    help = "Add a person and print a link by which they set their password. Makes the first person of a new site."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the name to sign in with")
        parser.add_argument("--role", choices=Role.values, default=Role.ANNOTATOR.value)
        parser.add_argument("--display-name", default="", help="the name that others see")
        add_site_argument(parser)

    @transaction.atomic
    def handle(self, *, name: str, role: str, display_name: str, site: str, **_: Any) -> None:
        try:
            user = services.create_user(
                actor=None, username=name, password=None, role=Role(role), display_name=display_name
            )
        except services.AccountError as refusal:
            advice = f" For a new link: manage.py password_link {name}" if User.objects.named(name).exists() else ""
            raise CommandError(f"{refusal}{advice}") from refusal
        link = make_password_link(user, site)
        self.stdout.write(f"{user.username} has an account with the role {role}. {link}")
