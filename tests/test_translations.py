"""Every word on a page is marked for translation: what a template shows stands in `translate` or `blocktranslate`."""

import re
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
NAMES_OF_PARTS = {"id", "kind", "name", "state", "axis"}
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
    """The sentences of a module that stand outside `gettext("…")`: words after a capital letter, in quotes."""
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
