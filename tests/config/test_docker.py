"""What docker/ describes fits what the site reads. Static: nothing is built here."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from operations.jobs import QUEUES
from operations.launcher import WORKERS, build_worker_command

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker" / "compose.yml"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    found: dict[str, Any] = loaded["services"]
    return found


def test_every_variable_that_is_set_is_one_that_the_settings_read(services: dict[str, Any]) -> None:
    read = set(
        re.findall(r'"((?:QSAVE|DATABASE|CELERY|SCRIPT)_[A-Z_]+)"', (ROOT / "config" / "settings.py").read_text())
    )
    assert set(services["web"]["environment"]) <= read


def test_every_variable_that_must_be_given_is_in_the_example() -> None:
    asked = set(re.findall(r"\$\{(\w+):\?", COMPOSE.read_text()))
    offered = set(re.findall(r"^(\w+)=", (ROOT / "docker" / "example.env").read_text(), re.MULTILINE))
    assert asked <= offered


def test_every_variable_that_the_site_reads_is_in_the_example_and_in_the_readme() -> None:
    modules = [*(ROOT / "config").glob("*.py"), *(ROOT / "modelassist").rglob("*.py")]
    read = {name for module in modules for name in re.findall(r'"(QSAVE_[A-Z0-9_]+)"', module.read_text())}
    example, readme = ((ROOT / name).read_text() for name in ("docker/example.env", "README.md"))
    assert len(read) > 20
    assert {name for name in read if not re.search(rf"^#?{name}\w*=", example, re.MULTILINE)} == set()
    assert {name for name in read if f"`{name}" not in readme} == set()


def test_each_process_of_the_site_gets_what_is_filled_in(services: dict[str, Any]) -> None:
    processes = [service for service in services.values() if service["image"] == "qsave-studio"]
    assert len(processes) == 2 + len(QUEUES)
    assert all(process["env_file"] == [{"path": ".env", "required": False}] for process in processes)


@pytest.mark.parametrize("queue", QUEUES)
def test_each_queue_has_a_worker_as_the_launcher_starts_it(services: dict[str, Any], queue: str) -> None:
    words = services[f"worker-{queue}"]["command"]
    own = build_worker_command(queue, threads=1, prefetch=1)
    ours = {word.partition("=")[0] for word in own[own.index("worker") :]}
    assert ours <= {word.partition("=")[0] for word in words}
    assert f"--queues={queue}" in words


def test_the_launcher_starts_a_worker_for_each_queue() -> None:
    assert sorted(",".join(WORKERS).split(",")) == sorted(QUEUES)


def test_what_is_waited_for_is_there_and_healthy_means_something(services: dict[str, Any]) -> None:
    for service in services.values():
        for name, wanted in service.get("depends_on", {}).items():
            assert wanted["condition"] != "service_healthy" or "healthcheck" in services[name]


def test_no_secret_is_written_down(services: dict[str, Any]) -> None:
    for line in (ROOT / "docker" / "example.env").read_text().splitlines():
        if re.match(r"\w*(KEY|PASSWORD)\w*=", line):
            assert line.endswith("=")


def test_everything_copied_into_the_image_is_there() -> None:
    for source in re.findall(r"^COPY (?:--\S+ )?(\S+)", (ROOT / "docker" / "Dockerfile").read_text(), re.MULTILINE):
        assert (ROOT / source).exists()
