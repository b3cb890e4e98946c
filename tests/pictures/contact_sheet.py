"""The contact sheet of docs/engine/slowfast.md: a clip of `tests.bench.eyes` whose circle is gone for two frames."""

from pathlib import Path

from modelassist.engine.scoring.contact_sheet import write_sheet
from modelassist.toy.render import render_clip
from qsave.frames.slowfast import watch
from tests.bench.eyes import EYES, make_spec_of

NUMBER = 59


def draw(out: Path, folder: Path) -> None:
    """Render the clip into `folder` and write its contact sheet to `out`."""
    clip = folder / f"{NUMBER:05d}.mp4"
    render_clip(make_spec_of(NUMBER), clip)
    config = EYES["slowfast"]
    write_sheet(out, clip.name, watch(clip, config), config)
