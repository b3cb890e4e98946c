"""`manage.py import_ratings FILE --source NAME`"""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from annotation.judgements.importing import open_import, start_import
from annotation.judgements.running import mark_failed, run_import, write_refusals
from annotation.judgements.upkeep import delete_import
from annotation.management.leads import find_lead
from annotation.management.refused_rows import print_rows, write_file
from annotation.models import Campaign, JudgementImport
from qsave.parsing import parse_json
from qsave.tables.table import TableError


class Command(BaseCommand):
    """Imports ratings made elsewhere and prints why rows were refused. Importing a file again adds nothing."""

    help = "Import ratings made elsewhere: a table, an export of Label Studio, VideoScore2's items, or lines of scores."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--source", required=True, help="who judged, for example the name of a dataset")
        parser.add_argument("--mapping", type=Path, help="a JSON file that says which field is what; see --propose")
        parser.add_argument("--propose", action="store_true", help="print the proposed mapping and import nothing")
        parser.add_argument("--campaign", default="", help="the campaign whose defects labels are mapped to")
        parser.add_argument("--refused", type=Path, metavar="FILE", help="write all refused rows to FILE, as CSV")
        parser.add_argument("--as", dest="username", default="", help="the lead who imports; default: the first one")

    def handle(self, *args: Any, **options: Any) -> None:
        actor, campaign = find_lead(options["username"]), _find_campaign(options["campaign"])
        mapping = _read_mapping(options["mapping"])
        path, source = options["file"].absolute(), options["source"]
        try:
            opened = open_import(actor=actor, campaign=campaign, path=path, source=source)
        except (TableError, PermissionDenied) as error:
            raise CommandError(str(error)) from None
        mapping = (opened.mapping if mapping is None else mapping) | {"source": source}
        if options["propose"]:
            delete_import(actor=actor, judgement_import=opened)
            self.stdout.write(json.dumps(mapping, ensure_ascii=False, indent=2))
        else:
            self._report(_run(actor, opened, mapping), options["refused"])

    def _report(self, row: JudgementImport, refused_file: Path | None) -> None:
        if refused_file is not None:
            write_file(refused_file, write_refusals(row))
        if not print_rows(self.stderr, "refused", row.refusals.all()):
            self.stderr.write("--refused FILE writes all refused rows to a file.")
        for note in row.notes:
            self.stderr.write(note)
        self.stdout.write(
            f"{row.rows} rows: {row.added} judgements added, {row.present} stored already ({row.differing} of them "
            f"with another value), {row.refused} rows refused"
        )


def _run(actor: User, opened: JudgementImport, mapping: dict[str, Any]) -> JudgementImport:
    """Import by a mapping. A refused mapping leaves nothing; a damaged file leaves a failed import."""
    try:
        running = start_import(actor=actor, judgement_import=opened, mapping=mapping)
    except ValidationError as refusal:
        delete_import(actor=actor, judgement_import=opened)
        raise CommandError(" ".join(refusal.messages)) from None
    try:
        run_import(running)
    except TableError as error:
        mark_failed(running, str(error))
        raise CommandError(str(error)) from None
    return running


def _read_mapping(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        value = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} cannot be read as a mapping: {error}.") from None
    if not isinstance(value, dict):
        raise CommandError(f"{path} cannot be read as a mapping: it must be one JSON object.")
    return value


def _find_campaign(name: str) -> Campaign | None:
    campaign = Campaign.objects.filter(name=name).first() if name else None
    if name and campaign is None:
        raise CommandError(f"There is no campaign {name!r}.")
    return campaign
