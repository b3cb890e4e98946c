"""Words that this project does not use: each has a plainer one, in code, comments, pages, docs and the changelog."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("accounts", "annotation", "config", "datasets", "modelassist", "operations", "qsave")
FOLDERS = (*PACKAGES, "docker", "docs", "requirements", "static", "templates", "tests")
SUFFIXES = {".css", ".env", ".html", ".ini", ".ipynb", ".js", ".md", ".py", ".toml", ".txt", ".yml"}
NOT_OURS = ("static/vendor/", "/migrations/", "/fixtures/", "tests/test_wording.py")
"""Files of others, files that databases have run, and this one, which quotes the words."""
ALLOWED = {
    "annotation/api/campaign_serializers.py": "seats = serializers",  # a field that scripts read
    "annotation/rating/checks.py": "gold seat",  # part of a seed: another word would draw other golds
    "modelassist/toy/raters.py": "stands frozen",  # a simulated rater writes this
}
_PARTICIPLE = "(asked|found|judged|kept|played|said|shown|told)"
_TARGET = rf"(\w+, )*{_PARTICIPLE}(, \w+)*"


class Wording(NamedTuple):
    """A wording, what to write in its place, a text that has it, and a similar one that is right.

    A space in the pattern may be a line break in a text or in a comment.
    """

    pattern: str
    better: str
    wrong: str
    right: str
    suffixes: frozenset[str] = frozenset(SUFFIXES)
    folders: tuple[str, ...] = ("",)


WORDINGS = (
    Wording(r"\bnone if\b", "empty if, without", "the axes; none if unrated", "None if unrated"),
    Wording(r"\b(is|are|was|were) none\b", "no ... exists, without a", "empty if there are\n# none", "it is None"),
    Wording(r"\b([Gg]o|[Gg]oes|[Gg]oing|[Gg]one|[Ww]ent) on\b(?! (a|an|the)\b)", "resume, continue",
            "go on\n    # with it", "it goes on the page"),
    Wording(r"\b[Aa]new\b", "again", "drawn anew", "a new split"),
    Wording(r"\b[Ll]ikewise\b", "also", "Likewise the defects", "Also the defects"),
    Wording(r"(?<![\w\"'`(])[Ss]eats?\b(?!['`])", "slot", "an item's seats", "of the kind `seat`"),
    Wording(r"\b[Ss](tands?|tood)\b(?!-in| (for|in|out)\b)", "be, exist", "The settings stand.", "one stands out"),
    Wording(r"\b[Ll](ies?|ay) (in|under|outside|elsewhere)\b", "be", "It lies in a folder.", "It lies above 0."),
    Wording(r"\b([Cc]lassroom|[Pp]ractice match|[Ff]inal polish)\b", "SFT, GRPO, cool-down", "final polish", "GRPO"),
    Wording(r"\bput before\b", "show to", "put before a rater", "shown to a rater"),
    Wording(r"\b[Pp]ass(ed|es)? (it|them) by\b", "skip", "Pass it by", "Skip this clip"),
    Wording(r"\b[Bb]rings? (clips|videos) in\b", "import", "Bring clips in", "Import clips"),
    Wording(rf"\b(def _?|function ){_PARTICIPLE}\(", "begin with a verb", "def found(a):", "def find(found):",
            frozenset({".py", ".js"})),
    Wording(rf"(?m)(^\x20*|\b(const|let) ){_TARGET}(: [^,=\n(]+)? =|\bfor {_TARGET} in\b|\bas {_PARTICIPLE}:",
            "a noun that says what the value holds", "    found = 1", "find(found=1)", frozenset({".py", ".js"}),
            (*PACKAGES, "static")),
)  # fmt: skip


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """The text of each file of ours by its path."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    files += [path for path in ROOT.iterdir() if path.suffix in {".md", ".toml", ".py"} or path.name == "Makefile"]
    names = {path.relative_to(ROOT).as_posix(): path for path in files}
    return {
        name: path.read_text(encoding="utf-8")
        for name, path in sorted(names.items())
        if not any(part in name for part in NOT_OURS)
    }


def find_lines(wording: Wording, text: str, allowed: str | None = None) -> Iterator[int]:
    """Yield the numbers of the lines of a text that have a wording; those that have the allowed text are left out."""
    for match in re.finditer(wording.pattern.replace(" ", r"(?:\s+(?:[#*/]+ )?)"), text):
        first, last = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
        if allowed is None or allowed not in text[first : last if last >= 0 else None]:
            yield text.count("\n", 0, match.start()) + 1


@pytest.mark.parametrize("wording", WORDINGS, ids=lambda wording: wording.wrong)
def test_the_plainer_word_is_used(wording: Wording, texts: dict[str, str]) -> None:
    lines = [
        f"{name}:{line}: write {wording.better!r}"
        for name, text in texts.items()
        if name.startswith(wording.folders) and Path(name).suffix in wording.suffixes
        for line in find_lines(wording, text, ALLOWED.get(name))
    ]
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("wording", WORDINGS, ids=lambda wording: wording.wrong)
def test_what_counts_as_a_wording(wording: Wording) -> None:
    assert list(find_lines(wording, wording.wrong)) == [1]
    assert list(find_lines(wording, wording.right)) == []


def test_each_exception_is_needed(texts: dict[str, str]) -> None:
    for name, allowed in ALLOWED.items():
        assert any(list(find_lines(wording, texts[name])) for wording in WORDINGS), f"{name} no longer has {allowed!r}"


def test_a_file_of_each_folder_is_read(texts: dict[str, str]) -> None:
    assert {name.partition("/")[0] for name in texts if "/" in name} == set(FOLDERS)
    assert {"CHANGELOG.md", "README.md", "Makefile", "manage.py"} <= set(texts)
