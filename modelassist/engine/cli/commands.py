"""The commands of the engine, and their errors. `options` reads their arguments."""

import argparse
import errno
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from modelassist.engine.evaluation.readable import ADVICE, count_readable
from modelassist.engine.evaluation.run import measure, write_evaluation
from modelassist.engine.evaluation.text import render_evaluation_table
from modelassist.engine.generation.critic import Critic, generate_answers
from modelassist.engine.inputs.examples import DataError, load_captions, load_examples
from modelassist.engine.inputs.frame_store import FrameStore
from modelassist.engine.inputs.gathering import gather_held_out, open_release
from modelassist.engine.models.distributed import Machine
from modelassist.engine.models.folder import ModelError, check_model
from modelassist.engine.models.loader import load_frame_config, load_outline
from modelassist.engine.models.tiny import init_tiny
from modelassist.engine.scoring.command import ScoreOptions, score
from modelassist.engine.scoring.contact_sheet import describe, write_sheet
from modelassist.engine.serving.server import CriticServer, is_loopback, serve_until_stopped
from modelassist.engine.settings.config import ConfigError, Table, load_config, parse_config, read_settings
from modelassist.engine.settings.sampling import Sampling
from modelassist.engine.settings.template import render_settings
from modelassist.engine.sizing.flops import PEAKS
from modelassist.engine.sizing.report import compute_size, describe_size, make_example_row
from modelassist.engine.support.out_of_memory import MemoryFullError, explain_out_of_memory
from modelassist.engine.training.checkpoints import CheckpointError
from modelassist.engine.training.optimise import TrainingError
from modelassist.engine.training.presets import are_same, choose_settings, merge, parse_overrides, read_recipe
from modelassist.engine.training.run_folder import read_settings_of_run, require_apart
from modelassist.engine.training.train import train
from qsave.frames.guard import MediaError, guard_file
from qsave.frames.slowfast import FrameConfig, watch
from qsave.release.encoding import ReleaseError
from qsave.release.reader import ReleaseReader
from qsave.run.encoding import EvaluationError
from qsave.run.files import RUN_FILE, get_frames_folder

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
_OF_ONE_PROCESS = (MemoryFullError, OSError)
"""Errors that may occur in only one of several processes. All other errors occur in every process, and the first
process prints them."""
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WRONG_KIND = {
    errno.EEXIST: "there is a file where a folder is needed",
    errno.ENOTDIR: "there is a file where a folder is needed",
    errno.EISDIR: "there is a folder where a file is needed",
}


def run(options: argparse.Namespace) -> int:
    """Run a command; returns the exit status. Known errors are printed as one line on stderr."""
    rank = int(os.environ.get("RANK", "0"))
    try:
        return _COMMANDS[options.command](options)
    except _KNOWN_ERRORS as error:
        if rank == 0 or isinstance(error, _OF_ONE_PROCESS):
            line = _format_error(error, options.how_to_continue)
            print(f"error: {line}" if rank == 0 else f"error: process {rank}: {line}", file=sys.stderr)
        return 1


def _format_error(error: Exception, how_to_continue: str) -> str:
    """Format an error as one line; for those of the file system, add how to continue."""
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        disk = f"the disk of {error.filename}" if error.filename else "the disk"
        return f"No space is left on {disk}: free disk space, then {how_to_continue}."
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {_WRONG_KIND.get(error.errno or 0, error.strerror)}."
    return " ".join(str(error).split())


def _require_one_process(options: argparse.Namespace) -> None:
    """Raise DataError if there are several processes: each would do the whole work and write to the same files."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise DataError(f"{options.command} takes one process: run it without torchrun.")


def _run_settings(options: argparse.Namespace) -> int:
    print(render_settings(parse_config(read_recipe(options.recipe) if options.recipe else {})), end="")
    return 0


def _run_size(options: argparse.Namespace) -> int:
    if options.gpu not in PEAKS:
        raise ConfigError(f"--gpu {options.gpu} is not known; known GPUs are {', '.join(PEAKS)}.")
    config = parse_config(_choose_settings(options, {}))
    print("\n".join(describe_size(compute_size(load_outline(options.model), config, options.gpus), options.gpu)))
    return 0


def _choose_settings(options: argparse.Namespace, begun: Table) -> dict[str, object]:
    """Choose the settings of a run from the command line.

    `begun` holds the settings of the run that is resumed. The run keeps them if no file and no recipe is given, or if
    the given settings are the same, even if this version has other defaults.
    """
    overrides = parse_overrides(options.overrides)
    file = read_settings(options.config) if options.config else {}
    given = merge(read_recipe(options.recipe) if options.recipe else {}, file, overrides)
    if begun and not (options.config or options.recipe):
        return merge(begun, overrides)
    if begun and are_same(parse_config(given), begun):
        return given
    adapters = overrides.get("lora")
    is_whole = bool(file) and not (isinstance(adapters, Mapping) and "rank" in adapters)
    return choose_settings(options.model, merge(file, overrides), recipe=options.recipe, is_whole=is_whole)


def _run_train(options: argparse.Namespace) -> int:
    begun = read_settings_of_run(options.out) if options.resume else {}
    config = parse_config(_choose_settings(options, begun))
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
    print(render_evaluation_table(evaluation))
    print(f"critic: {options.out / 'model'}\nreport: {options.out / 'evaluation.md'}")
    readable = count_readable(evaluation)
    if readable is not None and not readable.is_enough and not options.keep_unreadable:
        raise TrainingError(f"{readable.describe()} Model and report stay in {options.out}. {ADVICE}")
    return 0


def _run_check(options: argparse.Namespace) -> int:
    """Load a model and let it generate a few tokens about an empty clip."""
    _require_one_process(options)
    try:
        with explain_out_of_memory(f"loading {options.model}", "take a smaller model or a machine with more memory"):
            critic = Critic.load(options.model).loaded
            critic.max_new_tokens = FEW_TOKENS
            generate_answers(critic, [make_example_row(critic, direct=False).prompt], Sampling())
    except _KNOWN_ERRORS:
        raise
    except Exception as error:  # whatever a foreign model sets off (a missing kernel, say) is one line on the site
        raise ModelError(f"{options.model} cannot be used here: {type(error).__name__}: {error}") from error
    print(f"{options.model} loads and generates on this machine.")
    return 0


def _run_score(options: argparse.Namespace) -> int:
    _require_one_process(options)
    if options.direct and options.samples > 1:
        raise DataError("--direct gives one answer for each clip: leave out --samples.")
    failed = score(
        ScoreOptions(
            source=options.source,
            model=options.model,
            prompt=options.prompt,
            out=options.out,
            html=options.html,
            as_json=options.json,
            is_direct=options.direct,
            sampling=Sampling.for_scores(options.samples, token_budget=options.tokens_per_batch),
        )
    )
    return 1 if failed else 0


def _run_serve(options: argparse.Namespace) -> int:
    _require_one_process(options)
    key = options.key_file.read_text(encoding="utf-8").strip() if options.key_file else ""
    if options.key_file and not key:
        raise DataError(f"{options.key_file}: the file of the key is empty.")
    with explain_out_of_memory(f"loading {options.model}", "take a smaller model or a machine with more memory"):
        critic = Critic.load(options.model)
    if critic.loaded.readings:
        raise DataError(
            f"{options.model} was trained with readings of each clip in its question, and a request has frames alone:"
            " use score, or a critic that was trained without readings_in_prompt."
        )
    name = options.name or Path(options.model).resolve().name
    try:
        server = CriticServer((options.host, options.port), critic, name, key)
    except OSError as error:
        raise DataError(f"Nothing can listen on {options.host}:{options.port}: {error.strerror}.") from error
    if not key and not is_loopback(options.host):
        print(f"Whoever reaches {options.host} can use this server: --key-file sets a key.", file=sys.stderr)
    print(f"{name} answers at {server.url} until it is stopped by Ctrl-C or TERM.", flush=True)
    serve_until_stopped(server)
    return 0


def _run_frames(options: argparse.Namespace) -> int:
    config = load_frame_config(options.model) if options.model else load_config(options.config).frames or FrameConfig()
    out = _choose_sheet_path(options)
    try:
        with guard_file():
            watched = watch(options.video, config)
    except MediaError as error:
        raise MediaError(f"{options.video}: {error}") from None
    out.parent.mkdir(parents=True, exist_ok=True)
    write_sheet(out, options.video.name, watched, config)
    print(f"{describe(watched)}\ncontact sheet: {out}")
    return 0


def _choose_sheet_path(options: argparse.Namespace) -> Path:
    default = Path(f"{options.video.stem}-frames.png")
    out: Path = options.out or default
    if out.is_dir():
        return out / default
    if out.suffix.lower() != ".png":
        raise DataError(f"{out}: a contact sheet is a .png: name a .png, or a folder for it.")
    return out


def _run_evaluate(options: argparse.Namespace) -> int:
    _require_one_process(options)
    for model in filter(None, (options.model, options.previous)):
        check_model(model)
        require_apart(options.out, options.release, model)
    if (options.out / RUN_FILE).exists():
        raise DataError(f"{options.out} is the folder of a run, which has its own evaluation: choose another --out.")
    reader = open_release(options.release)
    store = FrameStore(get_frames_folder(options.release, options.out), load_frame_config(options.model))
    options.out.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    held_out = gather_held_out(reader, store, [options.split], Machine(), problems.append)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not held_out:
        raise DataError(f"{options.release}: its {options.split} split has no readable clips.")
    constant = load_examples(reader, "sft", "train")
    with explain_out_of_memory("evaluation", f"lower --tokens-per-batch (now {options.tokens_per_batch})"):
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
    print(render_evaluation_table(evaluation))
    print(f"report: {options.out / 'evaluation.md'}")
    return 0


def _run_init_tiny(options: argparse.Namespace) -> int:
    texts = list(_read_texts(open_release(options.release))) if options.release else []
    captions = [example.answer for example in load_captions(options.captions)] if options.captions else []
    init_tiny(options.out, kind=options.kind, seed=options.seed, texts=[*texts, *captions])
    print(f"a tiny {options.kind} with fresh weights: {options.out}")
    return 0


def _read_texts(reader: ReleaseReader) -> Iterator[str]:
    """Yield the texts of the train split; words of the other splits stay unknown."""
    for row in reader.rows("sft", "train"):
        yield row.task.user
        if row.task.answer is not None:
            yield row.task.answer


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "settings": _run_settings,
    "size": _run_size,
    "train": _run_train,
    "check": _run_check,
    "score": _run_score,
    "serve": _run_serve,
    "frames": _run_frames,
    "evaluate": _run_evaluate,
    "init-tiny": _run_init_tiny,
}
