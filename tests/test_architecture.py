"""Rules for all packages that the import contracts of pyproject.toml cannot express."""

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
PACKAGES = ("config", "accounts", "operations", "annotation", "datasets", "modelassist", "qsave")

FOREIGN: dict[str, str] = {}
"""Addresses whose views come from libraries and have no decorator of ours, each with its reason."""


def list_addresses(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from list_addresses(pattern.url_patterns, path)
        else:
            yield path, pattern


ADDRESSES = dict(list_addresses(get_resolver().url_patterns))


def describe_access(pattern: URLPattern) -> str | None:
    """Say who may open a view; None if everybody may and no reason is given."""
    access = getattr(pattern.callback, "access", None)
    if isinstance(access, Access):
        return access.reason if access.role is None else str(access.role.label)
    view = getattr(pattern.callback, "cls", None)  # of REST framework
    classes = getattr(view, "permission_classes", [])
    open_to_all = not classes or AllowAny in classes
    return None if open_to_all else " and ".join(getattr(c, "__name__", str(c)) for c in classes)


def run_python(code: str, *flags: str) -> str:
    """Run `code` in a separate process in the checkout; return what it prints."""
    done = subprocess.run([sys.executable, *flags, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("path", sorted(ADDRESSES))
def test_every_address_says_who_may_open_it(path: str) -> None:
    assert describe_access(ADDRESSES[path]) or FOREIGN.get(path), f"{path} is open to all and gives no reason"


def test_the_list_of_foreign_views_names_only_what_is_there() -> None:
    assert set(FOREIGN) <= set(ADDRESSES)


def test_package_init_files_are_empty() -> None:
    filled = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
        if path.read_text() and path.parent.name != "models"  # Django imports a package's tables from there
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
    assert run_python(code) == "[]"


def test_the_package_named_datasets_hides_no_library_that_the_engine_needs() -> None:
    """The package hides a library of the same name: what the engine imports must work without that library."""
    code = (
        "import datasets, transformers, peft; "
        "from transformers import AutoModelForImageTextToText, AutoProcessor, GenerationConfig; "
        "from peft import LoraConfig, get_peft_model; print(datasets.__file__)"
    )
    assert run_python(code, "-W", "ignore") == str(ROOT / "datasets" / "__init__.py")


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
    assert run_python(code) == ""


def test_every_requirement_is_pinned_exactly_and_names_no_index() -> None:
    for lock in ("run.txt", "dev.txt"):
        lines = [line for line in (ROOT / "requirements" / lock).read_text().splitlines() if not line.startswith("#")]
        assert lines
        assert [line for line in lines if line.count("==") != 1 or "+" in line or "/" in line] == []


@pytest.mark.filterwarnings("ignore:A test tried to use socket")  # it tries on purpose
def test_tests_reach_loopback_only() -> None:
    with pytest.raises(SocketConnectBlockedError):
        urllib.request.urlopen("http://192.0.2.1/", timeout=1)


def find_imported_modules(folder: Path) -> set[str]:
    """Return the top-level names of the modules outside this project that a folder imports."""
    names: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.add(node.module.partition(".")[0])
    return names - set(PACKAGES) - sys.stdlib_module_names


def test_every_imported_library_is_a_requirement_of_its_own() -> None:
    """A library that only another library requires may be gone with that one's next version."""
    lines = (ROOT / "requirements" / "run.in").read_text().splitlines()
    required = {canonicalize_name(re.split(r"[\s~=<>\[#]", line)[0]) for line in lines if line and line[0] != "#"}
    owners = packages_distributions()
    imported = set().union(*(find_imported_modules(ROOT / package) for package in PACKAGES))
    missing = {name for name in imported if not {canonicalize_name(owner) for owner in owners.get(name, [])} & required}
    assert missing == set()


def test_one_module_encodes_video() -> None:
    """That module sets the options that keep x264's bytes the same in every run."""
    encoders = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"libx264|libvpx|mpeg4", path.read_text())
    }
    assert encoders == {"qsave/frames/encode.py"}
