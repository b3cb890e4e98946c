"""`manage.py release CAMPAIGN --name NAME`"""

from argparse import ArgumentParser
from typing import Any, get_args

from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Role, User
from accounts.names import fold_name
from annotation.models import Campaign
from datasets.services.options import MediaPolicy, TargetPolicy
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from datasets.services.releases import build_release, locate_release
from qsave.splits import LEAST_CLIPS, LEAST_GROUPS


class Command(BaseCommand):
    """Freezes a campaign's ratings into a numbered release and prints the path of its folder."""

    help = "Freeze a numbered release of a campaign."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", help="the campaign's short name")
        parser.add_argument("--name", required=True, help="letters, digits, - and _")
        parser.add_argument("--policy", choices=get_args(TargetPolicy), default="mean", help="how targets are made")
        parser.add_argument(
            "--media", choices=get_args(MediaPolicy), default="copy", help="whether the release contains the clips"
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument(
            "--unedited-drafts", action="store_true", help="train on drafts that raters accepted unedited"
        )
        parser.add_argument(
            "--allow-small-splits",
            action="store_true",
            help=f"freeze it even if val or test has fewer than {LEAST_CLIPS} clips or {LEAST_GROUPS} prompt groups",
        )
        parser.add_argument(
            "--imported-source",
            action="append",
            default=[],
            metavar="NAME",
            help="add the ratings that this source made elsewhere, in a file of their own; may be given several times",
        )
        parser.add_argument(
            "--as", dest="username", default="", help="the engineer who freezes it (default: the first engineer)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = Campaign.objects.filter(name=options["campaign"]).first()
        if campaign is None:
            raise CommandError(f"There is no campaign {options['campaign']!r}.")
        try:
            release = build_release(
                actor=_find_engineer(options["username"]),
                campaign=campaign,
                name=options["name"],
                policy=ReleasePolicy(
                    target=options["policy"],
                    media=options["media"],
                    seed=options["seed"],
                    unedited_drafts=options["unedited_drafts"],
                    allow_small_splits=options["allow_small_splits"],
                    imported_sources=tuple(options["imported_source"]),
                ),
            )
        except (ReleaseRefused, PermissionDenied) as error:
            raise CommandError(str(error)) from None
        clips = ", ".join(f"{count} {split}" for split, count in release.counts["clips"].items())
        self.stdout.write(f"release {release.number}: {clips}; {release.counts['excluded']} left out")
        for of, reasons in release.counts["left_out"].items():
            for reason, count in reasons.items():
                self.stdout.write(f"  {count} left out of {of}: {reason}")
        self.stdout.write(f"content hash {release.content_hash}")
        self.stdout.write(str(locate_release(release)))


def _find_engineer(username: str) -> User:
    engineers = User.objects.filter(is_active=True, role=Role.ENGINEER)
    engineer = engineers.filter(name_key=fold_name(username)).first() if username else engineers.order_by("pk").first()
    if engineer is None:
        reason = f"There is no active engineer called {username!r}." if username else "There is no active engineer yet."
        raise CommandError(f"{reason} Only an engineer freezes a release: name one with --as.")
    return engineer
