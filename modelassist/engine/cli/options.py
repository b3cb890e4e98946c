"""The command line of the engine: everything a GPU box needs, with no database.

python -m modelassist.engine init-tiny --out DIR [--kind qwen2_5_vl] [--release DIR] [--captions FILE] [--seed N]
python -m modelassist.engine settings [--recipe NAME]
python -m modelassist.engine size --model MODEL [--recipe NAME] [--config FILE] [--set NAME=VALUE] [--gpus N] ..
python -m modelassist.engine train --release DIR --model MODEL --out DIR [--recipe NAME] [--config FILE]
    [--set NAME=VALUE] [--stages ..] [--resume] [--keep-unreadable]
python -m modelassist.engine check --model MODEL
python -m modelassist.engine score VIDEO|FOLDER|MANIFEST --model DIR [--prompt TEXT] [--out FILE] [--html DIR] [--json]
python -m modelassist.engine frames VIDEO [--model MODEL | --config FILE] [--out FILE]
python -m modelassist.engine evaluate --release DIR --model DIR --split test --out DIR [--previous MODEL]

What is asked for is read here; it is done in `commands`, which loads torch. So help and slips of the pen are answered
at once.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelassist.engine.settings.config import STAGES, TOKENS_PER_BATCH
from modelassist.engine.training.presets import recipe_names
from qsave.splits import SPLITS

KINDS = ("qwen3_vl", "qwen2_5_vl")
"""Of tiny models."""
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. Foreseen errors are one line on stderr."""
    options = _parser().parse_args(arguments)
    try:
        from modelassist.engine.cli import commands  # loads torch, which takes seconds

        return commands.run(options)
    except KeyboardInterrupt:
        print(f"\nstopped; {options.to_go_on}", file=sys.stderr)
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m modelassist.engine", description="Train, measure and use a critic."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _add_settings(commands)
    _add_size(commands)
    _add_train(commands)
    _add_check(commands)
    _add_score(commands)
    _add_frames(commands)
    _add_evaluate(commands)
    _add_init_tiny(commands)
    return parser


def _add(commands: Any, name: str, help: str, to_go_on: str = "run the same command again") -> argparse.ArgumentParser:
    """A command; `to_go_on` is said where somebody stops it."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=help, description=help.capitalize())
    command.set_defaults(to_go_on=to_go_on)
    return command


def _add_settings(commands: Any) -> None:
    command = _add(commands, "settings", "print every setting of a run, explained, as TOML to start from")
    command.add_argument(
        "--recipe", choices=recipe_names(), default="", help="those of a recipe; default: a tiny model's"
    )


def _add_size(commands: Any) -> None:
    command = _add(commands, "size", "what a training run takes: memory by item, tokens, operations, speed")
    command.add_argument("--model", required=True, help="folder or hub id; its weights are not needed")
    _add_config(command)
    command.add_argument("--gpus", type=_count, default=1, help="how many share the run; default: 1")
    command.add_argument("--gpu", default="H100", help="which, H100 or A100, say; default: H100")


def _add_train(commands: Any) -> None:
    command = _add(
        commands,
        "train",
        "SFT, GRPO and cool-down on a release, then the evaluation",
        "go on with the same command and --resume",
    )
    command.add_argument("--release", type=Path, required=True, help="folder of a frozen release")
    command.add_argument("--model", required=True, help="folder or hub id of a Qwen3-VL or Qwen2.5-VL to start from")
    command.add_argument("--out", type=Path, required=True, help="folder of the run")
    _add_config(command)
    command.add_argument(
        "--allow-high-rates",
        action="append_const",
        dest="overrides",
        const="allow_high_rates=true",
        help="take learning rates beyond what such a model bears",
    )
    command.add_argument("--stages", type=_stages, default=STAGES, help="of sft,grpo,cooldown; default: all")
    command.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")
    command.add_argument("--previous", help="a critic to stand beside the new one in the evaluation")
    command.add_argument(
        "--keep-unreadable",
        action="store_true",
        help="succeed even if too few answers of the critic can be read: for trials of the way, not of a critic",
    )


def _add_config(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--recipe",
        choices=recipe_names(),
        default="",
        help="settings to start from; default: a tiny model's own, for a pretrained one those of adapters (LoRA)",
    )
    command.add_argument("--config", type=Path, help="settings in TOML or JSON, which go over those of the recipe")
    command.add_argument(
        "--set",
        action="append",
        dest="overrides",
        default=[],
        metavar="NAME=VALUE",
        help="one setting, which goes over the file: sft.learning_rate=1e-5; may be given often",
    )


def _add_check(commands: Any) -> None:
    command = _add(commands, "check", "try whether a model loads and writes here")
    command.add_argument("--model", required=True, help="folder or hub id")


def _add_score(commands: Any) -> None:
    command = _add(
        commands,
        "score",
        "report cards of one video, a folder of them, or a manifest",
        "with --out, the same command goes on with what is left",
    )
    command.add_argument("source", type=Path, help="a video, a folder, or a .csv or .jsonl with video and prompt")
    command.add_argument("--prompt", help="what the video was asked to show, where no text file beside it says so")
    command.add_argument("--model", required=True, help="folder of a critic")
    command.add_argument("--out", type=Path, help="JSON lines, one a clip; a run that was cut goes on with its file")
    command.add_argument("--html", type=Path, help="folder for pages to read")
    command.add_argument("--json", action="store_true", help="without --out: print a JSON line a clip")
    _add_generation(command)


def _add_frames(commands: Any) -> None:
    command = _add(commands, "frames", "a contact sheet: which frames of a video are looked at, and why")
    command.add_argument("video", type=Path)
    settings = command.add_mutually_exclusive_group()
    settings.add_argument("--model", help="look as this critic does; default: the settings' defaults")
    settings.add_argument("--config", type=Path, help="look as a run with these settings does")
    command.add_argument("--out", type=Path, help="PNG, or a folder for it; default: the video's name-frames.png, here")


def _add_evaluate(commands: Any) -> None:
    command = _add(commands, "evaluate", "measure a critic on a split of a release")
    command.add_argument("--release", type=Path, required=True, help="folder of a frozen release")
    command.add_argument("--model", required=True, help="folder or hub id of the critic")
    command.add_argument("--split", choices=SPLITS, default="test", help="default: test")
    command.add_argument("--out", type=Path, required=True, help="folder for report, figures, predictions and plots")
    command.add_argument("--previous", help="another critic, to stand beside this one")
    command.add_argument("--seed", type=int, default=0, help="of what is drawn; default: 0")
    _add_generation(command)


def _add_generation(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--tokens-per-batch",
        type=_count,
        default=TOKENS_PER_BATCH,
        help=f"prompt and output tokens side by side: lower it where memory runs out; default: {TOKENS_PER_BATCH}",
    )
    command.add_argument(
        "--samples",
        type=_count,
        default=1,
        help="answers of a clip that are drawn and averaged; default: 1, the greedy one",
    )


def _add_init_tiny(commands: Any) -> None:
    command = _add(commands, "init-tiny", "build a tiny model with fresh weights")
    command.add_argument("--kind", choices=KINDS, default=KINDS[0], help=f"default: {KINDS[0]}")
    command.add_argument("--out", type=Path, required=True, help="folder of the model")
    command.add_argument("--release", type=Path, help="take the words of its train split into the vocabulary")
    command.add_argument("--captions", type=Path, help="take the words of a file of captions in as well")
    command.add_argument("--seed", type=int, default=0, help="of the weights; default: 0")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on; got {text!r}")
    return int(text)


def _stages(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if any(name not in STAGES for name in names) or list(names) != [s for s in STAGES if s in names]:
        raise argparse.ArgumentTypeError(f"some of {','.join(STAGES)}, in this order; got {text!r}")
    return names
