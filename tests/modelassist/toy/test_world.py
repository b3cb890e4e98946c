import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelassist.toy.faults import KINDS, Fault, compute_harm, compute_quality
from modelassist.toy.world import CLIPS_PER_PROMPT, GENERATORS, ClipSpec, Scene, make_spec
from qsave.axes import AXES, Axis, round_to_level
from qsave.groups import cluster_prompts
from qsave.report_card import TimeRange
from qsave.taxonomy import DEFAULT_AXIS_OF_DEFECT

SPECS = [make_spec(3, index) for index in range(600)]


def test_the_same_seed_and_index_give_the_same_clip_and_others_do_not() -> None:
    assert make_spec(3, 5) == SPECS[5]
    assert make_spec(3, 6) != SPECS[5] != make_spec(4, 5)
    assert len({spec.clip_id for spec in SPECS}) == len(SPECS)


def test_clips_of_a_prompt_come_from_different_generators() -> None:
    generators = defaultdict(list)
    for spec in SPECS:
        generators[spec.prompt].append(spec.generator)
    assert {len(names) for names in generators.values()} == {CLIPS_PER_PROMPT}
    assert all(len(set(names)) == len(names) for names in generators.values())
    assert {name for names in generators.values() for name in names} == set(GENERATORS)


@pytest.mark.parametrize("clips", [24, 60, 240, 600, 6000])
def test_no_two_prompts_are_near_enough_to_fall_into_one_group(clips: int) -> None:
    prompts = sorted({make_spec(3, index).prompt for index in range(0, clips, CLIPS_PER_PROMPT)})
    known: list[tuple[str, int]] = []
    assert len(cluster_prompts(prompts, known)) == len(prompts)


def test_prompts_read_as_sentences() -> None:
    assert Scene(1, "red", "cross", "slides left", "sand").prompt == "A red cross slides left over sand"
    assert Scene(3, "blue", "cross", "rises", "water").prompt == "Three blue crosses rise over water"


@given(st.integers(0, 2**31), st.integers(0, 10**6))
def test_every_clip_is_within_bounds_and_its_faults_within_the_clip(seed: int, index: int) -> None:
    spec = make_spec(seed, index)
    assert spec.width % 16 == spec.height % 16 == 0
    assert 96 <= min(spec.width, spec.height) <= max(spec.width, spec.height) <= 128
    assert 1.5 <= spec.duration <= 2.5
    for fault in spec.faults:
        assert 0 < fault.strength <= 1
        assert fault.time is None or fault.time.start < fault.time.end <= spec.duration + 0.01
    for axis in AXES:
        assert 1 <= spec.compute_quality(axis) <= 5


def test_what_is_shown_differs_from_what_was_asked_just_where_a_fault_says_so() -> None:
    for spec in SPECS:
        differences = {
            "missing-object": not spec.things,
            "wrong-count": bool(spec.things) and len(spec.things) != spec.requested.count,
            "wrong-colour": any(thing.colour != spec.requested.colour for thing in spec.things),
            "wrong-object": any(thing.shape != spec.requested.shape for thing in spec.things),
            "wrong-action": spec.motion != spec.requested.motion,
            "wrong-setting": spec.ground != spec.requested.ground,
            "extra-content": spec.extra is not None,
        }
        named = {fault.defect for fault in spec.faults if fault.axis is Axis.ALIGNMENT}
        assert named == {defect for defect, differs in differences.items() if differs}


def test_nothing_that_needs_a_thing_to_show_is_claimed_of_a_clip_without_one() -> None:
    needs = {kind.defect for kinds in KINDS.values() for kind in kinds if kind.needs_object}
    empty = [spec for spec in SPECS if not spec.things]
    assert empty
    assert not any(fault.defect in needs for spec in empty for fault in spec.faults)


def test_every_kind_is_met_and_belongs_to_its_axis() -> None:
    met = Counter(fault.defect for spec in SPECS for fault in spec.faults)
    for axis, kinds in KINDS.items():
        for kind in kinds:
            assert DEFAULT_AXIS_OF_DEFECT[kind.defect] is axis
            assert met[kind.defect] >= 10


def test_all_levels_are_met_on_every_axis_and_generators_differ() -> None:
    for axis in AXES:
        assert set(Counter(round_to_level(spec.compute_quality(axis)) for spec in SPECS)) == {1, 2, 3, 4, 5}
        means = {name: _mean_quality(name, axis) for name in GENERATORS}
        assert max(means.values()) - min(means.values()) > 1
        assert max(means, key=lambda name: means[name]) != min(means, key=lambda name: means[name])


def _mean_quality(generator: str, axis: Axis) -> float:
    return float(np.mean([spec.compute_quality(axis) for spec in SPECS if spec.generator == generator]))


def test_some_faults_last_three_frames_or_fewer() -> None:
    lengths = [
        round((fault.time.end - fault.time.start) * spec.rate) for spec in SPECS for fault in spec.faults if fault.time
    ]
    assert sum(length <= 3 for length in lengths) >= 20


@given(st.floats(0.1, 0.9), st.floats(0.01, 0.09))
def test_stronger_longer_and_more_faults_never_make_it_better(strength: float, more: float) -> None:
    weak, strong = Fault("blur", strength), Fault("blur", strength + more)
    assert compute_harm(strong, 2.0) > compute_harm(weak, 2.0)
    assert compute_harm(weak, 2.0) > compute_harm(Fault("blur", strength, TimeRange(0, 1)), 2.0)
    both = compute_quality([weak, Fault("noise", more)], Axis.VISUAL, 2.0)
    assert compute_quality([weak], Axis.VISUAL, 2.0) > both >= 1
    assert compute_quality([weak], Axis.DYNAMIC, 2.0) == 5


def test_taste_weighs_a_defect() -> None:
    faults = [Fault("blur", 0.5)]
    plain = compute_quality(faults, Axis.VISUAL, 2.0)
    assert (
        compute_quality(faults, Axis.VISUAL, 2.0, {"blur": 0.5})
        > plain
        > compute_quality(faults, Axis.VISUAL, 2.0, {"blur": 1.2})
    )


@pytest.mark.parametrize("module", ["world", "render", "raters"])
def test_the_toy_world_needs_no_django_and_no_torch(module: str) -> None:
    code = f"import modelassist.toy.{module}, sys; sys.exit(bool({{'django', 'torch'}} & set(sys.modules)))"
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_specs_are_values() -> None:
    assert isinstance(SPECS[0], ClipSpec)
    assert len(set(SPECS)) == len(SPECS)
