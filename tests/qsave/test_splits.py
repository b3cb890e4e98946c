"""Which splits exist and which are held out is written once."""

import ast
from pathlib import Path

import pytest

from annotation.models.clips import Split
from config.settings import BASE_DIR
from qsave.groups import SPLIT_SHARES
from qsave.splits import HELD_OUT, LEAST_CLIPS, LEAST_GROUPS, SPLITS, SplitSize

PACKAGES = ("accounts", "annotation", "config", "datasets", "modelassist", "operations", "qsave")


def held_out_literals(source: str) -> list[int]:
    """The lines of collections that name val and test, but not train."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Tuple | ast.List | ast.Set)]
    return [node.lineno for node in nodes if {"val", "test"} == {_name(element) for element in node.elts}]


def _name(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else node.attr.lower() if isinstance(node, ast.Attribute) else 0


def test_all_splits_but_train_are_held_out() -> None:
    assert set(HELD_OUT) == set(SPLITS) - {"train"}
    assert set(SPLITS) == set(Split.values) == set(SPLIT_SHARES)


@pytest.mark.parametrize("package", PACKAGES)
def test_held_out_splits_are_named_in_one_module(package: str) -> None:
    paths = [path for path in (BASE_DIR / package).rglob("*.py") if path.name != "splits.py"]
    literals = {str(path): lines for path in paths if (lines := held_out_literals(Path(path).read_text("utf-8")))}
    assert literals == {}


def test_the_search_finds_a_second_definition() -> None:
    assert held_out_literals('a = ("val", "test")\nb = [Split.TEST, Split.VAL]\nc = ("train", "val", "test")') == [1, 2]


@pytest.mark.parametrize(
    ("size", "is_small"),
    [
        (SplitSize(), True),
        (SplitSize(LEAST_CLIPS, LEAST_GROUPS), False),
        (SplitSize(LEAST_CLIPS - 1, LEAST_GROUPS), True),
        (SplitSize(LEAST_CLIPS, LEAST_GROUPS - 1), True),
    ],
)
def test_a_split_is_small_below_either_limit(size: SplitSize, is_small: bool) -> None:
    assert size.is_small is is_small
