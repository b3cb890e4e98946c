"""An error that a person reads is a full sentence: it ends with a full stop, or with a command or lines to read."""

import ast
import builtins
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("accounts", "annotation", "config", "datasets", "modelassist", "operations", "qsave")
FRAGMENTS = {*dir(builtins), "ArgumentTypeError", "GrammarError", "ReportCardError"}
"""Errors whose text is a part of a sentence: whoever catches one puts it after a colon, and adds the full stop."""
_COMMAND = re.compile(r"\b(with|run): ((?!\. ).)+$")
_VALUE = "{}"
"""Stands for a value that is filled in; its own text decides how the sentence ends."""


def read_texts(node: ast.expr) -> Iterator[str]:
    """Yield the texts in the argument of an error: of a dict its values, of a translation its source."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=values):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else _VALUE for part in values)
        case ast.BinOp(left=left, op=ast.Mod()):
            yield from read_texts(left)
        case ast.BinOp(right=right):
            yield from read_texts(right)
        case ast.IfExp(body=body, orelse=orelse):
            yield from read_texts(body)
            yield from read_texts(orelse)
        case ast.Dict(values=nodes) | ast.List(elts=nodes) | ast.Call(args=nodes):
            for each in nodes:
                yield from read_texts(each)


def find_fragments(code: str) -> list[str]:
    """Return the texts of raised errors that do not end as a sentence. A text without a space is a name."""
    fragments = []
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
            continue
        kind = ast.unparse(node.exc.func).rpartition(".")[2]
        if kind in FRAGMENTS or not kind[0].isupper():
            continue
        for text in read_texts(node.exc):
            is_whole = text.rstrip().endswith((".", "?", ":", _VALUE, "%(reason)s")) or _COMMAND.search(text)
            if " " in text and not is_whole:
                fragments.append(text)
    return fragments


@pytest.mark.parametrize("package", PACKAGES)
def test_every_error_that_a_person_reads_is_a_sentence(package: str) -> None:
    fragments = {
        str(path.relative_to(ROOT)): texts
        for path in (ROOT / package).rglob("*.py")
        if "migrations" not in path.parts and (texts := find_fragments(path.read_text(encoding="utf-8")))
    }
    assert fragments == {}


@pytest.mark.parametrize(
    ("code", "fragments"),
    [
        ("raise JobError('The disk is full.')", []),
        ("raise JobError('the disk is full')", ["the disk is full"]),
        ("raise JobError(f'{path} cannot be read: {error}')", []),
        ("raise JobError(f'{path} cannot be read: {error}; retry')", ["{} cannot be read: {}; retry"]),
        ("raise forms.ValidationError({'name': _('Enter a name')})", ["Enter a name"]),
        ("raise Refused([_('%(n)s is too much') % {'n': 1}])", ["%(n)s is too much"]),
        ("raise Refused('One thing. ' + 'another thing')", ["another thing"]),
        ("raise Refused('Is it so?' if a else 'it is so')", ["it is so"]),
        ("raise CommandError('Nobody has this name. Add them with: manage.py add_person NAME')", []),
        ("raise ValueError('is not JSON')", []),
        ("raise self._make_error('the text ends')", []),
        ("raise Refused('field', code='not a text')", []),
    ],
)
def test_what_counts_as_a_sentence(code: str, fragments: list[str]) -> None:
    assert find_fragments(code) == fragments
