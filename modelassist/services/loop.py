"""The whole loop, headless: render, rate, agree, release, train, evaluate, activate, draft, and round again.

Every step calls the service that a page, the API or a command calls; only the people and the clips are simulated, and
stored as such. It works on the database and the folders that the settings name: `manage.py loop` gives it fresh ones.
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
from annotation.models import Campaign, Clip, Draft, Rating
from datasets.models import Release
from datasets.services.policy import ReleasePolicy
from datasets.services.releases import build_release
from modelassist.bridge import model_of, release_folder, run_folder
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
"""Clips that come in for each round of drafts: eight prompts."""


UNRATED_WORLD = 1000
"""Added to the seed: the clips with captions come from a toy world of their own."""


class LoopFailed(RuntimeError):
    """A step of the loop did not come to its end; the message says which and why."""


@dataclass(slots=True)
class Loop:
    """One run of the loop: what was asked of it, and what came of it."""

    folder: Path
    clips: int
    captions: int
    seed: int
    engine_settings: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    captioned: Path | None = None
    """The captions, once they are written."""
    engineer: User = field(init=False)
    people: list[simulation.Person] = field(init=False)
    campaign: Campaign = field(init=False)
    first_agreement: Agreement = field(init=False)
    release: Release = field(init=False)
    run: Run = field(init=False)
    critic: Critic = field(init=False)

    def go(self) -> None:
        """All of it, in order. Raises LoopFailed where a step fails."""
        self.open_campaign()
        self.bring_in("clips", range(self.clips))
        self.rate_all("ratings")
        with self.timed("agreement"):
            self.first_agreement = compute_agreement(self.campaign)
        self.freeze()
        self.caption()
        self.train()
        self.bring_in("new clips", range(self.clips, self.clips + NEW_CLIPS))
        with self.timed("activation"):
            activate(actor=self.engineer, critic=self.critic, campaign=self.campaign)
        self.draft("drafts")
        self.rate_all("ratings with drafts")
        self.bring_in("newer clips", range(self.clips + NEW_CLIPS, self.clips + 2 * NEW_CLIPS))
        drafting.top_up()
        self.draft("drafts again")

    def open_campaign(self) -> None:
        """The engineer, the simulated raters and the campaign."""
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

    def bring_in(self, what: str, indices: range) -> None:
        """Render toy clips and import them through their manifest."""
        with self.bar(f"render {what}", len(indices)) as show:
            manifest = simulation.render_manifest(
                self.folder / "clips", seed=self.seed, indices=indices, on_progress=lambda done, of: show(done)
            )
        with self.bar(f"import {what}", len(indices)) as show:
            report = import_manifest(
                actor=self.engineer,
                campaign=self.campaign,
                manifest=manifest,
                simulated=True,
                on_progress=lambda share, words: show(round(share * len(indices))),
            )
        if report.problems:
            raise LoopFailed(f"{what}: row {report.problems[0].row} did not go in: {report.problems[0].reason}")

    def rate_all(self, what: str) -> None:
        """Simulated raters take every seat there is."""
        seats = simulation.open_seats(self.campaign)
        with self.bar(what, seats) as show:
            simulation.rate(
                campaign=self.campaign, people=self.people, most=seats, on_progress=lambda done, of: show(done)
            )

    def freeze(self) -> None:
        """Ratings become a numbered release."""
        with self.bar("release", 100) as show:
            self.release = build_release(
                actor=self.engineer,
                campaign=self.campaign,
                name="loop",
                policy=ReleasePolicy(allow_small_splits=True),
                progress=lambda share, words: show(round(100 * share)),
            )

    def caption(self) -> None:
        """Clips that nobody rates, with words for what they show; none of a prompt that is measured on."""
        if not self.captions:
            return
        measured = Clip.objects.filter(prompt_group__split__in=HELD_OUT)
        with self.bar("render captioned", self.captions) as show:
            captions = simulation.render_captions(
                self.folder / "captioned",
                seed=self.seed + UNRATED_WORLD,
                count=self.captions,
                held_out=set(measured.values_list("prompt", flat=True)),
                on_progress=lambda done, of: show(done),
            )
        self.captioned = captions
        sft = {**self.engine_settings.get("sft", {}), "captions": str(captions)}
        self.engine_settings = {**self.engine_settings, "sft": sft}

    def train(self) -> None:
        """A tiny Qwen3-VL with fresh weights goes through the stages and is measured."""
        base = self.folder / "base"
        with self.timed("fresh model"):
            words = ["--release", str(release_folder(self.release))]
            words += ["--captions", str(self.captioned)] if self.captioned else []
            _engine("init-tiny", "--out", str(base), *words)
        self.run = start_run(
            actor=self.engineer,
            release=self.release,
            base_model=str(base),
            settings=self.engine_settings,
            name="loop",
            keeps_unreadable=True,  # short stages show that everything works, not how good a critic can be
        )
        with self.bar("train", 1000) as show, _watching(run_folder(self.run), show):
            self.do_job(self.run.job)
        self.run.refresh_from_db()
        self.critic = self.run.critics.get()

    def draft(self, what: str) -> None:
        """Do the drafting jobs that wait, as a worker would."""
        waiting = Job.objects.filter(kind=drafting.KIND, state=JobState.QUEUED).order_by("created_at")
        with self.timed(what):
            while (job := waiting.first()) is not None:
                self.do_job(job)

    def do_job(self, job: Job | None) -> None:
        done = jobs.run(job.pk) if job else None
        if done is None or done.state != JobState.DONE:
            raise LoopFailed(f"{done}: {done.error}" if done else "a job was gone before it was done")

    @property
    def drafts(self) -> int:
        return Draft.objects.filter(item__campaign=self.campaign, critic=str(self.critic)).count()

    @property
    def failed_drafts(self) -> int:
        return FailedDraft.objects.filter(critic=self.critic).count()

    @property
    def ratings(self) -> int:
        return Rating.objects.filter(item__campaign=self.campaign).count()

    @property
    def model_folder(self) -> Path:
        return Path(model_of(self.critic))

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[what] = time.monotonic() - started

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """A progress bar; what is yielded takes how many are done."""
        with self.timed(what), tqdm(total=total, desc=f"{what:<20}", disable=None) as shown:
            yield lambda done: _ignore(shown.update(done - shown.n))


def _ignore(_: object) -> None:
    return None


@contextmanager
def _watching(folder: Path, show: Callable[[int], None]) -> Iterator[None]:
    """While the job waits for its trainer in this thread, another one shows how far the trainer came."""
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


def _engine(*arguments: str) -> None:
    command = [sys.executable, "-m", "modelassist.engine", *arguments]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LoopFailed(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-1000:]}")
