import re

import pytest

from modelassist.toy.captions import caption, degree, moments, scene_words, sketch
from modelassist.toy.world import COLOURS, SHAPES, ClipSpec, make_spec
from qsave.axes import Axis

SPECS = [make_spec(4, index) for index in range(300)]


def test_a_faithful_clip_is_described_as_its_prompt_asked() -> None:
    faithful = [spec for spec in SPECS if not any(fault.axis is Axis.ALIGNMENT for fault in spec.faults)]
    assert len(faithful) > 50
    for spec in faithful:
        assert scene_words(spec) == spec.prompt[0].lower() + spec.prompt[1:]


def test_an_unfaithful_clip_is_described_as_it_is() -> None:
    unfaithful = [spec for spec in SPECS if any(fault.axis is Axis.ALIGNMENT for fault in spec.faults)]
    for spec in unfaithful:
        assert scene_words(spec) != spec.prompt[0].lower() + spec.prompt[1:]
        shown = {thing.colour for thing in spec.things} | ({spec.extra.colour} if spec.extra else set())
        assert {word for word in COLOURS if word in scene_words(spec)} == shown
        words = re.sub("circles? over", "", scene_words(spec))  # that is a motion
        shapes = {thing.shape for thing in spec.things} | ({spec.extra.shape} if spec.extra else set())
        assert {word for word in SHAPES if word in words} == shapes


def test_a_caption_names_every_flaw_of_motion_and_look_and_judges_nothing() -> None:
    for spec in SPECS:
        flaws = [fault for fault in spec.faults if fault.axis is not Axis.ALIGNMENT]
        for fault in flaws:
            assert f"{degree(fault.strength)} {fault.defect.replace('-', ' ')}" in caption(spec).lower()
        assert (" Steady." in caption(spec)) == (not any(fault.axis is Axis.DYNAMIC for fault in flaws))
        assert not any(word in caption(spec) for word in ("wrong", "missing", "good", "poor", "asked"))


@pytest.mark.parametrize(("strength", "word"), [(0.15, "slight"), (0.4, "clear"), (0.7, "strong"), (1.0, "strong")])
def test_degrees(strength: float, word: str) -> None:
    assert degree(strength) == word


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
    assert {word for said in brief for word in said} >= {"flicker", "steady"}
    lasting = [words(spec) for spec in SPECS if "camera-shake" in _flaws(spec, timed=False)]
    assert lasting
    assert all("steady" not in said for said in lasting)


def maps(spec: ClipSpec) -> list[list[str]]:
    """The cells of both maps."""
    return [[cell for cell in one.split(": ")[1].split() if cell != "/"] for one in sketch(spec).split("; ")]


def words(spec: ClipSpec) -> list[str]:
    """What is said of the motion at each moment."""
    return moments(spec, Axis.DYNAMIC).split(": ")[1].split(", ")


def _flaws(spec: ClipSpec, *, timed: bool) -> set[str]:
    return {fault.defect for fault in spec.faults if fault.axis is Axis.DYNAMIC and bool(fault.time) is timed}
