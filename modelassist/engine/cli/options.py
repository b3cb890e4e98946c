"""The command line of the engine: everything a GPU box needs, with no database.

python -m modelassist.engine init-tiny --out DIR [--kind qwen2_5_vl] [--release DIR] [--captions FILE] [--seed N]
python -m modelassist.engine settings [--recipe NAME]
python -m modelassist.engine size --model MODEL [--recipe NAME] [--config FILE] [--set NAME=VALUE] [--gpus N] ..
python -m modelassist.engine train --release DIR --model MODEL --out DIR [--recipe NAME] [--config FILE]
    [--set NAME=VALUE] [--stages ..] [--resume] [--keep-unreadable]
python -m modelassist.engine check --model MODEL
python -m modelassist.engine score VIDEO|FOLDER|MANIFEST --model DIR [--prompt TEXT] [--out FILE] [--html DIR] [--json]
python -m modelassist.engine serve --model DIR [--host HOST] [--port N] [--name NAME] [--key-file FILE]
python -m modelassist.engine frames VIDEO [--model MODEL | --config FILE] [--out FILE]
python -m modelassist.engine evaluate --release DIR --model DIR --split test --out DIR [--previous MODEL]

Options are read here and commands run in `commands`, which loads torch: help and usage errors are printed at once.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelassist.engine.settings.config import STAGES, TOKENS_PER_BATCH
from modelassist.engine.training.presets import list_recipes
from qsave.splits import SPLITS

KINDS = ("qwen3_vl", "qwen2_5_vl")
"""Kinds of tiny models."""
_INTERRUPTED = 130
_LAST_PORT = 65_535


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. Known errors are printed as one line on stderr."""
    options = _build_parser().parse_args(arguments)
    try:
        from modelassist.engine.cli import commands  # loads torch, which takes seconds

        return commands.run(options)
    except KeyboardInterrupt:
        print(f"\nstopped; to continue, {options.how_to_continue}.", file=sys.stderr)
        return _INTERRUPTED


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m modelassist.engine", description="Train, evaluate and use a critic."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _add_settings(commands)
    _add_size(commands)
    _add_train(commands)
    _add_check(commands)
    _add_score(commands)
    _add_serve(commands)
    _add_frames(commands)
    _add_evaluate(commands)
    _add_init_tiny(commands)
    return parser


def _add_command(
    commands: Any, name: str, help: str, how_to_continue: str = "run the same command again"
) -> argparse.ArgumentParser:
    """Add a command; `how_to_continue` is printed when a user stops it."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")
    command.set_defaults(how_to_continue=how_to_continue)
    return command


def _add_settings(commands: Any) -> None:
    command = _add_command(
        commands, "settings", "print every setting of a run, with its meaning, as TOML to start from"
    )
    command.add_argument(
        "--recipe", choices=list_recipes(), default="", help="settings of a recipe; default: those of a tiny model"
    )


def _add_size(commands: Any) -> None:
    command = _add_command(
        commands, "size", "estimate what a training run takes: memory by item, tokens, operations, speed"
    )
    command.add_argument("--model", required=True, help="folder or hub id; its weights are not needed")
    _add_config(command)
    command.add_argument("--gpus", type=_parse_count, default=1, help="number of GPUs that share the run; default: 1")
    command.add_argument("--gpu", default="H100", help="kind of GPU, for example H100 or A100; default: H100")


def _add_train(commands: Any) -> None:
    command = _add_command(
        commands,
        "train",
        "run SFT, GRPO and cool-down on a release, then the evaluation",
        "run the same command with --resume",
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
        help="allow learning rates above the limit for such a model",
    )
    command.add_argument("--stages", type=_parse_stages, default=STAGES, help="some of sft,grpo,cooldown; default: all")
    command.add_argument("--resume", action="store_true", help="resume from the last checkpoint in --out")
    command.add_argument("--previous", help="a critic to compare the new one with in the evaluation")
    command.add_argument(
        "--keep-unreadable",
        action="store_true",
        help="succeed even if too few answers of the critic can be read: for a test of the pipeline, not of a critic",
    )


def _add_config(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--recipe",
        choices=list_recipes(),
        default="",
        help="settings to start from; default: those of a tiny model, or of adapters (LoRA) for a pretrained model",
    )
    command.add_argument("--config", type=Path, help="settings in TOML or JSON; they override those of the recipe")
    command.add_argument(
        "--set",
        action="append",
        dest="overrides",
        default=[],
        metavar="NAME=VALUE",
        help="one setting; overrides the file: sft.learning_rate=1e-5; may be repeated",
    )


def _add_check(commands: Any) -> None:
    command = _add_command(commands, "check", "check whether a model loads and generates on this machine")
    command.add_argument("--model", required=True, help="folder or hub id")


def _add_score(commands: Any) -> None:
    command = _add_command(
        commands,
        "score",
        "write report cards of one video, a folder of them, or a manifest",
        "run the same command again; with --out it scores only the clips that are left",
    )
    command.add_argument("source", type=Path, help="a video, a folder, or a .csv or .jsonl with video and prompt")
    command.add_argument("--prompt", help="prompt of videos without a text file of their own")
    command.add_argument("--model", required=True, help="folder of a critic")
    command.add_argument(
        "--out",
        type=Path,
        help="JSON lines, one a clip; clips that it already holds are not scored again",
    )
    command.add_argument("--html", type=Path, help="folder for HTML pages")
    command.add_argument("--json", action="store_true", help="without --out: print a JSON line for each clip")
    command.add_argument(
        "--direct",
        action="store_true",
        help="scores alone, without reasons and defects: several times faster, for ranking and scoring at scale",
    )
    _add_generation(command)


def _add_serve(commands: Any) -> None:
    command = _add_command(commands, "serve", "answer questions about clips by OpenAI's chat protocol, until stopped")
    command.add_argument("--model", required=True, help="folder or hub id of a critic")
    command.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; default: 127.0.0.1, this machine only"
    )
    command.add_argument("--port", type=_parse_port, default=8000, help="0 takes any free one; default: 8000")
    command.add_argument("--name", help="name of the model in requests; default: the last part of --model")
    command.add_argument("--key-file", type=Path, help="file with a key that every request must have")


def _add_frames(commands: Any) -> None:
    command = _add_command(commands, "frames", "write a contact sheet: which frames of a video the model gets, and why")
    command.add_argument("video", type=Path)
    settings = command.add_mutually_exclusive_group()
    settings.add_argument("--model", help="frame settings of a critic; default: those of the engine")
    settings.add_argument("--config", type=Path, help="frame settings of a file for a run")
    command.add_argument("--out", type=Path, help="PNG, or a folder for it; default: NAME-frames.png, here")


def _add_evaluate(commands: Any) -> None:
    command = _add_command(commands, "evaluate", "evaluate a critic on a split of a release")
    command.add_argument("--release", type=Path, required=True, help="folder of a frozen release")
    command.add_argument("--model", required=True, help="folder or hub id of the critic")
    command.add_argument("--split", choices=SPLITS, default="test", help="default: test")
    command.add_argument(
        "--out", type=Path, required=True, help="folder of the report, its figures, predictions and plots"
    )
    command.add_argument("--previous", help="another critic to compare this one with")
    command.add_argument("--seed", type=int, default=0, help="seed of samples and intervals; default: 0")
    _add_generation(command)


def _add_generation(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--tokens-per-batch",
        type=_parse_count,
        default=TOKENS_PER_BATCH,
        help=f"prompt and output tokens of a batch: lower it if memory runs out; default: {TOKENS_PER_BATCH}",
    )
    command.add_argument(
        "--samples",
        type=_parse_count,
        default=1,
        help="answers of a clip to sample and average; default: 1, the greedy answer",
    )


def _add_init_tiny(commands: Any) -> None:
    command = _add_command(commands, "init-tiny", "build a tiny model with fresh weights")
    command.add_argument("--kind", choices=KINDS, default=KINDS[0], help=f"default: {KINDS[0]}")
    command.add_argument("--out", type=Path, required=True, help="folder of the model")
    command.add_argument("--release", type=Path, help="add the words of its train split to the vocabulary")
    command.add_argument("--captions", type=Path, help="also add the words of a file of captions")
    command.add_argument("--seed", type=int, default=0, help="seed of the weights; default: 0")


def _parse_count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1; got {text!r}")
    return int(text)


def _parse_port(text: str) -> int:
    if not text.isdecimal() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"a whole number up to {_LAST_PORT}; got {text!r}")
    return int(text)


def _parse_stages(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if any(name not in STAGES for name in names) or list(names) != [s for s in STAGES if s in names]:
        raise argparse.ArgumentTypeError(f"some of {','.join(STAGES)}, in this order; got {text!r}")
    return names
