"""Presets of a frozen release: an engineer requests one, a job writes it beside the release.

The job row is the record of the request, and `preset.json` in the folder that of the result. A preset can be removed
and written again: the same release gives the same bytes.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Role, User
from annotation.shared.permissions import require_role
from datasets.models import Release
from datasets.services.policy import ReleaseRefused
from datasets.services.progress import Progress
from datasets.services.releases import locate_release
from operations.jobs import enqueue
from operations.models import Job, JobState
from qsave.release.encoding import ReleaseError
from qsave.release.manifest import resolve_inside
from qsave.release.presets.catalogue import PRESETS, Preset
from qsave.release.presets.write import read_summary, write_preset
from qsave.words import isolate

KIND = "write_preset"
PROCESSES = os.cpu_count() or 1
"""How many processes decode the clips of a preset."""


@dataclass(frozen=True, slots=True)
class PresetState:
    """One preset of a release: its summary if it is written, and the last job that was to write it."""

    preset: Preset
    folder: Path
    summary: Mapping[str, Any] | None
    job: Job | None

    @property
    def is_open(self) -> bool:
        """Whether a job is waiting or running."""
        return self.job is not None and self.job.state in (JobState.QUEUED, JobState.RUNNING)

    @property
    def lines(self) -> str:
        """The lines that load it, from the name of its folder."""
        return self.preset.render_lines(self.folder.name)


@transaction.atomic
def request_preset(*, actor: User, release: Release, name: str) -> PresetState:
    """Queue the writing of a preset, unless it is written or a job is open. Raises ReleaseRefused."""
    require_role(actor, Role.ENGINEER)
    if name not in PRESETS:
        raise ReleaseRefused(
            _("There is no preset %(name)s. Choose one of %(known)s.")
            % {"name": isolate(name), "known": isolate(", ".join(PRESETS))}
        )
    locked = Release.objects.select_for_update(no_key=True, of=("self",)).get(pk=release.pk)
    locate_release(locked)
    state = read_preset(locked, name)
    if state.summary is None and not state.is_open:
        enqueue(kind=KIND, arguments={"release": locked.pk, "preset": name}, actor=actor)
    return read_preset(locked, name)


def build_preset(release: Release, name: str, *, progress: Progress) -> Mapping[str, Any]:
    """Write a preset and return its summary; one that is written already stays as it is. Safe to run again.

    Raises ReleaseRefused or ReleaseError. No other process may be writing the same preset.
    """
    source, folder = locate_release(release), locate_preset(release, name)
    summary = _read_summary(folder)
    if summary is not None:
        return summary
    if folder.exists():  # damaged
        shutil.rmtree(folder)
    for unfinished in folder.parent.glob(f".{folder.name}.*"):  # of a process that was killed
        shutil.rmtree(unfinished)
    summary = write_preset(name, source, folder, processes=PROCESSES, progress=progress)
    release.refresh_from_db()
    if release.state == Release.State.WITHDRAWN:  # meanwhile; its data may be deleted already
        shutil.rmtree(folder)
        locate_release(release)
    return summary


def locate_preset(release: Release, name: str) -> Path:
    """Return the folder of a preset, beside that of the release, whether or not it is written."""
    return Path(settings.RELEASE_ROOT) / f"{release.folder}-presets" / f"{release.folder}-{name}"


def find_preset_file(release: Release, preset: str, name: str) -> Path | None:
    """Return the path of a file of a written preset; None if there is no such file in its folder."""
    folder = locate_preset(release, preset)
    if preset not in PRESETS or _read_summary(folder) is None:
        return None
    try:
        path = resolve_inside(folder, name)
    except ReleaseError:
        return None
    return path if path.is_file() and not path.is_symlink() else None


def read_preset(release: Release, name: str) -> PresetState:
    """Return the state of one preset of a release."""
    return next(state for state in list_presets(release) if state.preset.name == name)


def list_presets(release: Release) -> list[PresetState]:
    """Return the state of every preset of a release, with one query."""
    jobs: dict[str, Job] = {}
    for job in Job.objects.filter(kind=KIND, arguments__release=release.pk).order_by("created_at"):
        jobs[job.arguments["preset"]] = job
    return [
        PresetState(preset, folder, _read_summary(folder), jobs.get(name))
        for name, preset, folder in ((name, preset, locate_preset(release, name)) for name, preset in PRESETS.items())
    ]


def _read_summary(folder: Path) -> Mapping[str, Any] | None:
    try:
        return read_summary(folder)
    except (ReleaseError, OSError):
        return None  # not written; writing it again replaces what is damaged
