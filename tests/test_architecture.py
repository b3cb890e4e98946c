"""What must hold across the rooms, beyond the import contracts of pyproject.toml."""

import ast
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from packaging.utils import canonicalize_name
from pytest_socket import SocketConnectBlockedError
from rest_framework.permissions import AllowAny

from accounts.access import Access

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("config", "accounts", "operations", "annotation", "datasets", "modelassist", "qsave")

# Addresses whose views come from libraries and carry no decorator of ours; each with its reason.
FOREIGN: dict[str, str] = {}


def addresses(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, path)
        else:
            yield path, pattern


ADDRESSES = dict(addresses(get_resolver().url_patterns))


def guard(pattern: URLPattern) -> str | None:
    """What stands before a view, in words; None if nothing does."""
    access = getattr(pattern.callback, "access", None)
    if isinstance(access, Access):
        return access.reason if access.role is None else str(access.role.label)
    view = getattr(pattern.callback, "cls", None)  # of REST framework
    classes = getattr(view, "permission_classes", [])
    open_to_all = not classes or AllowAny in classes
    return None if open_to_all else " and ".join(getattr(c, "__name__", str(c)) for c in classes)


def python(code: str, *flags: str) -> str:
    """What `code` prints, in a process of its own started in the checkout."""
    done = subprocess.run([sys.executable, *flags, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("path", sorted(ADDRESSES))
def test_every_address_says_who_may_open_it(path: str) -> None:
    assert guard(ADDRESSES[path]) or FOREIGN.get(path), f"{path} is open to all and gives no reason"


def test_the_list_of_foreign_views_names_only_what_is_there() -> None:
    assert set(FOREIGN) <= set(ADDRESSES)


def test_package_init_files_are_empty() -> None:
    filled = [
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("__init__.py")
        if path.read_text() and path.parent.name != "models"  # Django wants a room's tables importable from there
    ]
    assert filled == []


def test_no_import_contract_is_broken() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_web_process_loads_no_model_library() -> None:
    code = (
        "import sys, config.wsgi; from django.urls import get_resolver; get_resolver().url_patterns; "
        "from operations import jobs; jobs.find_kind('any'); "
        "print(sorted({'torch', 'transformers', 'peft', 'scipy.optimize'} & set(sys.modules)))"
    )
    assert python(code) == "[]"


def test_our_room_called_datasets_hides_no_library_that_the_engine_needs() -> None:
    """The room has the name of a library: what the engine imports must work where that library is hidden."""
    code = (
        "import datasets, transformers, peft; "
        "from transformers import AutoModelForImageTextToText, AutoProcessor, GenerationConfig; "
        "from peft import LoraConfig, get_peft_model; print(datasets.__file__)"
    )
    assert python(code, "-W", "ignore") == str(ROOT / "datasets" / "__init__.py")


def test_no_package_used_at_run_time_is_under_the_gpl() -> None:
    code = (
        "import importlib.metadata as m, pathlib, re\n"
        "lines = pathlib.Path('requirements/run.txt').read_text().splitlines()\n"
        "for name in (line.split('==')[0] for line in lines if '==' in line):\n"
        "    data = m.metadata(name)\n"
        "    said = [data.get('License-Expression') or '', (data.get('License') or '')[:200]]\n"
        "    said += [c for c in data.get_all('Classifier') or [] if c.startswith('License')]\n"
        "    if re.search(r'(?<!L)(?<!Lesser )(GPL|General Public License)', ' | '.join(said)): print(name, said)\n"
    )
    assert python(code) == ""


def test_every_requirement_is_pinned_exactly_and_names_no_index() -> None:
    for lock in ("run.txt", "dev.txt"):
        lines = [line for line in (ROOT / "requirements" / lock).read_text().splitlines() if not line.startswith("#")]
        assert lines
        assert [line for line in lines if line.count("==") != 1 or "+" in line or "/" in line] == []


@pytest.mark.filterwarnings("ignore:A test tried to use socket")  # it tries on purpose
def test_tests_reach_loopback_only() -> None:
    with pytest.raises(SocketConnectBlockedError):
        urllib.request.urlopen("http://192.0.2.1/", timeout=1)


def imported_modules(room: Path) -> set[str]:
    """The top names of all that a room imports from outside."""
    found: set[str] = set()
    for path in room.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.add(node.module.partition(".")[0])
    return found - set(ROOMS) - sys.stdlib_module_names


def test_what_the_rooms_import_is_asked_for_by_name() -> None:
    """A package that is there only because another one needs it may be gone with the next version."""
    lines = (ROOT / "requirements" / "run.in").read_text().splitlines()
    asked = {canonicalize_name(re.split(r"[\s~=<>\[#]", line)[0]) for line in lines if line and line[0] != "#"}
    owners = packages_distributions()
    imported = set().union(*(imported_modules(ROOT / room) for room in ROOMS))
    missing = {name for name in imported if not {canonicalize_name(owner) for owner in owners.get(name, [])} & asked}
    assert missing == set()


def test_one_module_encodes_video() -> None:
    """Elsewhere the options would be missing that keep x264's bytes equal from run to run."""
    encoders = {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"libx264|libvpx|mpeg4", path.read_text())
    }
    assert encoders == {"qsave/frames/encode.py"}
