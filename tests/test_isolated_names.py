"""Names that people chose keep their own direction in every sentence that Python fills in.

`_("%(user)s can sign in again.") % {"user": isolate(user)}`: a value is the site's own word, or it is isolated.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from accounts.models import Role, User
from annotation.raters.members import MemberRefused, add_member
from qsave.words import isolate
from tests.annotation.factories import make_campaign, make_user

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("accounts", "annotation", "config", "datasets", "modelassist", "operations", "qsave")
OURS = {
    "action", "allowed", "answers", "asked", "axes", "axis", "best", "bound", "bridges", "chosen", "clips", "count",
    "counts", "days", "done", "duration", "end", "error", "figure", "figures", "first", "format", "given", "group",
    "groups", "header", "height", "high", "item_id", "largest", "last", "least", "left", "line", "low", "marks", "mean",
    "middle", "minutes", "more", "most", "n", "number", "offset", "pace", "present", "problem", "proposing", "quota",
    "rated", "read", "readable", "reason", "requested", "role", "roles", "run", "seats", "seconds", "share", "shown",
    "silent", "size", "slots", "split", "spread", "start", "state", "thin", "total", "unreadable", "uses", "usual",
    "values", "version", "wanted", "ways", "whom", "why", "width", "worst", "written",
}  # fmt: skip
"""Keys of values that the site itself writes: figures, states, roles, sentences. Add a new one here, or isolate it."""
OWN_FIELDS = {("annotation/rating/desk_form.py", "name")}
"""Keys of values that are field names in the site's own forms, by file."""
ARABIC, MARKUP, LONG = "مريم (2)", "<b>x</b>", "o" * 120


def find_plain_values(source: str) -> Iterator[str]:
    """Yield the keys of the values that fill in a sentence and are not isolated."""
    isolated = {
        target.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assign) and "isolate" in ast.unparse(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.right, ast.Dict):
            for key, value in zip(node.right.keys, node.right.values, strict=True):
                words = ast.unparse(value)
                if (
                    isinstance(key, ast.Constant)
                    and "isolate(" not in words
                    and not isolated & {*re.findall(r"\w+", words)}
                ):
                    yield str(key.value)


def test_a_value_that_is_not_isolated_is_found() -> None:
    assert list(find_plain_values('_("%(user)s is in.") % {"user": user, "n": 2, "lead": isolate(lead)}')) == [
        "user",
        "n",
    ]
    assert list(find_plain_values('names = map(isolate, x)\n_("%(names)s") % {"names": names}')) == []


def test_every_name_in_a_sentence_is_isolated() -> None:
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "engine" not in path.parts]
    keys = [
        (str(path.relative_to(ROOT)), key)
        for path in files
        for key in find_plain_values(path.read_text())
        if key not in OURS
    ]
    assert sorted(set(keys) - OWN_FIELDS) == []


def test_a_page_title_isolates_names() -> None:
    titles = {
        path.name: re.findall(r"{{ ([^}]*) }}", title.group(1))
        for path in (ROOT / "templates").rglob("*.html")
        if (title := re.search(r"{% block title %}(.*?){% endblock %}", path.read_text()))
        and "|isolate" not in title.group(1)
    }
    assert {name: values for name, values in titles.items() if values} == {"run.html": ["number"]}


@pytest.mark.parametrize("name", [ARABIC, MARKUP, LONG])
@pytest.mark.django_db
def test_a_message_isolates_and_escapes_a_name(client: Client, name: str) -> None:
    person = make_user("somebody", display_name=name)
    client.force_login(make_user(role=Role.LEAD))
    page = client.post(f"/people/{person.pk}/deactivate", follow=True).content.decode()
    shown = name.replace("<", "&lt;").replace(">", "&gt;")
    assert f"{isolate(shown)} can no longer sign in." in page
    assert MARKUP not in page


@pytest.mark.django_db
def test_a_refusal_isolates_a_name() -> None:
    lead: User = make_user(role=Role.LEAD)
    with pytest.raises(MemberRefused, match=f"the name {re.escape(isolate(ARABIC))}[.]"):
        add_member(actor=lead, campaign=make_campaign(), username=ARABIC)
