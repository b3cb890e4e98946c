"""A page as somebody who is signed in sees it: what axe-core says of it, and whether it fits its window."""

from collections.abc import Iterator
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page, ViewportSize

from accounts.models import User

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
WIDE: ViewportSize = {"width": 1366, "height": 768}
NARROW: ViewportSize = {"width": 390, "height": 844}


def sign_in(context: BrowserContext, user: User, url: str) -> None:
    """Sign somebody in without the page of signing in."""
    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": url}])


def stop_clock(page: Page) -> None:
    """Let no time pass on the page but what the test lets pass; its clock was installed before."""
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 1)


def violations(page: Page) -> list[dict[str, Any]]:
    """List the violations that axe-core finds; what passes stays in the browser, because it is much to carry over."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    entries: list[dict[str, Any]] = page.evaluate("rules => axe.run(rules).then(results => results.violations)", RULES)
    return entries


def list_misaligned_fields(page: Page, what: str) -> Iterator[str]:
    """List the fields whose control starts higher or lower than that of the others in their row of a form."""
    names: list[str] = page.evaluate(
        """() => [...document.querySelectorAll(".form-row")].flatMap(row => {
            const tops = new Map()
            return [...row.querySelectorAll(".field:not(.field-check)")].filter(field => {
                const control = field.querySelector("input, select, textarea")
                const [line, top] = [field, control].map(one => Math.round(one.getBoundingClientRect().top))
                if (!tops.has(line)) tops.set(line, top)
                return Math.abs(tops.get(line) - top) > 1
            }).map(field => field.querySelector("label").textContent.trim())
        })"""
    )
    yield from (f"{what}: the field {name} is out of line" for name in names)


def too_wide(page: Page, what: str) -> Iterator[str]:
    beyond = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    if beyond > 0:
        yield f"{what} is {beyond} pixels too wide"
