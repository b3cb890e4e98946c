"""`manage.py release CAMPAIGN --name NAME`, and `manage.py release CAMPAIGN --preview`"""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Role, User
from accounts.names import fold_name
from annotation.models import Campaign
from datasets.option_fields import add_argument, read_policy
from datasets.services.card import render_alpha
from datasets.services.options import OPTIONS
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from datasets.services.preview import Preview, Steps, preview_release
from datasets.services.releases import build_release, locate_release
from operations.jobs import JobCancelledError


class Command(BaseCommand):
    """Freezes a campaign's ratings into a numbered release and prints the path of its folder, or previews it."""

    help = "Freeze a numbered release of a campaign, or preview it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", help="the campaign's short name")
        parser.add_argument("--name", default="", help="letters, digits, - and _; needed unless --preview is given")
        parser.add_argument(
            "--preview", action="store_true", help="print what the release would have and leave out, and write nothing"
        )
        for name in OPTIONS:
            add_argument(parser, name)
        parser.add_argument(
            "--as", dest="username", default="", help="the engineer who freezes it (default: the first engineer)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = Campaign.objects.filter(name=options["campaign"]).first()
        if campaign is None:
            raise CommandError(f"There is no campaign {options['campaign']!r}.")
        if not options["preview"] and not options["name"]:
            raise CommandError("A release needs a name: give one with --name, or look at it first with --preview.")
        try:
            policy = read_policy(options)
            if options["preview"]:
                self.stdout.write("\n".join(_describe_preview(preview_release(campaign, policy))))
            else:
                self._freeze(campaign, policy, options)
        except (ReleaseRefused, PermissionDenied) as error:
            raise CommandError(str(error)) from None
        except JobCancelledError:
            raise CommandError("The build was cancelled from the page of the release. Nothing is left of it.") from None

    def _freeze(self, campaign: Campaign, policy: ReleasePolicy, options: dict[str, Any]) -> None:
        actor = _find_engineer(options["username"])
        release = build_release(actor=actor, campaign=campaign, name=options["name"], policy=policy)
        clips = ", ".join(f"{count} {split}" for split, count in release.counts["clips"].items())
        self.stdout.write(f"release {release.number}: {clips}; {release.counts['excluded']} left out")
        for of, reasons in release.counts["left_out"].items():
            for reason, count in reasons.items():
                self.stdout.write(f"  {count} left out of {of}: {reason}")
        self.stdout.write(f"content hash {release.content_hash}")
        self.stdout.write(str(locate_release(release)))


def _describe_preview(preview: Preview) -> Iterator[str]:
    """Yield the lines of a preview."""
    yield from _describe_steps("clips of the campaign", preview.clips, "in the release")
    for split, size in preview.splits.items():
        yield f"  {split}: {size.clips} clips of {size.groups} prompt groups"
    yield from _describe_steps("ratings", preview.ratings, "counted")
    yield from _describe_steps("clips of the release", preview.sft, "with an sft row")
    yield from _describe_steps("sft rows of train", preview.cooldown, "in the cool-down")
    for axis, levels in preview.levels.items():
        yield f"targets of {axis} by level: " + ", ".join(f"{level}: {number}" for level, number in levels.items())
    for axis, figures in preview.agreement.items():
        yield f"agreement on {axis}: {render_alpha(figures)}"
    if preview.refusals:
        yield "This release would be refused:"
        yield from (f"  {sentence}" for sentence in preview.refusals)


def _describe_steps(what: str, steps: Steps, left: str) -> Iterator[str]:
    yield f"{steps.total} {what}"
    yield from (f"  - {number}: {reason}" for reason, number in steps.by_size)
    yield f"  = {steps.left} {left}"


def _find_engineer(username: str) -> User:
    engineers = User.objects.filter(is_active=True, role=Role.ENGINEER)
    engineer = engineers.filter(name_key=fold_name(username)).first() if username else engineers.order_by("pk").first()
    if engineer is None:
        reason = f"There is no active engineer called {username!r}." if username else "There is no active engineer yet."
        raise CommandError(f"{reason} Only an engineer freezes a release: name one with --as.")
    return engineer
