import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsave.groups import (
    SPLIT_SHARES,
    THRESHOLD,
    PromptGrouper,
    bridges_splits,
    choose_split,
    normalise,
    similarity,
)

FOX = "A red fox runs across the snow, cinematic lighting, slow motion, 4k"
words = st.lists(st.sampled_from([f"word{number}" for number in range(14)]), min_size=1, max_size=12).map(" ".join)


def test_case_spacing_punctuation_and_compatibility_forms_do_not_tell_prompts_apart() -> None:
    assert normalise("  A Fox,\tRUNS — fast! ") == normalise("a fox runs fast") == "a fox runs fast"
    assert normalise("ﬁne ５") == "fine 5"


def test_a_prompt_of_signs_alone_keeps_them() -> None:
    assert normalise(" ☃  ☂ ") == "☃ ☂"


def test_scripts_without_spaces_are_compared_sign_by_sign() -> None:
    assert similarity("一只红色的狐狸在雪地里奔跑", "一只红色的狐狸在雪地里跑") >= THRESHOLD
    assert similarity("一只红色的狐狸", "海边的日落") < THRESHOLD


@given(st.text())
def test_normalising_twice_changes_nothing(prompt: str) -> None:
    assert normalise(normalise(prompt)) == normalise(prompt)


def test_the_same_and_a_nearly_same_prompt_find_the_group_and_a_new_one_does_not() -> None:
    grouper = PromptGrouper([(FOX, 7), ("two dogs play chess in a park", 8)])
    assert [(match.group, match.similarity) for match in grouper.matches(FOX.upper())] == [(7, 1.0)]
    (near,) = grouper.matches(FOX + " video")
    assert near.group == 7
    assert near.similarity == pytest.approx(12 / 13)
    assert grouper.matches("a red fox sleeps in the grass") == ()


def test_a_prompt_near_a_later_member_finds_the_group_too() -> None:
    grouper = PromptGrouper([("a b c d e f g h i j", 1)])
    second, third = "b c d e f g h i j k", "c d e f g h i j k l"
    assert [match.group for match in grouper.matches(second)] == [1]
    grouper.add(second, 1)
    assert similarity(third, "a b c d e f g h i j") < THRESHOLD
    assert [match.group for match in grouper.matches(third)] == [1]


def test_a_prompt_between_groups_of_different_splits_is_a_bridge() -> None:
    grouper = PromptGrouper([("a b c d e f g h i x", 1), ("a b c d e f g h i y", 2)])
    matches = grouper.matches("a b c d e f g h i")
    assert {match.group for match in matches} == {1, 2}
    assert bridges_splits(matches, {1: "train", 2: "test"})
    assert not bridges_splits(matches, {1: "train", 2: "train"})


@given(st.lists(words, min_size=1, max_size=20), words)
def test_the_index_finds_exactly_what_comparing_with_everything_finds(known: list[str], prompt: str) -> None:
    grouper = PromptGrouper(list(zip(known, range(len(known)), strict=True)))
    expected = {number for number, other in enumerate(known) if similarity(prompt, other) >= THRESHOLD}
    assert {match.group for match in grouper.matches(prompt)} == expected


@given(st.text(), st.integers(), st.dictionaries(st.sampled_from(list(SPLIT_SHARES)), st.integers(0, 50)))
def test_a_split_is_drawn_alike_every_time_and_never_one_that_has_its_share(
    prompt: str, seed: int, taken: dict[str, int]
) -> None:
    split = choose_split(prompt, taken=taken, seed=seed)
    assert split == choose_split(normalise(prompt), taken=dict(reversed(taken.items())), seed=seed)
    assert taken.get(split, 0) < SPLIT_SHARES[split] * (sum(taken.values()) + 1)


@pytest.mark.parametrize("seed", range(5))
def test_splits_stay_within_one_group_of_their_shares_at_every_moment(seed: int) -> None:
    taken: Counter[str] = Counter()
    for number in range(1, 201):
        taken[choose_split(f"prompt {number}", taken=taken, seed=seed)] += 1
        for split, share in SPLIT_SHARES.items():
            assert abs(taken[split] - share * number) <= 2
    assert taken["test"] >= 18


def test_the_seed_and_the_prompt_move_the_draw() -> None:
    draws = {tuple(choose_split(f"prompt {number}", taken={}, seed=seed) for number in range(30)) for seed in range(4)}
    assert len(draws) == 4
    first = Counter(choose_split(f"prompt {number}", taken={}, seed=0) for number in range(2000))
    assert first["train"] / 2000 == pytest.approx(0.8, abs=0.04)


def test_shares_that_are_no_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="shares"):
        choose_split("a", taken={}, seed=0, shares={"train": 0.0, "test": 0.0})
    with pytest.raises(ValueError, match="shares"):
        choose_split("a", taken={}, seed=0, shares={"train": 2.0, "test": -1.0})


def test_thousands_of_prompts_are_grouped_without_comparing_all_pairs() -> None:
    rng = random.Random(0)
    prompts = [" ".join(rng.choices([f"w{number}" for number in range(500)], k=15)) for _ in range(2000)]
    grouper = PromptGrouper(list(zip(prompts, range(len(prompts)), strict=True)))
    for number in range(0, 2000, 100):
        assert [match.group for match in grouper.matches(prompts[number])] == [number]
