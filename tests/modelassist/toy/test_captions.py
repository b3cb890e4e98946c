import re

import pytest

from modelassist.toy.captions import caption, degree, maps, scene_words
from modelassist.toy.world import COLOURS, SHAPES, make_spec
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
            assert f"{degree(fault.strength)} {fault.defect.replace('-', ' ')}" in caption(spec)
        assert ("steady" in caption(spec)) == (not any(fault.axis is Axis.DYNAMIC for fault in flaws))
        assert not any(word in caption(spec) for word in ("wrong", "missing", "good", "poor", "asked"))


@pytest.mark.parametrize(("strength", "word"), [(0.15, "slight"), (0.4, "clear"), (0.7, "strong"), (1.0, "strong")])
def test_degrees(strength: float, word: str) -> None:
    assert degree(strength) == word


def test_the_maps_follow_the_things() -> None:
    alone = next(spec for spec in SPECS if len(spec.things) == 1 and spec.motion == "rises" and not spec.faults)
    first, *_, last = [one.split() for one in maps(alone).removeprefix("Map ").split(", ")]
    colour = alone.things[0].colour
    assert first[7] == last[1] == colour
    assert first[1] == last[7] == "-"


def test_the_maps_of_an_empty_scene_are_empty_and_those_of_others_hold_the_colours_shown() -> None:
    for spec in SPECS:
        found = set(maps(spec).removeprefix("Map ").replace(",", "").split())
        assert found - {"-"} == {thing.colour for thing in spec.things}
