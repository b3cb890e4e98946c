"""Links to set a password, made by commands on the site's machine: for the first person and for those locked out."""

from datetime import datetime

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import CommandParser
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.models import User

DEVELOPMENT_SITE = "http://127.0.0.1:8000"


def add_site_argument(parser: CommandParser) -> None:
    parser.add_argument(
        "--site", default="", help="where people reach the site, for example https://studio.example.org"
    )


def make_password_link(user: User, site: str) -> str:
    """Return a sentence with a new link for `user`. Raises CommandError if they cannot sign in."""
    try:
        secret = services.start_password_reset(actor=None, user=user)
    except services.AccountError as refusal:
        raise CommandError(str(refusal)) from refusal
    until = _format_time(timezone.now() + services.RESET_LIFE)
    link = (site or guess_site()).rstrip("/") + reverse("set-password", args=[secret])
    return f"Send them this link to set a password. It works once, until {until}:\n{link}"


def guess_site() -> str:
    """Return the address of the site, as far as the settings say."""
    origins = [origin for origin in settings.CSRF_TRUSTED_ORIGINS if "*" not in origin]
    if origins:
        return str(origins[0])
    if not settings.PRODUCTION:
        return DEVELOPMENT_SITE
    return f"{'https' if settings.HTTPS else 'http'}://{settings.ALLOWED_HOSTS[0].lstrip('.')}"


def _format_time(moment: datetime) -> str:
    return moment.strftime("%d %B %Y, %H:%M UTC")
