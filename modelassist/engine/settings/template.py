"""All settings of a run as a TOML file to start from: each with its default and with what the source says of it."""

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


def settings_text(config: Config = Config()) -> str:  # noqa: B008  # it is frozen
    """A file that `load_config` reads as these settings. What they leave unset follows a `#` without a space."""
    return "\n".join(_table(config, "")).strip() + "\n"


def explained(kind: type[Any]) -> dict[str, str]:
    """What the source says of each field of a dataclass, in the string below it."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            found[field.target.id] = " ".join(str(ast.literal_eval(below.value)).split())
    return found


def _table(values: Any, name: str, mark: str = "") -> Iterator[str]:
    """A table's own settings, then the tables in it; `mark` stands before what is unset."""
    said = explained(type(values))
    inner = {}
    for field in fields(values):
        value = getattr(values, field.name)
        if is_dataclass(value) or value is None:
            inner[field.name] = value
        else:
            yield from ["", *_comment(said[field.name]), f"{mark}{field.name} = {json.dumps(value)}"]
    for key, value in inner.items():
        below, unset = (FrameConfig(), _UNSET) if value is None else (value, mark)
        place = f"{name}.{key}" if name else key
        yield from ["", "", *_comment(f"{said[key]} {inspect.getdoc(type(below))}"), f"{unset}[{place}]"]
        yield from _table(below, place, unset)


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ")
