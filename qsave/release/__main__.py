"""`python -m qsave.release COMMAND`: get a frozen release, or work with its folder, without a database."""

import argparse
import os
import sys
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from qsave.release.diff import Kind, compare_rows
from qsave.release.diff_summary import summarise
from qsave.release.diff_text import render_summary, write_changes
from qsave.release.encoding import ReleaseError
from qsave.release.presets.catalogue import PRESETS
from qsave.release.presets.write import write_preset
from qsave.release.pull import Part, pull_release
from qsave.splits import SPLITS

TOKEN_VARIABLE = "QSAVE_TOKEN"  # noqa: S105 - the name of a variable


def main() -> None:
    """Run the command that the arguments name."""
    options = _parse_arguments()
    try:
        options.run(options)
    except ReleaseError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped.")
    except OSError as error:
        sys.exit(f"error: {error.filename}: {error.strerror}. Nothing was written.")


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m qsave.release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _add_preset(commands)
    _add_pull(commands)
    _add_diff(commands)
    return parser.parse_args()


def _add_preset(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    listed = "\n".join(f"  {preset.name:<14}{preset.holds}" for preset in PRESETS.values())
    preset = commands.add_parser(
        "preset",
        help="write the rows of a release for one trainer or loader",
        description=f"Write a preset of a release to a new folder.\n\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    preset.add_argument("name", choices=PRESETS, metavar="NAME", help=", ".join(PRESETS))
    preset.add_argument("release", type=Path, help="the folder of a frozen release")
    preset.add_argument("out", type=Path, help="a folder that does not exist yet")
    preset.add_argument(
        "--processes", type=int, default=os.cpu_count() or 1, help="how many processes decode clips (default: cores)"
    )
    preset.set_defaults(run=_write_preset)


def _add_pull(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    pull = commands.add_parser(
        "pull",
        help="get a release or a preset from a site",
        description="Get a release from a site. After an interruption the same command resumes; every file is checked. "
        f"The token is read from the variable {TOKEN_VARIABLE} or a file, never from the command line.",
    )
    pull.add_argument("url", metavar="URL", help="the address of the release's page")
    pull.add_argument("folder", type=Path, metavar="FOLDER", help="a folder that is new, empty or from an earlier pull")
    parts = pull.add_mutually_exclusive_group()
    parts.add_argument("--split", choices=SPLITS, default="", help="only the rows and clips of one split")
    parts.add_argument("--preset", choices=PRESETS, default="", help="a preset in place of the release")
    pull.add_argument("--media", action=argparse.BooleanOptionalAction, default=True, help="with the clips (default)")
    pull.add_argument("--token-file", type=Path, metavar="FILE", help="a file with the token and nothing else")
    pull.set_defaults(run=_pull)


def _add_diff(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    diff = commands.add_parser(
        "diff",
        help="say what differs between two releases",
        description="Compare clips, ratings, targets, splits, policies and generators of two releases.",
    )
    diff.add_argument("before", type=Path, help="the folder of the earlier release")
    diff.add_argument("after", type=Path, help="the folder of the later release")
    diff.add_argument("--csv", type=Path, metavar="FILE", help="also write every difference to this CSV file")
    diff.set_defaults(run=_print_differences)


def _print_differences(options: argparse.Namespace) -> None:
    for line in render_summary(summarise(options.before, options.after)):
        print(line)
    if options.csv:
        changes = chain.from_iterable(compare_rows(options.before, options.after, kind) for kind in Kind)
        with options.csv.open("x", encoding="utf-8", newline="") as file:
            file.writelines(write_changes(changes))
        print(f"Every difference is in {options.csv}.")


def _pull(options: argparse.Namespace) -> None:
    part = Part(split=options.split, preset=options.preset, media=options.media)
    with tqdm(unit="B", unit_scale=True, unit_divisor=1024, leave=False, disable=None) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        files = pull_release(options.url, options.folder, token=_read_token(options), part=part, progress=show)
    print(f"{options.folder} has the {len(files)} files that you asked for, each checked.")
    if options.split or not options.media:
        print("It is a part of the release: load it with verify=False, because other files are missing.")


def _read_token(options: argparse.Namespace) -> str:
    text: str = options.token_file.read_text("utf-8") if options.token_file else os.environ.get(TOKEN_VARIABLE, "")
    words = text.split()
    if len(words) != 1 or not words[0].isascii():
        raise ReleaseError(
            f"{options.token_file or TOKEN_VARIABLE} has no token. Make one on your account page and put it into the "
            f"variable {TOKEN_VARIABLE}, or into a file that --token-file names."
        )
    return words[0]


def _write_preset(options: argparse.Namespace) -> None:
    with tqdm(total=1000, bar_format="{l_bar}{bar}| {postfix}", leave=False, disable=None) as bar:

        def show(share: float, message: str) -> None:
            bar.set_postfix_str(message, refresh=False)
            bar.update(round(share * 1000) - bar.n)

        summary = write_preset(
            options.name, options.release, options.out, processes=max(1, options.processes), progress=show
        )
    for name, count in summary["rows"].items():
        print(f"{count:>8}  {options.out / name}")
    for reason, count in summary["left_out"].items():
        print(f"{count:>8}  left out of sft: {reason}")
    for entry in summary["unreadable"]:
        print(f"clip {entry['clip_id']} left out: {entry['reason']}", file=sys.stderr)
    print(f"\n{PRESETS[options.name].render_lines(str(options.out))}")


if __name__ == "__main__":
    main()
