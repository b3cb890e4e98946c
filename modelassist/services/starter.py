"""The starter critic: a small critic that the loop trained. It is stored in the checkout, so drafting works at once.

Its folder has the model, `evaluation.json` and `README.md` (its card, which explains how weak it is).
"""

import json
import shutil
from pathlib import Path
from textwrap import indent

from django.conf import settings

from accounts.models import User
from modelassist.engine.models.folder import check_model
from modelassist.engine.settings.config import Config
from modelassist.models import Critic
from modelassist.services.critics import Lineage, Papers, register_critic
from modelassist.services.loop import Loop
from qsave.run.files import EVALUATION_FILE

NAME = "starter"
MAX_BYTES = 16 * 1024 * 1024
CARD = "README.md"


class StarterRefused(ValueError):
    """The critic cannot be the starter; the message says why."""


def get_starter_folder() -> Path:
    """Return the folder of the starter."""
    return Path(settings.BASE_DIR) / "modelassist" / "starter"


def register_starter(*, actor: User) -> Critic:
    """Register the starter with its evaluation and its card; raises ModelError if the checkout has none."""
    folder = get_starter_folder()
    check_model(str(folder))
    return register_critic(
        actor=actor,
        name=NAME,
        model=str(folder),
        kind=Critic.Kind.STARTER,
        lineage=Lineage(simulated=True),
        papers=Papers(
            evaluation=json.loads((folder / EVALUATION_FILE).read_text(encoding="utf-8")),
            card=(folder / CARD).read_text(encoding="utf-8"),
            licence="Apache-2.0",
        ),
    )


def keep_starter(loop: Loop, *, command: str, table: str) -> Path:
    """Replace the starter by the loop's critic, with figures and a card; raises StarterRefused if it is too large."""
    source, folder = loop.model_folder, get_starter_folder()
    size = sum(path.stat().st_size for path in source.iterdir())
    if size > MAX_BYTES:
        raise StarterRefused(f"{source} has {size} bytes; a starter has at most {MAX_BYTES}.")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    evaluation = {key: value for key, value in loop.run.evaluation.items() if key not in ("model", "problems")}
    (folder / EVALUATION_FILE).write_text(json.dumps(evaluation, indent=1) + "\n", encoding="utf-8")
    (folder / CARD).write_text(write_card(loop, command=command, table=table, size=size), encoding="utf-8")
    return folder


def write_card(loop: Loop, *, command: str, table: str, size: int) -> str:
    """Write the starter's README: how it was made, what it measures, how weak it is."""
    clips = loop.release.counts["clips"]
    return CARD_TEXT.format(
        command=command,
        table=indent(table.strip(), "    "),
        megabytes=size / 1e6,
        clips=", ".join(f"{count} {split}" for split, count in clips.items()),
        ratings=loop.first_agreement.ratings,
        raters=len(loop.people),
        minutes=loop.seconds["train"] / 60,
        settings=json.dumps(loop.engine_settings),
        drafts=loop.drafts,
        failed=loop.failed_drafts,
        answers=loop.engine_settings.get("samples", Config().samples),
        release=loop.release.content_hash[:12],
        stages=", ".join(loop.run.evaluation["stages"]),
    )


CARD_TEXT = """\
# The starter critic

A tiny Qwen3-VL ({megabytes:.1f} MB in bfloat16) that drafts report cards from the first minute of a fresh checkout. It
knows the project's toy world and nothing else.

## How it was made

    {command}

Fresh weights, then {stages} on one release of toy clips ({clips}; content hash {release}...), rated by
{raters} simulated raters ({ratings} ratings). No person rated anything here and no outside data went in. Training took
{minutes:.0f} minutes on CPU; the settings that differ from the engine's defaults: `{settings}`.

## What it measures

By free generation on held-out toy clips (answers a clip: {answers}, averaged; a draft is a single one), against the
mean of simulated blind ratings, beside the constant predictor (the train mean) and itself with blank frames. Intervals
are 95% bootstraps over prompts.

{table}

In the same loop it wrote {drafts} drafts for new toy clips; {failed} more tries gave no report card.

## How weak it is

- **It knows nothing about real video.** It never saw any. What it says about a real clip is noise, at best in the
  form of a report card.
- It has some two million weights and learned its few hundred words from simulated raters. A fluent sentence of it
  need not be true. If a figure above does not differ from that with blank frames, the critic guesses.
- Its licence is the project's, Apache-2.0.

`make loop` makes another; `manage.py loop --keep-starter` puts it here.
"""
