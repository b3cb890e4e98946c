"""The command line of the engine: everything a GPU box needs, with no database.

python -m modelassist.engine init-tiny --out DIR [--kind qwen2_5_vl] [--release DIR] [--captions FILE] [--seed N]
python -m modelassist.engine settings
python -m modelassist.engine size --model MODEL [--config FILE] [--gpus N] [--gpu NAME]
python -m modelassist.engine train --release DIR --model MODEL --out DIR [--config FILE] [--stages ..] [--resume]
python -m modelassist.engine score VIDEO|FOLDER|MANIFEST --model DIR [--prompt TEXT] [--out FILE] [--html DIR] [--json]
python -m modelassist.engine frames VIDEO [--model MODEL | --config FILE] [--out FILE]
python -m modelassist.engine evaluate --release DIR --model DIR --split test --out DIR [--previous MODEL]
"""

import argparse
import errno
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from modelassist.engine.checkpoints import CheckpointError
from modelassist.engine.config import STAGES, TOKENS_PER_BATCH, ConfigError, load_config
from modelassist.engine.contact_sheet import describe, write_sheet
from modelassist.engine.data import DataError, FrameStore, load_captions, load_examples
from modelassist.engine.flops import PEAKS
from modelassist.engine.machine import Machine
from modelassist.engine.material import gather_held_out, open_release
from modelassist.engine.measure import measure, write_evaluation
from modelassist.engine.memory import MemoryFullError, memory_limit
from modelassist.engine.model import ModelError, check, frame_config, outline
from modelassist.engine.optimise import TrainingError
from modelassist.engine.report import evaluation_table
from modelassist.engine.score import ScoreOptions, score
from modelassist.engine.settings import settings_text
from modelassist.engine.size import size_of, told
from modelassist.engine.tiny import TINY_CONFIGS, init_tiny
from modelassist.engine.train import RUN_FILE, train
from qsave.frames.container import MediaError
from qsave.frames.slowfast import FrameConfig, watch
from qsave.release import SPLITS, ReleaseError, ReleaseReader

_KNOWN_ERRORS = (
    CheckpointError,
    ConfigError,
    DataError,
    MediaError,
    MemoryFullError,
    ModelError,
    ReleaseError,
    TrainingError,
    OSError,
)
_ONES_OWN = (MemoryFullError, OSError)
"""What one of several processes may meet alone. All meet the other errors, and the first says so."""
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. Foreseen errors are one line on stderr."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        return status
    except _KNOWN_ERRORS as error:
        rank = int(os.environ.get("RANK", "0"))
        if rank == 0 or isinstance(error, _ONES_OWN):
            print(f"error: {_said(error)}" if rank == 0 else f"error: process {rank}: {_said(error)}", file=sys.stderr)
        return 1


def _said(error: Exception) -> str:
    """The error in one line; torch and the file system know what happened, not how to go on."""
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        where = f"the disk of {error.filename}" if error.filename else "the disk"
        return f"no space is left on {where}: make room there and run this again, a training with --resume"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m modelassist.engine", description="Train, measure and use a critic."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_settings(commands)
    _add_size(commands)
    _add_train(commands)
    _add_score(commands)
    _add_frames(commands)
    _add_evaluate(commands)
    _add_init_tiny(commands)
    return parser


def _add_settings(commands: Any) -> None:
    command = commands.add_parser("settings", help="print every setting of a run, explained, as TOML to start from")
    command.set_defaults(run=_settings)


def _add_size(commands: Any) -> None:
    command = commands.add_parser("size", help="what a training run takes: memory by item, tokens, operations, speed")
    command.add_argument("--model", required=True, help="folder or hub id; its weights are not needed")
    command.add_argument("--config", type=Path, help="settings in TOML or JSON; defaults elsewhere")
    command.add_argument("--gpus", type=_count, default=1, help="how many share the run; default: 1")
    command.add_argument("--gpu", choices=list(PEAKS), default="H100", help="which; default: H100")
    command.set_defaults(run=_size)


def _add_train(commands: Any) -> None:
    command = commands.add_parser("train", help="SFT, GRPO and cool-down on a release, then the evaluation")
    command.add_argument("--release", type=Path, required=True, help="folder of a frozen release")
    command.add_argument("--model", required=True, help="folder or hub id of a Qwen3-VL or Qwen2.5-VL to start from")
    command.add_argument("--out", type=Path, required=True, help="folder of the run")
    command.add_argument("--config", type=Path, help="settings in TOML or JSON; defaults elsewhere")
    command.add_argument("--stages", type=_stages, default=STAGES, help="of sft,grpo,cooldown; default all")
    command.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")
    command.add_argument("--previous", help="a critic to stand beside the new one in the evaluation")
    command.set_defaults(run=_train)


def _add_score(commands: Any) -> None:
    command = commands.add_parser("score", help="report cards of one video, a folder of them, or a manifest")
    command.add_argument("source", type=Path, help="a video, a folder, or a .csv or .jsonl with video and prompt")
    command.add_argument("--prompt", help="what the video was asked to show, where no text file beside it says so")
    command.add_argument("--model", required=True, help="folder of a critic")
    command.add_argument("--out", type=Path, help="JSON lines, one a clip; a run that was cut goes on with its file")
    command.add_argument("--html", type=Path, help="folder for pages to read")
    command.add_argument("--json", action="store_true", help="print the card of a single video as JSON")
    _add_generation(command)
    command.set_defaults(run=_score)


def _add_frames(commands: Any) -> None:
    command = commands.add_parser("frames", help="a contact sheet: which frames of a video are looked at, and why")
    command.add_argument("video", type=Path)
    settings = command.add_mutually_exclusive_group()
    settings.add_argument("--model", help="look as this critic does; default: the settings' defaults")
    settings.add_argument("--config", type=Path, help="look as a run with these settings does")
    command.add_argument("--out", type=Path, help="PNG; default: the video's name with -frames.png, here")
    command.set_defaults(run=_frames)


def _add_evaluate(commands: Any) -> None:
    command = commands.add_parser("evaluate", help="measure a critic on a split of a release")
    command.add_argument("--release", type=Path, required=True)
    command.add_argument("--model", required=True)
    command.add_argument("--split", choices=SPLITS, default="test")
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("--previous", help="another critic, to stand beside this one")
    command.add_argument("--seed", type=int, default=0)
    _add_generation(command)
    command.set_defaults(run=_evaluate)


def _add_generation(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--tokens-per-batch", type=_count, default=TOKENS_PER_BATCH, help="prompt and output, side by side"
    )
    command.add_argument(
        "--samples", type=_count, default=1, help="answers of a clip that are drawn and averaged; 1, the greedy one"
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on; got {text!r}")
    return int(text)


def _add_init_tiny(commands: Any) -> None:
    command = commands.add_parser("init-tiny", help="build a tiny model with fresh weights")
    command.add_argument("--kind", choices=sorted(TINY_CONFIGS), default="qwen3_vl", help="default: qwen3_vl")
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("--release", type=Path, help="take the words of its train split into the vocabulary")
    command.add_argument("--captions", type=Path, help="take the words of a file of captions in as well")
    command.add_argument("--seed", type=int, default=0)
    command.set_defaults(run=_init_tiny)


def _stages(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if not names or any(name not in STAGES for name in names) or list(names) != [s for s in STAGES if s in names]:
        raise argparse.ArgumentTypeError(f"stages are {','.join(STAGES)}, in this order; got {text!r}")
    return names


def _settings(options: argparse.Namespace) -> int:
    print(settings_text(), end="")
    return 0


def _size(options: argparse.Namespace) -> int:
    config = load_config(options.config)
    print("\n".join(told(size_of(outline(options.model), config, options.gpus), options.gpu)))
    return 0


def _train(options: argparse.Namespace) -> int:
    config = load_config(options.config)
    evaluation = train(
        options.release,
        options.model,
        options.out,
        config,
        stages=options.stages,
        resume=options.resume,
        previous=options.previous,
    )
    if not evaluation:
        return 0  # another process evaluates
    print(evaluation_table(evaluation))
    print(f"critic: {options.out / 'model'}\nreport: {options.out / 'evaluation.md'}")
    return 0


def _score(options: argparse.Namespace) -> int:
    failed = score(
        ScoreOptions(
            source=options.source,
            model=options.model,
            prompt=options.prompt,
            out=options.out,
            html=options.html,
            as_json=options.json,
            tokens_per_batch=options.tokens_per_batch,
            samples=options.samples,
        )
    )
    return 1 if failed else 0


def _frames(options: argparse.Namespace) -> int:
    config = frame_config(options.model) if options.model else load_config(options.config).frames or FrameConfig()
    out = options.out or Path(f"{options.video.stem}-frames.png")
    try:
        watched = watch(options.video, config)
    except MediaError as error:
        raise MediaError(f"{options.video}: {error}") from None
    write_sheet(out, options.video.name, watched, config)
    print(f"{describe(watched)}\ncontact sheet: {out}")
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    for model in filter(None, (options.model, options.previous)):
        check(model)
    if (options.out / RUN_FILE).exists():
        raise DataError(f"{options.out} is the folder of a run, which has its own evaluation: name another --out")
    reader = open_release(options.release)
    store = FrameStore(options.out / "cache" / "frames", frame_config(options.model))
    options.out.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    held_out = gather_held_out(reader, store, [options.split], Machine(), problems.append)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not held_out:
        raise DataError(f"{options.release}: its {options.split} split has no readable clips")
    constant = load_examples(reader, "sft", "train")
    with memory_limit("evaluation", f"lower --tokens-per-batch (now {options.tokens_per_batch})"):
        evaluation = measure(
            options.model,
            reader,
            held_out,
            constant,
            options.out,
            previous=options.previous,
            budget=options.tokens_per_batch,
            seed=options.seed,
            samples=options.samples,
        )
    about = {"model": options.model, "release": reader.manifest["content_hash"], "problems": sorted(problems)}
    evaluation |= about
    write_evaluation(options.out, evaluation)
    print(evaluation_table(evaluation))
    print(f"report: {options.out / 'evaluation.md'}")
    return 0


def _init_tiny(options: argparse.Namespace) -> int:
    texts = list(_texts(ReleaseReader(options.release))) if options.release else []
    captioned = load_captions(options.captions) if options.captions else []
    init_tiny(
        options.out, kind=options.kind, seed=options.seed, texts=[*texts, *(example.answer for example in captioned)]
    )
    print(f"a tiny {options.kind} with fresh weights: {options.out}")
    return 0


def _texts(reader: ReleaseReader) -> Iterator[str]:
    """What the train split says; held-out words stay unknown."""
    for row in reader.rows("sft", "train"):
        yield from (message["content"] for message in row.messages if message["role"] != "system")
