"""`manage.py add_critic NAME (--model FOLDER_OR_HUB_ID | --endpoint URL [--served-model NAME])`"""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Role, User
from accounts.names import fold_name
from modelassist.engine.models.folder import ModelError
from modelassist.kinds.endpoint.settings import PROMPTS, STRUCTURED, EndpointSettings, SettingsError
from modelassist.services.adding import CannotAdd, NewCritic, request_critic
from modelassist.services.critics import Papers
from operations import jobs
from operations.models import Job, JobState


class Command(BaseCommand):
    """Tries a critic in this process, shows what it answered, and stores it."""

    help = "Try a model folder, a hub id or an endpoint on a few clips, and add it as a critic."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="lower-case letters, digits and hyphens; the version is added")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--model", default="", help="a model folder, or a hub id")
        what.add_argument("--endpoint", default="", metavar="URL", help="an OpenAI-compatible server, with /v1")
        parser.add_argument(
            "--served-model", default="", help="the model's name on the server (default: the only one that it lists)"
        )
        parser.add_argument(
            "--prompt", choices=PROMPTS, default="general", help="critic: the served model is one that was trained here"
        )
        parser.add_argument(
            "--key", default="", help="name of the key in QSAVE_CRITIC_KEY_<name>; never the key itself"
        )
        parser.add_argument("--structured", choices=STRUCTURED, default="auto")
        parser.add_argument("--licence", default="", help="default: that of the folder's card")
        parser.add_argument("--as", dest="username", default="", help="the engineer (default: the first engineer)")

    def handle(self, *args: Any, **options: Any) -> None:
        job = self._request(options)
        done = jobs.run(job.pk)
        if done is None or done.state != JobState.DONE:
            raise CommandError(done.error if done else "Another worker tries this critic already.")
        for line in done.result["trial"]:
            self.stdout.write(f"{line['prompt']}: {_describe(line)}")
        self.stdout.write(f"added {done.result['critic']}")

    def _request(self, options: dict[str, Any]) -> Job:
        try:
            new = NewCritic(
                options["name"],
                model=options["model"],
                endpoint=_read_endpoint(options) if options["endpoint"] else None,
                papers=Papers(licence=options["licence"]),
            )
            return request_critic(actor=_find_engineer(options["username"]), new=new)
        except (ModelError, CannotAdd, SettingsError, PermissionDenied) as error:
            raise CommandError(str(error)) from None


def _read_endpoint(options: dict[str, Any]) -> EndpointSettings:
    return EndpointSettings(
        base_url=options["endpoint"],
        model=options["served_model"],
        key=options["key"],
        structured=options["structured"],
        prompt=options["prompt"],
    )


def _describe(line: dict[str, Any]) -> str:
    if line["error"]:
        return str(line["error"])
    parts = (line["proposal"] or {}).items()
    words = [
        f"{axis} {'-' if part['score'] is None else format(part['score'], '.1f')} ({_list_defects(part['evidence'])})"
        for axis, part in parts
    ]
    return "; ".join(words) or "nothing to propose"


def _list_defects(evidence: list[dict[str, Any]] | None) -> str:
    if evidence is None:
        return "nothing said of defects"
    return ", ".join(piece["defect"] for piece in evidence) or "no defect"


def _find_engineer(username: str) -> User:
    engineers = User.objects.filter(is_active=True, role=Role.ENGINEER)
    engineer = engineers.filter(name_key=fold_name(username)).first() if username else engineers.order_by("pk").first()
    if engineer is None:
        reason = f"There is no active engineer called {username!r}." if username else "There is no active engineer yet."
        raise CommandError(f"{reason} Only an engineer adds a critic: name one with --as.")
    return engineer
