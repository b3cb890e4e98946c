import re
from dataclasses import replace
from pathlib import Path

import pytest

from modelassist.engine.models.tiny import TINY_FRAMES
from modelassist.toy.captions import (
    MOMENTS,
    describe_moments,
    describe_scene,
    find_moment_frames,
    name_degree,
    write_caption,
    write_map,
)
from modelassist.toy.render import render_clip
from modelassist.toy.world import COLOURS, SHAPES, ClipSpec, draw_other_prompt, make_spec
from qsave.axes import Axis
from qsave.frames.slowfast import choose

SPECS = [make_spec(4, index) for index in range(300)]


def test_a_faithful_clip_is_described_as_its_prompt_asked() -> None:
    faithful = [spec for spec in SPECS if not any(fault.axis is Axis.ALIGNMENT for fault in spec.faults)]
    assert len(faithful) > 50
    for spec in faithful:
        assert describe_scene(spec) == spec.prompt[0].lower() + spec.prompt[1:]


def test_an_unfaithful_clip_is_described_as_it_is() -> None:
    unfaithful = [spec for spec in SPECS if any(fault.axis is Axis.ALIGNMENT for fault in spec.faults)]
    for spec in unfaithful:
        assert describe_scene(spec) != spec.prompt[0].lower() + spec.prompt[1:]
        colours = {thing.colour for thing in spec.things} | ({spec.extra.colour} if spec.extra else set())
        assert {word for word in COLOURS if word in describe_scene(spec)} == colours
        words = re.sub("circles? over", "", describe_scene(spec))  # that is a motion
        shapes = {thing.shape for thing in spec.things} | ({spec.extra.shape} if spec.extra else set())
        assert {word for word in SHAPES if word in words} == shapes


def test_a_caption_names_every_flaw_of_motion_and_look_and_judges_nothing() -> None:
    for spec in SPECS:
        flaws = [fault for fault in spec.faults if fault.axis is not Axis.ALIGNMENT]
        for fault in flaws:
            assert (
                f"{name_degree(fault.strength)} {fault.defect.replace('-', ' ')}"
                in write_caption(spec, spec.requested).lower()
            )
        assert (" Steady." in write_caption(spec, spec.requested)) == (
            not any(fault.axis is Axis.DYNAMIC for fault in flaws)
        )
        assert not any(word in write_caption(spec, spec.requested) for word in ("wrong", "missing", "good", "poor"))


def test_a_caption_holds_what_is_asked_against_what_is_seen() -> None:
    differ = 0
    for spec in SPECS:
        asked = draw_other_prompt(spec)
        comparison = write_caption(spec, asked).split("Asked and seen: ")[1].removesuffix(".")
        *pairs, _ = comparison.split("; ")
        for pair in pairs:
            *words, verdict = pair.split()
            half = len(words) // 2
            assert (words[:half] == words[half:]) == (verdict == "same")
            differ += verdict == "other"
        assert pairs[1].startswith(f"{asked.colour} ")
        assert pairs[4].startswith(f"{asked.ground} {spec.ground} ")
    assert 0.3 < differ / (5 * len(SPECS)) < 0.5


@pytest.mark.parametrize(("strength", "word"), [(0.15, "slight"), (0.4, "clear"), (0.7, "strong"), (1.0, "strong")])
def test_degrees(strength: float, word: str) -> None:
    assert name_degree(strength) == word


def test_the_sketch_follows_the_thing_by_colour_and_by_shape() -> None:
    alone = next(spec for spec in SPECS if len(spec.things) == 1 and spec.motion == "rises" and not spec.faults)
    first, second = maps(alone)
    assert (first[7], second[4]) == (alone.things[0].colour, alone.things[0].shape)
    assert first[1] == second[1] == second[7] == "-"


def test_the_sketch_holds_what_is_shown_and_nothing_where_nothing_is() -> None:
    for spec in SPECS:
        first, second = [set(cells) - {"-"} for cells in maps(spec)]
        assert first == {thing.colour for thing in spec.things}
        assert second == {thing.shape for thing in spec.things}


def test_a_moment_names_a_flaw_only_while_it_shows() -> None:
    brief = [words(spec) for spec in SPECS if _flaws(spec, timed=True) == {"flicker"}]
    assert {word for phrase in brief for word in phrase} >= {"flicker", "steady"}
    lasting = [words(spec) for spec in SPECS if "camera-shake" in _flaws(spec, timed=False)]
    assert lasting
    assert all("steady" not in phrase for phrase in lasting)


@pytest.mark.parametrize(
    ("motion", "heading"), [("slides left", "left"), ("slides right", "right"), ("rises", "up"), ("falls", "down")]
)
def test_a_moment_names_where_things_go(motion: str, heading: str) -> None:
    steady = [spec for spec in SPECS if spec.motion == motion and spec.things and not spec.faults]
    assert steady
    for spec in steady:
        assert set(headings(spec)) == {heading}


def test_what_is_frozen_stands_still_until_it_jumps_on() -> None:
    frozen = [spec for spec in SPECS if (fault := spec.find_fault("frozen")) and fault.strength > 0.6]
    assert frozen
    assert all("still" in headings(spec) for spec in frozen)


def test_nothing_goes_anywhere_where_nothing_is() -> None:
    empty = [spec for spec in SPECS if not spec.things]
    assert empty
    assert all(set(headings(spec)) == {"-"} for spec in empty)


def test_the_moments_are_the_runs_of_eight_fast_frames(tmp_path: Path) -> None:
    for spec in SPECS[:12]:
        render_clip(spec, tmp_path / "clip.mp4")
        seen = choose(tmp_path / "clip.mp4", replace(TINY_FRAMES, slow_frames=0)).fast
        assert [round(time * spec.rate) for time in seen] == [
            frame for number in range(MOMENTS) for frame in find_moment_frames(spec, number)
        ]


def maps(spec: ClipSpec) -> list[list[str]]:
    """The cells of both maps."""
    return [[cell for cell in one.split(": ")[1].split() if cell != "/"] for one in write_map(spec).split("; ")]


def words(spec: ClipSpec) -> list[str]:
    """Return the words about flaws of motion at each moment."""
    return [phrase.split()[1] for phrase in _moments(spec)]


def headings(spec: ClipSpec) -> list[str]:
    """Return the stated direction of motion at each moment."""
    return [phrase.split()[0] for phrase in _moments(spec)]


def _moments(spec: ClipSpec) -> list[str]:
    return describe_moments(spec, Axis.DYNAMIC).split(": ")[1].split(", ")


def _flaws(spec: ClipSpec, *, timed: bool) -> set[str]:
    return {fault.defect for fault in spec.faults if fault.axis is Axis.DYNAMIC and bool(fault.time) is timed}
