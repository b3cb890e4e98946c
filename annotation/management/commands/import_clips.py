"""`manage.py import_clips MANIFEST --campaign NAME`, or a folder of videos or the address of a bucket in its place"""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from accounts.models import User
from annotation.campaigns.campaigns import create_campaign
from annotation.intake.archives import UploadRefused
from annotation.intake.bucket_manifests import prepare_bucket
from annotation.intake.buckets import SCHEME
from annotation.intake.clips import ImportOptions, import_manifest
from annotation.intake.folder_manifests import GeneratorMissing, Manifest, prepare_manifest
from annotation.intake.import_reading import write_rows
from annotation.intake.import_report import ImportReport
from annotation.management.leads import find_lead
from annotation.management.refused_rows import print_rows, write_file
from annotation.models import Campaign, ImportRow
from qsave.tables.table import TableError


class Command(BaseCommand):
    """Imports the clips of a manifest, or of a folder, into a campaign and prints why rows were refused."""

    help = (
        "Import the clips of a manifest (CSV, TSV, JSON, JSONL or Parquet, with the videos beside it), or of a folder "
        "without one: a folder per generator, each prompt in a text file beside its video or in the video's name. "
        "The folder may be in a bucket: s3://bucket/folder."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", metavar="MANIFEST_OR_FOLDER_OR_BUCKET")
        parser.add_argument("--campaign", required=True, help="the campaign's short name")
        parser.add_argument(
            "--videos", type=Path, metavar="ROOT", help="the folder of the videos, if they are not beside the manifest"
        )
        parser.add_argument(
            "--generator", default="", metavar="NAME", help="the generator of videos that are in no folder of a FOLDER"
        )
        parser.add_argument(
            "--workers", type=int, default=settings.IMPORT_WORKERS, metavar="N", help="processes; default: one a core"
        )
        parser.add_argument(
            "--apply-changes", action="store_true", help="give clips that exist already the values of their rows"
        )
        parser.add_argument(
            "--group-column",
            default="",
            metavar="COLUMN",
            help="make rows with the same value of this column one prompt group, such as prompt_id",
        )
        parser.add_argument("--refused", type=Path, metavar="FILE", help="write all refused rows to FILE, as CSV")
        parser.add_argument("--create", action="store_true", help="create the campaign if it does not exist")
        parser.add_argument("--as", dest="username", default="", help="the lead who imports; default: the first one")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = find_lead(options["username"])
        try:
            campaign = _find_campaign(actor, options["campaign"], create=options["create"])
            with self._open_manifest(options) as manifest:
                assert manifest.path is not None  # only archives hide it, and those are uploaded
                report = import_manifest(
                    actor=actor,
                    campaign=campaign,
                    manifest=manifest.path,
                    videos=manifest.videos,
                    options=ImportOptions(
                        workers=max(0, options["workers"]),
                        applies_changes=options["apply_changes"],
                        group_column=options["group_column"],
                        name=manifest.name,
                    ),
                    on_progress=self._print_progress,
                )
        except GeneratorMissing as error:
            raise CommandError(f"{error} The option for it is --generator.") from None
        except (TableError, UploadRefused, PermissionDenied, ValidationError) as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise CommandError(
                f"{reason}. The clips so far are in. Correct that, then run the command again: nothing is added twice."
            ) from error
        self._report(report, options["refused"])

    def _report(self, report: ImportReport, refused_file: Path | None) -> None:
        rows, State = report.clip_import.rows, ImportRow.State
        refused = rows.filter(state=State.REFUSED)
        if refused_file is not None:
            write_file(refused_file, write_rows(refused))
        are_all_named = [
            print_rows(self.stderr, "refused", refused),
            print_rows(self.stderr, "different from its clip", rows.filter(state=State.DIFFERS)),
            print_rows(self.stderr, "imported with a remark", rows.exclude(note=""), text="note"),
        ]
        if not all(are_all_named):
            page = reverse("clip-import", args=[report.clip_import.pk])
            self.stderr.write(f"The page {page} has all rows, and --refused FILE writes the refused ones to a file.")
        campaign = report.clip_import.campaign
        assert campaign is not None
        self.stdout.write(
            f"{report.added} added, {report.present} already present, {len(report.problems)} refused, "
            f"{report.changed} changed, {len(report.differing)} different; "
            f"{report.items} new in campaign {campaign.name}"
        )
        sizes = ", ".join(f"{split} {size.clips} of {size.groups}" for split, size in report.splits.items())
        self.stdout.write(
            f"The manifest has {report.groups} prompt groups; {report.bridges} of its clips bridge two splits. "
            f"Clips of prompt groups in campaign {campaign.name}: {sizes}."
        )
        if report.matched:
            self.stdout.write(f"Clips that got ratings made elsewhere, which had waited for them: {report.matched}.")
        for warning in report.warnings:
            self.stderr.write(f"Warning: {warning}")

    @contextmanager
    def _open_manifest(self, options: dict[str, Any]) -> Iterator[Manifest]:
        """Yield the manifest of the source; for a folder without one, it is written."""
        source, videos, generator = options["source"], options["videos"], options["generator"]
        if not _is_bucket(source) and not Path(source).is_dir():
            yield Manifest(Path(source).absolute(), _find_folder(videos) or "", Path(source).name)
            return
        if videos:
            raise CommandError("--videos goes with a manifest. A folder has its own videos: leave --videos out.")
        with TemporaryDirectory() as work_folder:
            table = _prepare_manifest(source, generator, Path(work_folder))
            for note in table.notes:
                self.stderr.write(note)
            yield table

    def _print_progress(self, share: float, message: str) -> None:
        if self.stdout.isatty():
            self.stdout.write(f"\r{share:4.0%} {message}", ending="")
            self.stdout.write("\n" if share >= 1 else "", ending="")


def _is_bucket(source: str) -> bool:
    return source.startswith(SCHEME)


def _prepare_manifest(source: str, generator: str, work_folder: Path) -> Manifest:
    """Return the manifest of a folder, or of an address of a bucket."""
    if _is_bucket(source):
        return prepare_bucket(source, work_folder, generator=generator)
    folder = Path(source).absolute()
    return prepare_manifest(folder, generator=generator, work_folder=work_folder, follow_links=True)


def _find_folder(root: Path | None) -> Path | None:
    if root is not None and not root.is_dir():
        raise CommandError(f"There is no folder {root}.")
    return root and root.absolute()


def _find_campaign(actor: User, name: str, *, create: bool) -> Campaign:
    campaign = Campaign.objects.filter(name=name).first()
    if campaign is None and create:
        return create_campaign(actor=actor, name=name, title=name.replace("-", " ").capitalize())
    if campaign is None:
        raise CommandError(f"There is no campaign {name!r}. Create it on its page, or add --create.")
    return campaign
