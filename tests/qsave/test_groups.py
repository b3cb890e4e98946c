import random
from collections import Counter
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsave.groups import (
    SPLIT_SHARES,
    Cluster,
    Vocabulary,
    bridges_splits,
    choose_split,
    cluster_prompts,
    normalise,
)
from qsave.near_prompts import THRESHOLD
from tests.qsave.prompt_families import (
    ORBITS,
    STYLED,
    SUBJECTS,
    VIADUCT,
    VIADUCTS,
    random_prompts,
    template_prompts,
)

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "prompts"
FOX = "A red fox runs across the snow, cinematic lighting, slow motion, 4k"
NOTHING: list[tuple[str, int]] = []
words = st.lists(st.sampled_from([f"word{number}" for number in range(14)]), min_size=1, max_size=12).map(" ".join)


def group_together(prompts: list[str]) -> list[int]:
    """The number of its group for each prompt, all of them new."""
    distinct = list(dict.fromkeys(prompts))
    clusters = cluster_prompts(distinct, NOTHING)
    group_of = {distinct[member]: number for number, cluster in enumerate(clusters) for member in cluster.members}
    return [group_of[prompt] for prompt in prompts]


def count_groups(prompts: list[str]) -> int:
    return len(set(group_together(prompts)))


# --- what is compared


def test_case_spacing_punctuation_and_compatibility_forms_do_not_tell_prompts_apart() -> None:
    assert normalise("  A Fox,\tRUNS — fast! ") == normalise("a fox runs fast") == "a fox runs fast"
    assert normalise("ﬁne ５") == "fine 5"


def test_a_prompt_of_signs_alone_keeps_them() -> None:
    assert normalise(" ☃  ☂ ") == "☃ ☂"
    assert count_groups(["☃ ☂", "☂", "..."]) == 3


@given(st.text())
def test_normalising_twice_changes_nothing(prompt: str) -> None:
    assert normalise(normalise(prompt)) == normalise(prompt)


DIFFERENT = {
    "Hindi, a boy and a girl": ("लड़का दौड़ता है", "लड़की दौड़ती है"),
    "Hindi, one vowel sign": ("नीला पानी", "नाला पानी"),
    "Tamil": ("சிறுவன் ஓடுகிறான்", "சிறுமி ஓடுகிறாள்"),
    "Thai": ("เด็กผู้ชายวิ่ง", "เด็กผู้หญิงวิ่ง"),
    "Thai, a tone mark": ("เสือ", "เสื้อ"),
    "Chinese": ("一只红色的狐狸", "海边的日落"),
    "Chinese, who chases whom": ("猫追狗", "狗追猫"),
    "Japanese": ("猫が走る", "犬が眠る"),
}


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=DIFFERENT)
def test_different_prompts_of_every_script_are_different_groups(pair: tuple[str, str]) -> None:
    assert count_groups(list(pair)) == 2
    assert count_groups([*pair, *SUBJECTS]) == 2 + len(SUBJECTS)


NEAR = {
    "case and punctuation": (FOX, FOX.upper() + "!"),
    "order": (FOX, "cinematic lighting, slow motion, 4k: a red fox runs across the snow"),
    "one more word": (FOX, FOX + " video"),
    "a danda": ("लड़का दौड़ता है", "लड़का दौड़ता है।"),
    "one sign less": ("一只红色的狐狸在雪地里奔跑", "一只红色的狐狸在雪地里跑"),
    "decomposed letters": ("Žofie hraje na klavír", "Z\u030cofie hraje na klavi\u0301r"),
}


@pytest.mark.parametrize("pair", NEAR.values(), ids=NEAR)
def test_near_prompts_are_one_group(pair: tuple[str, str]) -> None:
    assert count_groups(list(pair)) == 1


# --- families


def test_a_shared_style_suffix_does_not_join_different_prompts() -> None:
    assert count_groups(STYLED) == len(STYLED) == 200


@pytest.mark.parametrize("prompts", [ORBITS[:15], ORBITS, [*ORBITS, *SUBJECTS]], ids=["fifteen", "all", "among others"])
def test_different_subjects_behind_one_camera_move_are_different_groups(prompts: list[str]) -> None:
    assert len(set(group_together(prompts)[: len(ORBITS)])) == min(len(ORBITS), len(prompts))


def test_template_prompts_are_told_apart_by_their_slots() -> None:
    groups = Counter(group_together(template_prompts(1000)))
    assert len(groups) >= 940
    assert max(groups.values()) <= 4


def test_camera_moves_on_one_subject_are_one_group_among_other_prompts() -> None:
    moves = [f"{subject}{move}" for subject in SUBJECTS[:20] for move in (", pan left", ", zoom in", ", tilt up")]
    groups = group_together([*VIADUCTS, *SUBJECTS, *moves])[: len(VIADUCTS)]
    assert Counter(groups).most_common(1)[0][1] >= 5
    assert VIADUCTS[0] == VIADUCT


@pytest.mark.parametrize(
    ("family", "size", "least", "most"),
    [
        ("boat sailing leisurely along the seine", 21, 1, 14),
        ("snow rocky mountains", 20, 1, 7),
        ("the camera orbits around", 109, 85, 109),
        ("the camera circles around", 98, 78, 98),
    ],
)
def test_families_of_vbench_fall_into_the_measured_groups(family: str, size: int, least: int, most: int) -> None:
    if not REFERENCE.exists():
        pytest.skip(f"the prompts of VBench are not in {REFERENCE}")
    lines = [line for name in ("vbench.txt", "vbench2.txt") for line in (REFERENCE / name).read_text().splitlines()]
    prompts = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    groups = [group for prompt, group in zip(prompts, group_together(prompts), strict=True) if family in prompt.lower()]
    assert len(groups) == size
    assert least <= len(set(groups)) <= most


# --- joining


def test_near_prompts_are_joined_through_others_of_the_same_list() -> None:
    chain = [" ".join(f"w{number}" for number in range(start, start + 20)) for start in (0, 1, 2, 3)]
    assert Vocabulary(chain).compute_similarity(chain[0], chain[3]) < THRESHOLD
    for order in (chain, [chain[0], chain[3], chain[1], chain[2]]):
        assert cluster_prompts(order, NOTHING) == [Cluster((0, 1, 2, 3), ())]


def test_a_cluster_lists_the_known_groups_near_any_member_nearest_first() -> None:
    known = [("a b c d e f g h i j k", "near"), (FOX, "other"), ("a b c d e f g h i j k l", "nearer")]
    new = ["a b c d e f g h i j k l m", "something else altogether"]
    assert cluster_prompts(new, known) == [Cluster((0,), ("nearer", "near")), Cluster((1,), ())]


def test_groups_of_different_splits_are_bridged() -> None:
    assert bridges_splits([1, 2], {1: "train", 2: "test"})
    assert not bridges_splits([1, 2], {1: "train", 2: "train"})
    assert not bridges_splits([], {})


@given(st.lists(words, min_size=1, max_size=12, unique=True), st.lists(words, max_size=12))
def test_clusters_are_exactly_what_comparing_all_pairs_gives(new: list[str], old: list[str]) -> None:
    known = [(prompt, number) for number, prompt in enumerate(old)]
    vocabulary = Vocabulary([*new, *old])
    joined = {number: {number} for number in range(len(new))}
    for one, other in combinations(range(len(new)), 2):
        if vocabulary.compute_similarity(new[one], new[other]) >= THRESHOLD - 1e-9:
            together = joined[one] | joined[other]
            joined |= dict.fromkeys(together, together)
    expected = {
        (
            tuple(sorted(members)),
            frozenset(
                group
                for prompt, group in known
                if any(vocabulary.compute_similarity(prompt, new[member]) >= THRESHOLD - 1e-9 for member in members)
            ),
        )
        for members in joined.values()
    }
    clusters = cluster_prompts(new, known)
    assert {(cluster.members, frozenset(cluster.near)) for cluster in clusters} == expected
    assert [cluster.members[0] for cluster in clusters] == sorted(cluster.members[0] for cluster in clusters)


def test_thousands_of_prompts_are_grouped_without_comparing_all_pairs() -> None:
    base = random_prompts(3000)
    planted = [" ".join(random.Random(0).sample(prompt.split(), 15)) for prompt in base[:300]]
    groups = group_together([*base, *planted])
    assert groups[:300] == groups[3000:]
    assert len(set(groups)) == 3000


# --- weights


@given(st.lists(words, min_size=1, max_size=20))
def test_a_rarer_token_never_weighs_less_and_every_token_weighs_something(prompts: list[str]) -> None:
    vocabulary = Vocabulary(prompts)
    distinct = {frozenset(prompt.split()) for prompt in prompts}
    counts = Counter(word for prompt in distinct for word in prompt)
    weights = [vocabulary.weigh(word) for word in sorted(counts, key=lambda word: counts[word])]
    assert all(one >= other - 1e-12 for one, other in pairwise(weights))
    assert all(0 < weight <= 1 for weight in weights)


def test_a_prompt_that_comes_often_counts_once() -> None:
    once, often = Vocabulary(["a b", "b c"]), Vocabulary(["a b", "b c", "B A", "a  b"])
    assert once.compute_similarity("a b", "b c") == often.compute_similarity("a b", "b c")


# --- splits


taken_groups = st.dictionaries(st.sampled_from(list(SPLIT_SHARES)), st.integers(0, 50))


@given(st.text(), st.integers(), taken_groups, taken_groups)
def test_a_split_is_drawn_alike_every_time_and_never_one_that_has_its_share(
    prompt: str, seed: int, taken: dict[str, int], mine: dict[str, int]
) -> None:
    split = choose_split(prompt, taken=taken, taken_by_generator=mine, seed=seed)
    again = choose_split(normalise(prompt), taken=dict(reversed(taken.items())), taken_by_generator=mine, seed=seed)
    assert split == again
    assert taken.get(split, 0) < SPLIT_SHARES[split] * (sum(taken.values()) + 1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("generators", [1, 4, 60])
def test_splits_stay_near_their_shares_at_every_moment_and_in_every_generator(seed: int, generators: int) -> None:
    taken: Counter[str] = Counter()
    taken_by: dict[int, Counter[str]] = {number: Counter() for number in range(generators)}
    for number in range(1, 201):
        mine = taken_by[random.Random(f"{seed}/{number}").randrange(generators)]
        split = choose_split(f"prompt {number}", taken=taken, taken_by_generator=mine, seed=seed)
        taken[split] += 1
        mine[split] += 1
        for name, share in SPLIT_SHARES.items():
            assert abs(taken[name] - share * number) <= 2
    assert taken["test"] >= 18
    assert taken["val"] >= 18
    if generators == 4:
        assert all(counts["val"] and counts["test"] for counts in taken_by.values())


def test_the_seed_and_the_prompt_move_the_draw() -> None:
    def draw(number: int, seed: int) -> str:
        return choose_split(f"prompt {number}", taken={}, taken_by_generator={}, seed=seed)

    assert len({tuple(draw(number, seed) for number in range(30)) for seed in range(4)}) == 4
    first = Counter(draw(number, 0) for number in range(2000))
    assert first["train"] / 2000 == pytest.approx(0.8, abs=0.04)


@pytest.mark.parametrize("shares", [{"train": 0.0, "test": 0.0}, {"train": 2.0, "test": -1.0}])
def test_shares_that_are_no_weights_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="shares"):
        choose_split("a", taken={}, taken_by_generator={}, seed=0, shares=shares)
