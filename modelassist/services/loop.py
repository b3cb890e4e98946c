"""Run the whole loop without pages: render, rate, measure agreement, release, train, activate, draft, rate again.

Every step calls the same service as a page, the API or a command. Only the raters and the clips are simulated, and they
are stored as simulated. The settings name the database and the folders; `manage.py loop` uses new ones.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from tqdm import tqdm

from accounts.models import Role, User
from accounts.services import create_user
from annotation.agreement.figures import Agreement, compute_agreement
from annotation.campaigns.campaigns import create_campaign, set_state
from annotation.intake.clips import import_manifest
from annotation.models import Campaign, Clip, Draft
from datasets.models import Release
from datasets.services.policy import ReleasePolicy
from datasets.services.releases import build_release
from modelassist.bridge import release_folder, resolve_critic, run_folder
from modelassist.models import Critic, FailedDraft, Run
from modelassist.services import drafting, simulation, trainer
from modelassist.services.critics import activate
from modelassist.services.guidelines import GUIDELINES
from modelassist.services.runs import start_run
from operations import jobs
from operations.models import Job, JobState
from qsave.splits import HELD_OUT

RATERS = 6
NEW_CLIPS = 24
"""Clips that are imported for each round of drafts: eight prompts."""
UNRATED_WORLD = 1000
"""This is added to the seed for clips with captions, so that they differ from the rated clips."""


class LoopFailed(RuntimeError):
    """A step of the loop failed; the message says which and why."""


@dataclass(slots=True)
class Loop:
    """One run of the loop: its arguments and its results."""

    folder: Path
    clips: int
    captions: int
    seed: int
    engine_settings: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    captioned: Path | None = None
    """The file of captions, after it is written."""
    engineer: User = field(init=False)
    people: list[simulation.Person] = field(init=False)
    campaign: Campaign = field(init=False)
    first_agreement: Agreement = field(init=False)
    release: Release = field(init=False)
    run: Run = field(init=False)
    critic: Critic = field(init=False)

    def run_all(self) -> None:
        """Run all steps in order; raises LoopFailed if one fails."""
        self.open_campaign()
        self.import_clips("clips", range(self.clips))
        self.rate_all("ratings")
        with self.timed("agreement"):
            self.first_agreement = compute_agreement(self.campaign)
        self.build_release()
        self.render_captions()
        self.train()
        self.import_clips("new clips", range(self.clips, self.clips + NEW_CLIPS))
        with self.timed("activation"):
            activate(actor=self.engineer, critic=self.critic, campaign=self.campaign)
        self.draft("drafts")
        self.rate_all("ratings with drafts")
        self.import_clips("newer clips", range(self.clips + NEW_CLIPS, self.clips + 2 * NEW_CLIPS))
        drafting.queue_missing_drafts()
        self.draft("drafts again")

    def open_campaign(self) -> None:
        """Create the engineer, the simulated raters and the campaign."""
        self.engineer = create_user(actor=None, username="loop", password=None, role=Role.ENGINEER)
        self.people = simulation.make_people(actor=self.engineer, count=RATERS, seed=self.seed)
        self.campaign = create_campaign(
            actor=self.engineer,
            name="loop",
            title="The loop, simulated",
            seed=self.seed,
            guidelines=GUIDELINES,
            is_simulated=True,
        )
        set_state(actor=self.engineer, campaign=self.campaign, state=Campaign.State.OPEN)

    def import_clips(self, what: str, indices: range) -> None:
        """Render toy clips and import them through their manifest."""
        with self.show_bar(f"render {what}", len(indices)) as show:
            manifest = simulation.render_manifest(
                self.folder / "clips", seed=self.seed, indices=indices, on_progress=lambda done, of: show(done)
            )
        with self.show_bar(f"import {what}", len(indices)) as show:
            report = import_manifest(
                actor=self.engineer,
                campaign=self.campaign,
                manifest=manifest,
                simulated=True,
                on_progress=lambda share, words: show(round(share * len(indices))),
            )
        if report.problems:
            raise LoopFailed(f"{what}: row {report.problems[0].row} was not imported: {report.problems[0].reason}")

    def rate_all(self, what: str) -> None:
        """Let simulated raters take every free rating slot."""
        slots = simulation.count_free_slots(self.campaign)
        with self.show_bar(what, slots) as show:
            simulation.rate(
                campaign=self.campaign, people=self.people, limit=slots, on_progress=lambda done, of: show(done)
            )

    def build_release(self) -> None:
        """Build a numbered release of the ratings."""
        with self.show_bar("release", 100) as show:
            self.release = build_release(
                actor=self.engineer,
                campaign=self.campaign,
                name="loop",
                policy=ReleasePolicy(allow_small_splits=True, simulated_ratings=True),
                progress=lambda share, words: show(round(100 * share)),
            )

    def render_captions(self) -> None:
        """Render unrated clips with captions, without those of held-out prompts."""
        if not self.captions:
            return
        held_out_clips = Clip.objects.filter(prompt_group__split__in=HELD_OUT)
        with self.show_bar("render captioned", self.captions) as show:
            captions = simulation.render_captions(
                self.folder / "captioned",
                seed=self.seed + UNRATED_WORLD,
                count=self.captions,
                held_out=set(held_out_clips.values_list("prompt", flat=True)),
                on_progress=lambda done, of: show(done),
            )
        self.captioned = captions
        sft = {**self.engine_settings.get("sft", {}), "captions": str(captions)}
        self.engine_settings = {**self.engine_settings, "sft": sft}

    def train(self) -> None:
        """Train a tiny Qwen3-VL from random weights through all stages, and evaluate it."""
        base = self.folder / "base"
        with self.timed("fresh model"):
            texts = ["--release", str(release_folder(self.release))]
            texts += ["--captions", str(self.captioned)] if self.captioned else []
            _run_engine("init-tiny", "--out", str(base), *texts)
        self.run = start_run(
            actor=self.engineer,
            release=self.release,
            base_model=str(base),
            settings=self.engine_settings,
            name="loop",
            keeps_unreadable=True,  # short stages only show that every step works
        )
        with self.show_bar("train", 1000) as show, _show_progress(run_folder(self.run), show):
            self.run_job(self.run.job)
        self.run.refresh_from_db()
        self.critic = self.run.critics.get()

    def draft(self, what: str) -> None:
        """Run the queued drafting jobs, as a worker would."""
        queued = Job.objects.filter(kind=drafting.KIND, state=JobState.QUEUED).order_by("created_at")
        with self.timed(what):
            while (job := queued.first()) is not None:
                self.run_job(job)

    def run_job(self, job: Job | None) -> None:
        done = jobs.run(job.pk) if job else None
        if done is None or done.state != JobState.DONE:
            raise LoopFailed(f"{done}: {done.error}" if done else "A job disappeared before it was done.")

    @property
    def drafts(self) -> int:
        return Draft.objects.filter(item__campaign=self.campaign, critic=str(self.critic)).count()

    @property
    def failed_drafts(self) -> int:
        return FailedDraft.objects.filter(critic=self.critic).count()

    @property
    def model_folder(self) -> Path:
        return Path(resolve_critic(self.critic))

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[what] = time.monotonic() - started

    @contextmanager
    def show_bar(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a progress bar; call the yielded function with how many are done."""
        with self.timed(what), tqdm(total=total, desc=f"{what:<20}", disable=None) as bar:
            yield lambda done: _ignore(bar.update(done - bar.n))


def _ignore(_: object) -> None:
    return None


@contextmanager
def _show_progress(folder: Path, show: Callable[[int], None]) -> Iterator[None]:
    """Show the trainer's progress from another thread, while this one waits for the trainer."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):
            show(round(1000 * trainer.read_progress(folder)[0]))

    thread = threading.Thread(target=watch, name="training-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _run_engine(*arguments: str) -> None:
    command = [sys.executable, "-m", "modelassist.engine", *arguments]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LoopFailed(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-1000:]}")
