"""`make loop`: run the whole loop in its own database and folders, with a table of figures at the end."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotation.models import Draft
from annotation.rating.drafts import read_proposal
from modelassist.bridge import release_folder, run_folder
from modelassist.engine.evaluation.text import render_evaluation_table
from modelassist.engine.settings.config import ConfigError, parse_config, read_settings
from modelassist.reads.evaluation import write_number
from modelassist.services.loop import Loop, LoopFailed
from modelassist.services.own_folder import run_in
from modelassist.services.simulation import count_draft_uses
from modelassist.services.starter import StarterRefused, keep_starter
from qsave.axes import Axis
from qsave.proposal import AxisProposal
from qsave.run.evaluation import Evaluation
from qsave.statistics.evidence import Weighed
from qsave.statistics.figures import Figure, Interval, Undefined

SETTINGS: dict[str, Any] = {
    "sft": {"steps": 300},
    "grpo": {"rounds": 8},
    "cooldown": {"steps": 15, "probe": 6, "samples": 4},
}
"""Settings with short stages: they show that every step works, not how good a critic can be."""


class Command(BaseCommand):
    """Runs the loop; ends with an error if a step fails."""

    help = "Run the whole loop headless with simulated clips and raters, in a folder of its own."
    requires_system_checks: list[str] = []  # noqa: RUF012  # Django's own signature

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workdir", type=Path, help="a new folder for everything; default var/loop/<time>")
        parser.add_argument("--clips", type=int, default=180, help="toy clips to rate and train on")
        parser.add_argument(
            "--captions", type=int, default=0, help="more toy clips, unrated, to be described in training"
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--engine-settings", type=Path, help="TOML or JSON, in place of the short stages")
        parser.add_argument("--keep-starter", action="store_true", help="keep the critic as modelassist/starter/")

    def handle(self, *args: Any, **options: Any) -> None:
        engine_settings = _read_settings(options["engine_settings"])
        folder = (
            options["workdir"] or settings.BASE_DIR / "var" / "loop" / f"{timezone.now():%Y%m%d-%H%M%S}"
        ).resolve()
        run_in(folder, _build_command(options))
        started = time.monotonic()
        call_command("migrate", interactive=False, verbosity=0)
        counts = {name: options[name] for name in ("clips", "captions", "seed")}
        loop = Loop(folder=folder, engine_settings=engine_settings, **counts)
        try:
            loop.run_all()
        except LoopFailed as error:
            raise CommandError(f"{error}\nThe results so far are in {folder}.") from None
        for line in report(loop, time.monotonic() - started):
            self.stdout.write(line)
        if options["keep_starter"]:
            self._keep_starter(loop)

    def _keep_starter(self, loop: Loop) -> None:
        options = f"--clips {loop.clips} --captions {loop.captions} --seed {loop.seed}"
        command = f"manage.py loop {options} --engine-settings <below> --keep-starter"
        try:
            folder = keep_starter(loop, command=command, table=_render_evaluation(loop))
        except StarterRefused as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"kept as the starter: {folder}")


def _read_settings(path: Path | None) -> dict[str, Any]:
    """Read and check the engine settings, so that an error appears before the clips are rendered."""
    try:
        value = read_settings(path) if path else SETTINGS
        parse_config(value)
    except ConfigError as error:
        raise CommandError(f"--engine-settings: {error}") from None
    assert isinstance(value, dict)  # parse_config takes nothing else
    return value


def _build_command(options: dict[str, Any]) -> list[str]:
    """Build the arguments of this command, to run it again in its own folder."""
    command = ["loop"]
    for name in ("clips", "captions", "seed"):
        command += [f"--{name}", str(options[name])]
    command += ["--engine-settings", str(options["engine_settings"].resolve())] if options["engine_settings"] else []
    return [*command, "--keep-starter"] if options["keep_starter"] else command


def report(loop: Loop, seconds: float) -> list[str]:
    """Build the lines of the table at the end."""
    return [
        "\nAGREEMENT of the simulated raters",
        *_list_agreement_lines(loop),
        "\nTHE CRITIC on held-out clips, by free generation",
        _render_evaluation(loop),
        "\nDRAFTS",
        f"by {loop.critic}: {loop.drafts} drafts; {loop.failed_drafts} attempts gave no report card",
        "axes of ratings, by what raters did with the draft: "
        + ", ".join(f"{use} {count}" for use, count in count_draft_uses(loop.campaign).items()),
        *_list_example_lines(loop),
        "\nTIME",
        *(f"{what:<22}{taken:7.1f} s" for what, taken in loop.seconds.items()),
        f"{'all':<22}{seconds:7.1f} s",
        "\nWHERE EVERYTHING IS",
        f"database  {settings.DATABASES['default']['NAME']}",
        f"clips     {settings.MEDIA_ROOT}",
        f"release   {release_folder(loop.release)}",
        f"run       {run_folder(loop.run)}",
        f"critic    {loop.model_folder}",
        f"look at it with  QSAVE_VAR={loop.folder} make run",
    ]


def _render_evaluation(loop: Loop) -> str:
    return render_evaluation_table(Evaluation.from_json(loop.run.evaluation))


def _list_agreement_lines(loop: Loop) -> list[str]:
    counts = f"{loop.first_agreement.ratings} ratings of {loop.first_agreement.clips} clips"
    head = f"{'axis':<12}{'ordinal alpha':<24}{'mean MOS':<10}{'single rater SRCC':<20}{'ceiling SRCC'}"
    lines = [
        f"{axis.axis:<12}{_format_estimate(axis.blind.alpha):<24}{_format_figure(axis.mos.estimate.value):<10}"
        f"{_format_figure(axis.reach.baseline_srcc.value):<20}{_format_figure(axis.reach.ceiling_srcc.value)}"
        for axis in loop.first_agreement.axes
    ]
    return [counts, head, *lines]


def _list_example_lines(loop: Loop) -> list[str]:
    """Show the newest draft, as a rater would see it."""
    draft = Draft.objects.filter(item__campaign=loop.campaign).select_related("item__clip").order_by("-pk").first()
    if draft is None:
        return []
    return [
        f"the newest, of {draft.item.clip.clip_id} ({draft.item.clip.prompt!r}):",
        *(_describe_axis(axis, one) for axis, one in read_proposal(draft).axes.items()),
    ]


def _describe_axis(axis: Axis, proposed: AxisProposal) -> str:
    score = "no score" if proposed.score is None else f"{proposed.score:.2f}"
    return f"  {axis:<10} {score}  {proposed.reason}"


def _format_figure(value: Figure) -> str:
    return "undefined" if isinstance(value, Undefined) else write_number(value)


def _format_estimate(figure: Weighed) -> str:
    interval = figure.estimate.interval
    if figure.is_thin or not isinstance(interval, Interval):
        return "too few to say"
    return f"{_format_figure(figure.estimate.value)} ({write_number(interval.low)} to {write_number(interval.high)})"
