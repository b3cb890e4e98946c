"""Every text on a page is marked for translation: in templates, in scripts, and in Python."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.template.base import Lexer, TokenType
from django.test import Client

if TYPE_CHECKING:
    from pytest_django import Settings

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = ROOT / "templates"
SHOWN = {"title", "alt", "aria-label", "aria-description", "placeholder"}
CODE = {"code", "kbd", "script", "style"}
"""Elements whose text is the same in every language."""
STUDIO = "Q-Save Studio"
CLASSES = {"block main_class"}
"""Blocks that fill a class, not the page."""
NAMES_OF_PARTS = {"id", "kind", "name", "state", "axis", "query"}
"""What an `include` hands on that nobody reads."""

_SENTENCE = re.compile(r"[A-Z][a-z]+:? ([a-z$]|$)|[a-z]{2,} [a-z]{2,} [a-z]{2,}")
_WORD = re.compile(r"[^\W\d_]{2,}")
_HANDED_ON = re.compile(r"""(\w+)=(["'])(.*?)\2""")
_FALLBACK = re.compile(r"""\|(?:default|default_if_none|yesno):(["'])(.*?)\1""")


class ShownText(HTMLParser):
    """Collects what a reader sees or hears of a piece of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_code += tag in CODE
        given = dict(attrs)
        shown = [value for name, value in attrs if name in SHOWN or (name.startswith("data-") and " " in (value or ""))]
        if tag == "input" and given.get("type") in ("submit", "button", "reset"):
            shown.append(given.get("value"))
        for value in shown:
            self._keep(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._in_code -= tag in CODE

    def handle_data(self, data: str) -> None:
        if not self._in_code:
            self._keep(data)

    def _keep(self, text: str) -> None:
        if _WORD.search(text.replace(STUDIO, "")):
            self.found.append(" ".join(text.split()))


def unmarked(source: str) -> list[str]:
    """The words of a template that no translator would be given."""
    html, found, hidden = "", [], ""
    for token in Lexer(source).tokenize():
        name = token.contents.split(" ", 1)[0]
        if hidden:
            hidden = "" if name == hidden else hidden
        elif token.token_type == TokenType.BLOCK and name in ("blocktranslate", "comment"):
            hidden = f"end{name}"
        elif token.token_type == TokenType.BLOCK and token.contents in CLASSES:
            hidden = "endblock"
        elif token.token_type == TokenType.TEXT:
            html += token.contents
        elif token.token_type != TokenType.COMMENT:
            found += _unmarked_arguments(name, token.contents)
            html += "" if token.token_type == TokenType.BLOCK else "0"
    reader = ShownText()
    reader.feed(html)
    reader.close()
    return found + reader.found


def _unmarked_arguments(name: str, contents: str) -> list[str]:
    """Words in a tag's own arguments (`with label="Releases"`, `|default:"never"`), and plurals by a suffix."""
    texts = [text for _, text in _FALLBACK.findall(contents)]
    if name == "include":
        texts += [text for key, _, text in _HANDED_ON.findall(contents) if key not in NAMES_OF_PARTS]
    return [text for text in texts if _WORD.search(text)] + (["|pluralize"] if "|pluralize" in contents else [])


def unmarked_in_script(source: str) -> list[str]:
    """The sentences of a module outside `gettext("…")`: words after a capital letter, in quotes."""
    code = re.sub(r"(?m)(^|\s)//.*$|/\*[\s\S]*?\*/", "", source)
    code = re.sub(r'\bgettext\("[^"]*"', "", code)
    return [text for _, text in re.findall(r"""(["`'])((?:(?!\1)[^\n])*)\1""", code) if _SENTENCE.search(text)]


def templates() -> list[str]:
    return sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))


@pytest.mark.parametrize("name", templates())
def test_every_word_of_a_template_is_marked_for_translation(name: str) -> None:
    found = unmarked((TEMPLATES / name).read_text())
    assert found == [], f"templates/{name} shows words outside translate: {found}"


@pytest.mark.parametrize("path", sorted((ROOT / "static" / "js").glob("*.js")), ids=lambda path: path.name)
def test_every_sentence_of_a_script_is_marked_for_translation(path: Path) -> None:
    found = unmarked_in_script(path.read_text())
    assert found == [], f"{path.name} says words outside gettext: {found}"


def test_what_counts_as_a_sentence_of_a_script() -> None:
    source = (
        'say(`Saved ${when}`); say("Try the button."); say(gettext("You are here")); on("button, a") // Not this one'
    )
    assert unmarked_in_script(source) == ["Saved ${when}", "Try the button."]


PACKAGES = ("accounts", "annotation", "datasets", "modelassist", "operations")
"""Python whose texts reach a page."""
NOT_ON_PAGES = re.compile(
    r"/migrations/|/management/|accounts/command_links\.py|operations/launcher\.py"  # a terminal
    r"|modelassist/(engine|toy)/|modelassist/services/(loop|own_folder|starter|trainer)\.py"  # a terminal, a toy world
    # a worker writes these into rows of jobs, releases and critics, once for readers of every language
    r"|annotation/jobs\.py|annotation/intake/(bucket_videos|clip_records|manifests)\.py"
    r"|annotation/intake/(media_store|row_release|row_storing|video_folder)\.py"
    r"|annotation/judgements/(cells|conversion|matching|running|storing)\.py"
    r"|datasets/jobs\.py|datasets/services/|modelassist/(kinds|services)/|operations/(jobs|abandoned_jobs)\.py"
)
NOT_READ = {"help_text"}
"""Keywords of models whose text no page shows."""
_PYTHON_SENTENCE = re.compile(r"\w \w.*[.!?]$|^[A-Z][a-z]+ [a-z]+ [a-z]+", re.DOTALL)
_FOR_PROGRAMMERS = {"ValueError", "TypeError", "KeyError", "RuntimeError", "public"}
"""Calls whose text no page shows: errors of a wrong call, and why an address needs no account."""
_LOGGING = {"debug", "info", "warning", "error", "exception", "critical"}


def list_python_files() -> list[str]:
    paths = (path.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted(path for path in paths if not NOT_ON_PAGES.search(path))


def find_unmarked_in_python(source: str) -> list[str]:
    """Return the sentences outside gettext, and what gettext is called with that is not a literal."""
    tree = ast.parse(source)
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    marks = {
        alias.asname or alias.name
        for node in imports
        if node.module == "django.utils.translation"
        for alias in node.names
        if "gettext" in alias.name
    }
    return list(_walk(tree, marks))


def _walk(node: ast.AST, marks: set[str]) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Assert) or (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):
            continue  # for programmers: a broken invariant, a docstring
        if isinstance(child, ast.keyword) and child.arg in NOT_READ:
            continue
        if isinstance(child, ast.Call):
            function = child.func
            if isinstance(function, ast.Name) and function.id in marks:
                yield from (ast.unparse(arg) for arg in child.args[:1] if not isinstance(arg, ast.Constant))
                continue
            if isinstance(function, ast.Name) and function.id in _FOR_PROGRAMMERS:
                continue
            if isinstance(function, ast.Attribute) and function.attr in _LOGGING and _is_logger(function.value):
                continue
        text = _read_text(child)
        if text is None:
            yield from _walk(child, marks)
        elif _PYTHON_SENTENCE.search(text):
            yield text


def _is_logger(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("logger", "log")


def _read_text(node: ast.AST) -> str | None:
    """Return a literal text; an f-string has {} for each value."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


@pytest.mark.parametrize("path", list_python_files())
def test_every_sentence_of_python_is_marked_for_translation(path: str) -> None:
    unmarked_texts = find_unmarked_in_python((ROOT / path).read_text())
    assert unmarked_texts == [], f"{path} has sentences outside gettext: {unmarked_texts}"


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        ('x = _("Give a score.")', []),
        ('x = _("Give %(n)s.") % {"n": 3}', []),
        ('x = _(f"Give {n}.")', ["f'Give {n}.'"]),
        ('x = "Give a score."', ["Give a score."]),
        ('raise Refused(f"Give a score from {low} to {high}.")', ["Give a score from {} to {}."]),
        ('raise Refused(f"{name} is not a number.")', ["{} is not a number."]),
        ('logger.warning("The page is gone.")', []),
        ('def f():\n    """Give a score."""\n    assert x, "It is there."', []),
        ('x = CharField(help_text="Empty if not excluded.")', []),
        ('x = "SELECT id FROM annotation_item"', []),
    ],
)
def test_what_counts_as_a_sentence_of_python(code: str, texts: list[str]) -> None:
    assert find_unmarked_in_python(f"from django.utils.translation import gettext as _\n{code}") == texts


def test_a_language_is_spoken_once_it_is_listed(client: Client, settings: "Settings", db: None) -> None:
    page = client.get("/sign-in", headers={"Accept-Language": "de"}).content.decode()
    assert '<html lang="en-gb">' in page
    assert "words.js" not in page
    settings.LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
    answer = client.get("/sign-in", headers={"Accept-Language": "de"})
    assert '<html lang="de">' in answer.content.decode()
    assert "/words.js?de" in answer.content.decode()
    assert "Accept-Language" in answer.headers["Vary"]
    assert "gettext" in client.get("/words.js", headers={"Accept-Language": "de"}).content.decode()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<p>Hello</p>", ["Hello"]),
        ('<p>{% translate "Hello" %} {{ name }}, 5% – <code>pip install</code></p>', []),
        ("<h1>Q-Save Studio</h1>{% comment %}not shown{% endcomment %}{# nor this #}", []),
        ("<p>{% blocktranslate trimmed with a=b %}Hello <b>{{ a }}</b>{% endblocktranslate %} there</p>", ["there"]),
        ('<img alt="A fox"><input type="submit" value="Send"><input value="data">', ["A fox", "Send"]),
        ('<button data-done="It is copied" data-copy="link">{% translate "Copy" %}</button>', ["It is copied"]),
        ('{% include "crumbs.html" with id="top" label="Releases" %}', ["Releases"]),
        ('{% include "crumbs.html" with label=_("Releases") %}{{ when|default:_("never") }}', []),
        ('{{ when|default:"never" }} clip{{ n|pluralize }}', ["never", "|pluralize", "clip"]),
        ("{% if a %}<p>{% endif %}{{ a }}<!-- a note --></p>", []),
    ],
)
def test_what_counts_as_a_word(source: str, words: list[str]) -> None:
    assert sorted(" ".join(text.replace("0", "").split()) for text in unmarked(source)) == sorted(words)
