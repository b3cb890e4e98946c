"""`python -m qsave.release preset NAME RELEASE OUT`: work with the folder of a frozen release, without a database."""

import argparse
import os
import sys
from pathlib import Path

from tqdm import tqdm

from qsave.release.encoding import ReleaseError
from qsave.release.presets.catalogue import PRESETS
from qsave.release.presets.write import write_preset


def main() -> None:
    """Run the command that the arguments name."""
    options = _parse_arguments()
    try:
        _write_preset(options)
    except ReleaseError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        sys.exit(f"error: {error.filename}: {error.strerror}. Nothing was written.")


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m qsave.release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
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
    return parser.parse_args()


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
