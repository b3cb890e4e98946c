"""Every module and function that docs/architecture.md names exists."""

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("config", "accounts", "operations", "annotation", "datasets", "modelassist", "qsave")
NAMES = sorted(
    set(re.findall(rf"`((?:{'|'.join(PACKAGES)})(?:\.\w+)+)`", (ROOT / "docs" / "architecture.md").read_text()))
)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_the_page_exists(name: str) -> None:
    assert exists(name)


def test_a_name_that_does_not_exist_is_found() -> None:
    assert not exists("annotation.rating.queue.no_such_function")
    assert not exists("annotation.no_such_module.claim")


def exists(name: str) -> bool:
    """Tell whether a dotted name is a module, or an attribute of one."""
    module, _, attribute = name.rpartition(".")
    try:
        return hasattr(import_module(module), attribute) or find_spec(name) is not None
    except ModuleNotFoundError:  # there is no such module, or it is no package
        return False
