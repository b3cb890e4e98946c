"""How the first person gets into a new site, and how somebody gets back in where no lead can help."""

import re
import subprocess
import sys
from datetime import timedelta
from io import StringIO

import pytest
from django.conf import settings as site_settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.models import AuditEntry, PasswordReset, Role, User
from tests.accounts.passwords import PASSWORD

TYPED = {"password": PASSWORD, "again": PASSWORD}


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def link_in(text: str) -> str:
    found = re.search(r"https?://[^/\s]+(/password/\S+)", text)
    assert found, text
    return found[1]


def test_the_first_page_of_an_empty_site_names_the_command(db: None, client: Client) -> None:
    page = client.get("/", follow=True).content.decode()
    assert "Nobody has an account yet" in page
    assert "manage.py add_person NAME --role engineer" in page
    assert "<form" not in page
    assert client.post("/sign-in", {"username": "x", "password": "y"}).status_code == 200
    assert not User.objects.exists()


def test_the_command_makes_a_person_who_sets_a_password_and_signs_in(db: None, client: Client) -> None:
    message = run("add_person", "Élodie", "--role", "engineer")
    link = link_in(message)
    assert "Nobody has an account" not in client.get("/sign-in").content.decode()
    assert client.get(link).status_code == 200
    assert client.post(link, TYPED).status_code == 302
    assert client.post(link, TYPED).status_code == 410, "it works once"
    assert client.post("/sign-in", {"username": "élodie", "password": PASSWORD}).status_code == 302
    person = User.objects.get()
    assert (person.username, person.role) == ("Élodie", Role.ENGINEER)
    assert client.get("/people").status_code == 200
    assert AuditEntry.objects.filter(action="user.created", actor=None).exists()


def test_the_link_of_the_command_expires_and_the_page_says_so_again(db: None, client: Client) -> None:
    link = link_in(run("add_person", "ada", "--role", "engineer"))
    PasswordReset.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(link).status_code == 410
    assert "Nobody has an account" in client.get("/sign-in").content.decode()
    with pytest.raises(CommandError, match=r"is taken.*For a new link: manage.py password_link ada"):
        run("add_person", "ada", "--role", "engineer")
    assert client.post(link_in(run("password_link", "ADA")), TYPED).status_code == 302


def test_guests_and_programs_are_not_the_first_person(db: None) -> None:
    services.create_user(actor=None, username="toy", password=None, is_simulated=True)
    services.create_user(actor=None, username="panel-1", password=None, is_guest=True)
    services.create_user(actor=None, username="loop", password=None, role=Role.ENGINEER)
    assert not services.has_people()
    services.create_user(actor=None, username="ada", password=PASSWORD)
    assert services.has_people()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["add_person", "\u200b"], "no visible letter"),
        (["password_link", "nobody"], "Nobody has the name nobody"),
        (["createsuperuser"], "manage.py add_person NAME --role engineer"),
        (["changepassword", "ada"], "manage.py password_link ada"),
    ],
)
def test_what_a_command_cannot_do_it_says(db: None, words: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*words)


def test_createsuperuser_answers_the_same_whatever_it_is_given() -> None:
    """In a process of its own: the command line sets Django up, which would close the handlers of pytest's logging."""
    command = [sys.executable, "manage.py", "createsuperuser", "--username", "root", "--noinput"]
    done = subprocess.run(command, cwd=site_settings.BASE_DIR, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "manage.py add_person NAME --role engineer" in done.stderr


def test_somebody_without_a_sign_in_gets_no_link(db: None) -> None:
    services.create_user(actor=None, username="toy", password=None, is_simulated=True)
    with pytest.raises(CommandError, match="cannot sign in"):
        run("password_link", "toy")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "http://127.0.0.1:8000/password/"),
        ({"PRODUCTION": True, "HTTPS": True, "ALLOWED_HOSTS": [".studio.example.org"]}, "https://studio.example.org/"),
        ({"PRODUCTION": True, "HTTPS": False, "ALLOWED_HOSTS": ["lab"]}, "http://lab/password/"),
        (
            {"CSRF_TRUSTED_ORIGINS": ["https://*.example.org", "https://rate.example.org:8443"]},
            "https://rate.example.org:8443/",
        ),
    ],
)
def test_the_link_leads_to_where_people_reach_the_site(
    db: None, monkeypatch: pytest.MonkeyPatch, given: dict[str, object], expected: str
) -> None:
    for name, value in given.items():
        monkeypatch.setattr(site_settings, name, value)
    assert f"\n{expected}" in run("add_person", "ada")
    assert "\nhttps://own.example/x/password/" in run("password_link", "ada", "--site", "https://own.example/x/")
