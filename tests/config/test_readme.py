"""The README's tables of environment variables name every variable that the code reads, and no other."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("config", "accounts", "operations", "annotation", "datasets", "modelassist", "qsave", "tests")
NAME = r"(?:QSAVE_[A-Z_]+|DATABASE_URL|CELERY_BROKER_URL|SCRIPT_NAME)"
READS = re.compile(
    rf"""(?:environ\.get\(|environ\[|\benv\.(?:read|prepare)_\w+\(|\bread_(?:flag|text)\()
    "({NAME})\"""",
    re.VERBOSE,
)


def test_the_tables_and_the_code_have_the_same_variables() -> None:
    table = set(re.findall(rf"^\| `({NAME})` \|", (ROOT / "README.md").read_text(), re.MULTILINE))
    paths = [path for source in SOURCES for path in (ROOT / source).rglob("*.py")]
    assert table == {name for path in paths for name in READS.findall(path.read_text())}
