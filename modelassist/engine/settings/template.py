"""Render all settings of a run as a TOML file to edit: each with its default and its docstring from the source."""

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from modelassist.engine.settings.config import Config
from qsave.frames.slowfast import FrameConfig

_WIDTH = 100
_UNSET = "#"


def render_settings(config: Config = Config()) -> str:  # noqa: B008  # it is frozen
    """Render a file that `load_config` reads as these settings. Unset ones follow a `#` without a space."""
    return "\n".join(_render_table(config, "")).strip() + "\n"


def read_field_docs(kind: type[Any]) -> dict[str, str]:
    """Read the docstring below each field of a dataclass from its source."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    docs = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            docs[field.target.id] = " ".join(str(ast.literal_eval(below.value)).split())
    return docs


def _render_table(values: Any, name: str, mark: str = "") -> Iterator[str]:
    """Yield the lines of a table's own settings, then of the tables in it; `mark` precedes unset ones."""
    docs = read_field_docs(type(values))
    inner = {}
    for field in fields(values):
        value = getattr(values, field.name)
        if is_dataclass(value) or value is None:
            inner[field.name] = value
        else:
            yield from ["", *_wrap_comment(docs[field.name]), f"{mark}{field.name} = {json.dumps(value)}"]
    for key, value in inner.items():
        below, below_mark = (FrameConfig(), _UNSET) if value is None else (value, mark)
        path = f"{name}.{key}" if name else key
        yield from ["", "", *_wrap_comment(f"{docs[key]} {inspect.getdoc(type(below))}"), f"{below_mark}[{path}]"]
        yield from _render_table(below, path, below_mark)


def _wrap_comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ")
