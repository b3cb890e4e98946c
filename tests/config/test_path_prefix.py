"""The whole site below a path of a host that has other sites: production settings, gunicorn, and a crawl."""

import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError

import pytest
from django.conf import settings
from django.db import connection

from accounts import services
from accounts.models import Role
from operations.launcher import build_web_command
from tests.annotation import factories
from tests.support import processes
from tests.support.services import find_free_port, is_listening
from tests.support.waiting import LIMIT_SECONDS, wait_until

PREFIX = "/studio"
PASSWORD = "seven grey herons"
MOST_PAGES = 60
ADDRESS = re.compile(r'\s(?:href|src|action|poster|hx-[a-z]+|data-[a-z-]+)="(/[^"]*)"')
LINK = re.compile(r'\shref="(/[^"#?]*)')


@dataclass
class Browser:
    """What a browser needs to sign in and to follow links."""

    host: str
    cookies: CookieJar = field(default_factory=CookieJar)

    def fetch(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, text and final path."""
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        try:
            with opener.open(self.host + path, data, timeout=LIMIT_SECONDS) as answer:
                text = answer.read().decode("utf-8", "replace")
                return answer.status, text, urllib.parse.urlsplit(answer.url).path
        except HTTPError as refusal:
            return refusal.code, refusal.read().decode("utf-8", "replace"), path

    def submit(self, path: str, **typed: str) -> tuple[int, str, str]:
        """Fill in the form of a page."""
        _, page, _ = self.fetch(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, page
        return self.fetch(path, {"csrfmiddlewaretoken": token[1], **typed})


@contextmanager
def production_site(tmp_path: Path) -> Iterator[Browser]:
    """gunicorn as docker/ starts it, with its static files collected."""
    port = find_free_port()
    given = {
        "QSAVE_ENV": "production",
        "QSAVE_SECRET_KEY": "k" * 40,
        "QSAVE_HOSTS": "127.0.0.1",
        "QSAVE_HTTPS": "0",
        "QSAVE_STATIC": str(tmp_path / "static"),
        "QSAVE_MEDIA": str(settings.MEDIA_ROOT),
        "SCRIPT_NAME": PREFIX,
    }
    collect = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity=0"]
    subprocess.run(collect, cwd=processes.ROOT, env=processes.environment(**given), check=True)
    log = tmp_path / "log"
    old = os.umask(0o022)
    try:
        with processes.python(*build_web_command("127.0.0.1", port)[1:], log=log, **given) as server:
            wait_until(lambda: is_listening(port) or server.poll() is not None, what="gunicorn")
            assert server.poll() is None, log.read_text()
            yield Browser(f"http://127.0.0.1:{port}")
            server.terminate()  # by itself, so that its workers let go of the database
            server.wait(timeout=LIMIT_SECONDS)
    finally:
        os.umask(old)


@pytest.mark.django_db(transaction=True)
def test_every_address_of_every_page_lies_below_the_prefix(tmp_path: Path) -> None:
    engineer = factories.make_user("ada", role=Role.ENGINEER)
    campaign = factories.make_campaign(2, actor=engineer)
    link = services.start_password_reset(actor=None, user=engineer)
    connection.close()
    with production_site(tmp_path) as browser:
        assert browser.fetch("/healthz")[0] >= 400
        assert browser.fetch(f"{PREFIX}/healthz")[0] == 200
        assert browser.fetch(f"{PREFIX}/account")[2] == f"{PREFIX}/sign-in"
        _, page, path = browser.submit(f"{PREFIX}/password/{link}", password=PASSWORD, again=PASSWORD)
        assert path == f"{PREFIX}/sign-in", page
        status, page, path = browser.submit(f"{PREFIX}/sign-in", username="ada", password=PASSWORD)
        assert (status, path) == (200, f"{PREFIX}/"), page
        assert {cookie.path for cookie in browser.cookies} == {f"{PREFIX}/"}
        pages, files = crawl(browser, f"{PREFIX}/")
        for path in (
            "account",
            "people",
            f"campaigns/{campaign.name}",
            f"rate/{campaign.name}/",
            "releases",
            "critics",
        ):
            assert f"{PREFIX}/{path}" in pages, sorted(pages)
        assert any(path.endswith(".css") for path in files)
        assert any(path.endswith(".js") for path in files)
        for path in files:
            assert browser.fetch(path)[0] == 200, path
        schema = browser.fetch(f"{PREFIX}/api/schema/")[1]
        assert "\n  /api/campaigns:" in schema
        assert f"\nservers:\n- url: {PREFIX}\n" in schema


def crawl(browser: Browser, start: str) -> tuple[set[str], set[str]]:
    """Follow the links from a page: the pages seen, and the static files that they name."""
    waiting, pages, files = [start], set[str](), set[str]()
    while waiting and len(pages) < MOST_PAGES:
        path = waiting.pop(0)
        if path in pages:
            continue
        pages.add(path)
        status, page, _ = browser.fetch(path)
        assert status == 200, f"{path}: {status}"
        outside = [address for address in ADDRESS.findall(page) if not address.startswith(f"{PREFIX}/")]
        assert not outside, f"{path} names {outside}"
        files |= {address for address in ADDRESS.findall(page) if address.startswith(f"{PREFIX}/static/")}
        links = {link for link in LINK.findall(page) if not link.startswith((f"{PREFIX}/static/", f"{PREFIX}/media/"))}
        waiting += sorted(links - pages)
    return pages, files
