"""What each command of the engine does, and how its errors are told. Their options are read in `cli`."""

import argparse
import errno
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelassist.engine.evaluation.readable import ADVICE, count_readable
from modelassist.engine.evaluation.run import measure, write_evaluation
from modelassist.engine.evaluation.text import evaluation_table
from modelassist.engine.generation.critic import Critic, generate_answers
from modelassist.engine.inputs.examples import DataError, FrameStore, load_captions, load_examples
from modelassist.engine.inputs.gathering import gather_held_out, open_release
from modelassist.engine.models.distributed import Machine
from modelassist.engine.models.folder import ModelError, check_model
from modelassist.engine.models.loader import load_frame_config, load_outline
from modelassist.engine.models.tiny import init_tiny
from modelassist.engine.scoring.command import ScoreOptions, score
from modelassist.engine.scoring.contact_sheet import describe, write_sheet
from modelassist.engine.settings.config import ConfigError, config_from, load_config, read_settings
from modelassist.engine.settings.sampling import Sampling
from modelassist.engine.settings.template import settings_text
from modelassist.engine.sizing.flops import PEAKS
from modelassist.engine.sizing.report import example_row, size_of, told
from modelassist.engine.support.out_of_memory import MemoryFullError, memory_limit
from modelassist.engine.training.checkpoints import CheckpointError
from modelassist.engine.training.optimise import TrainingError
from modelassist.engine.training.presets import are_same, merge, parse_overrides, read_recipe, settings_for
from modelassist.engine.training.run_folder import RUN_FILE, config_of_run, require_apart
from modelassist.engine.training.train import train
from qsave.frames.guard import MediaError, one_file
from qsave.frames.slowfast import FrameConfig, watch
from qsave.release.encoding import ReleaseError
from qsave.release.reader import ReleaseReader
from qsave.run import EvaluationError

_KNOWN_ERRORS = (
    CheckpointError,
    ConfigError,
    DataError,
    EvaluationError,
    MediaError,
    MemoryFullError,
    ModelError,
    ReleaseError,
    TrainingError,
    OSError,
)
FEW_TOKENS = 2
_ONES_OWN = (MemoryFullError, OSError)
"""What one of several processes may meet alone. All meet the other errors, and the first says so."""
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WRONG_KIND = {
    errno.EEXIST: "there is a file where a folder is wanted",
    errno.ENOTDIR: "there is a file where a folder is wanted",
    errno.EISDIR: "there is a folder where a file is wanted",
}


def run(options: argparse.Namespace) -> int:
    """Do what is asked for; returns the exit status. Foreseen errors are one line on stderr."""
    rank = int(os.environ.get("RANK", "0"))
    try:
        return _COMMANDS[options.command](options)
    except _KNOWN_ERRORS as error:
        if rank == 0 or isinstance(error, _ONES_OWN):
            said = _said(error, options.to_go_on)
            print(f"error: {said}" if rank == 0 else f"error: process {rank}: {said}", file=sys.stderr)
        return 1


def _said(error: Exception, to_go_on: str) -> str:
    """The error in one line; torch and the file system know what happened, not how to go on."""
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        where = f"the disk of {error.filename}" if error.filename else "the disk"
        return f"no space is left on {where}: make room there; {to_go_on}"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {_WRONG_KIND.get(error.errno or 0, error.strerror)}"
    return " ".join(str(error).split())


def _alone(options: argparse.Namespace) -> None:
    """Refuse several processes where each would do all of the work, and write it to the same place."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise DataError(f"{options.command} takes one process: run it without torchrun")


def _settings(options: argparse.Namespace) -> int:
    print(settings_text(config_from(read_recipe(options.recipe) if options.recipe else {})), end="")
    return 0


def _size(options: argparse.Namespace) -> int:
    if options.gpu not in PEAKS:
        raise ConfigError(f"--gpu {options.gpu} is not known here; there is {', '.join(PEAKS)}")
    config = config_from(_settings_of_run(options, {}))
    print("\n".join(told(size_of(load_outline(options.model), config, options.gpus), options.gpu)))
    return 0


def _settings_of_run(options: argparse.Namespace, begun: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a command line means. A run that is resumed without settings has those it began with; one that
    an older version began under the same settings, which then had other defaults, keeps what it had."""
    overrides = parse_overrides(options.overrides)
    load_config(options.config)  # it names the file in what it refuses
    file: Any = read_settings(options.config) if options.config else {}
    given = merge(read_recipe(options.recipe) if options.recipe else {}, file, overrides)
    if begun and not (options.config or options.recipe):
        return merge(begun, overrides)
    if begun and are_same(config_from(given), begun):
        return given
    whole = bool(file) and "rank" not in overrides.get("lora", {})
    return settings_for(options.model, merge(file, overrides), recipe=options.recipe, whole=whole)


def _train(options: argparse.Namespace) -> int:
    begun = config_of_run(options.out) if options.resume else {}
    config = config_from(_settings_of_run(options, begun))
    evaluation = train(
        options.release,
        options.model,
        options.out,
        config,
        stages=options.stages,
        resume=options.resume,
        previous=options.previous,
    )
    if evaluation is None:
        return 0  # another process evaluates
    print(evaluation_table(evaluation))
    print(f"critic: {options.out / 'model'}\nreport: {options.out / 'evaluation.md'}")
    readable = count_readable(evaluation)
    if readable is not None and not readable.is_enough and not options.keep_unreadable:
        raise TrainingError(f"{readable.describe()} Model and report stay in {options.out}. {ADVICE}")
    return 0


def _check(options: argparse.Namespace) -> int:
    """Load a model and let it write a few tokens about an empty clip."""
    _alone(options)
    try:
        with memory_limit(f"loading {options.model}", "take a smaller model or a machine with more memory"):
            critic = Critic.load(options.model).loaded
            critic.max_new_tokens = FEW_TOKENS
            generate_answers(critic, [example_row(critic, direct=False).prompt], Sampling())
    except _KNOWN_ERRORS:
        raise
    except Exception as error:  # quantised weights, say, that have no kernel here
        raise ModelError(f"{options.model} cannot be used here: {type(error).__name__}: {error}") from error
    print(f"{options.model} loads and writes here")
    return 0


def _score(options: argparse.Namespace) -> int:
    _alone(options)
    failed = score(
        ScoreOptions(
            source=options.source,
            model=options.model,
            prompt=options.prompt,
            out=options.out,
            html=options.html,
            as_json=options.json,
            sampling=Sampling.for_scores(options.samples, token_budget=options.tokens_per_batch),
        )
    )
    return 1 if failed else 0


def _frames(options: argparse.Namespace) -> int:
    config = load_frame_config(options.model) if options.model else load_config(options.config).frames or FrameConfig()
    out = _sheet_path(options)
    try:
        with one_file():
            watched = watch(options.video, config)
    except MediaError as error:
        raise MediaError(f"{options.video}: {error}") from None
    out.parent.mkdir(parents=True, exist_ok=True)
    write_sheet(out, options.video.name, watched, config)
    print(f"{describe(watched)}\ncontact sheet: {out}")
    return 0


def _sheet_path(options: argparse.Namespace) -> Path:
    own = Path(f"{options.video.stem}-frames.png")
    out: Path = options.out or own
    if out.is_dir():
        return out / own
    if out.suffix.lower() != ".png":
        raise DataError(f"{out}: a contact sheet is a .png; name it so, or a folder for it")
    return out


def _evaluate(options: argparse.Namespace) -> int:
    _alone(options)
    for model in filter(None, (options.model, options.previous)):
        check_model(model)
        require_apart(options.out, options.release, model)
    if (options.out / RUN_FILE).exists():
        raise DataError(f"{options.out} is the folder of a run, which has its own evaluation: name another --out")
    reader = open_release(options.release)
    store = FrameStore(options.out / "cache" / "frames", load_frame_config(options.model))
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
            sampling=Sampling.for_scores(options.samples, seed=options.seed, token_budget=options.tokens_per_batch),
        )
    evaluation = replace(
        evaluation,
        model=options.model,
        release=reader.manifest["content_hash"],
        problems=tuple(sorted(problems)),
    )
    write_evaluation(options.out, evaluation)
    print(evaluation_table(evaluation))
    print(f"report: {options.out / 'evaluation.md'}")
    return 0


def _init_tiny(options: argparse.Namespace) -> int:
    texts = list(_texts(open_release(options.release))) if options.release else []
    captioned = load_captions(options.captions) if options.captions else []
    init_tiny(
        options.out, kind=options.kind, seed=options.seed, texts=[*texts, *(example.answer for example in captioned)]
    )
    print(f"a tiny {options.kind} with fresh weights: {options.out}")
    return 0


def _texts(reader: ReleaseReader) -> Iterator[str]:
    """What the train split says; held-out words stay unknown."""
    for row in reader.rows("sft", "train"):
        yield row.task.user
        if row.task.answer is not None:
            yield row.task.answer


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "settings": _settings,
    "size": _size,
    "train": _train,
    "check": _check,
    "score": _score,
    "frames": _frames,
    "evaluate": _evaluate,
    "init-tiny": _init_tiny,
}
