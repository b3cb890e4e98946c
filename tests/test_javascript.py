"""The tools that check static/js: what names them, and what happens where they cannot be installed."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support import javascript

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = json.loads((ROOT / "package-lock.json").read_text())["packages"]


def test_the_lock_names_no_registry_and_pins_what_each_package_holds() -> None:
    for path, package in PACKAGES.items():
        assert "resolved" not in package, path
        assert path == "" or package["integrity"].startswith("sha512-"), path
    assert "omit-lockfile-registry-resolved=true" in (ROOT / ".npmrc").read_text().splitlines()


def test_package_json_names_exact_versions_of_tools_only() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    assert package["private"] is True
    assert "dependencies" not in package
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["devDependencies"].values())


def test_make_check_runs_the_checks_of_the_front_end() -> None:
    done = subprocess.run(["make", "--dry-run", "check"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "djangofmt --quiet --check templates" in done.stdout
    assert "-m tests.support.javascript" in done.stdout
    assert [script.split("/")[0] for script, *_ in javascript.TOOLS] == ["eslint", "typescript"]


@pytest.fixture
def npm_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A checkout without node_modules, whose npm fails with the code that the test puts in."""
    codes: list[str] = []

    def run_node(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(arguments, 1, "", f"npm error code {codes[0]}\nnpm error something more")

    (tmp_path / "package-lock.json").write_text("{}")
    monkeypatch.setattr(javascript, "ROOT", tmp_path)
    monkeypatch.setattr(javascript, "run_node", run_node)
    return codes


@pytest.mark.parametrize("code", ["ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "E404", "E502"])
def test_without_a_network_one_line_says_why_nothing_was_checked(
    npm_fails: list[str], capsys: pytest.CaptureFixture[str], code: str
) -> None:
    npm_fails.append(code)
    javascript.main()
    (line,) = capsys.readouterr().out.splitlines()
    assert line == f"JavaScript was NOT checked: its tools cannot be installed here (npm answers {code})."


@pytest.mark.parametrize("code", ["EUSAGE", "EINTEGRITY"])
def test_a_lock_that_does_not_fit_fails_the_check(npm_fails: list[str], code: str) -> None:
    npm_fails.append(code)
    with pytest.raises(SystemExit, match=code):
        javascript.main()


def test_a_finding_of_a_tool_fails_the_check(npm_fails: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    npm_fails.append("no package is missing")
    monkeypatch.setattr(javascript, "install", lambda: None)
    with pytest.raises(SystemExit, match="something more"):
        javascript.main()
