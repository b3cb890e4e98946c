"""Start the whole site on this machine."""

import ipaddress
import shlex
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command, get_commands
from django.core.management.base import BaseCommand, CommandParser
from django.db import connections

from accounts.models import User
from accounts.services import has_people
from operations import demo_sign_ins, launcher


class Command(BaseCommand):
    help = "Start web and workers together, after migrating; on an empty database the demo is loaded first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback only)")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--no-demo", action="store_true", help="leave an empty database empty")

    def handle(self, *, host: str, port: int, no_demo: bool, **_: Any) -> None:
        pids = settings.VAR_DIR / "up.pids"
        refuse_if_taken(host, port, pids)
        call_command("migrate", interactive=False, verbosity=0)
        if not no_demo and "load_demo" in get_commands() and not User.objects.exists():
            call_command("load_demo")
        plan = launcher.Plan(host, port, str(pids), write_greeting(host, port))
        connections.close_all()
        launcher.become_launcher(plan)


def write_greeting(host: str, port: int) -> str:
    """Write what is printed once the site answers: its address, and on loopback the sign-ins of the demo."""
    url_host = f"[{host}]" if ":" in host else host
    lines = [f"\nQ-Save Studio runs at http://{url_host}:{port}{settings.PATH_PREFIX}/  (Ctrl-C ends it)"]
    if not has_people():
        program = f"{shlex.quote(sys.executable)} manage.py add_person"
        lines.append("  Nobody has an account yet. Add the first person with:")
        lines.append(f"  {program} NAME --role engineer --site http://{url_host}:{port}")
    if is_loopback(host):
        sign_ins = demo_sign_ins.read_sign_ins()
        lines += [f"  {sign_in.role:<10} {sign_in.username:<12} {sign_in.password}" for sign_in in sign_ins]
    return "\n".join(lines)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_if_taken(host: str, port: int, pids: Path) -> None:
    """Raise CommandError, which says how to free the port, if something listens there already."""
    old = launcher.find_left_over_groups(pids)
    if old:
        groups = " ".join(f"-{group}" for group in old)
        raise CommandError(
            "The site runs already: in another window, or left over from a start that was killed. "
            f"End it with: kill -- {groups}"
        )
    if launcher.is_listening(host, port):
        raise CommandError(
            f"Port {port} on {host} is in use by another program. Take another with: make run PORT={port + 1}; "
            f"or see who holds it with: ss -ltnp 'sport = :{port}'"
        )
