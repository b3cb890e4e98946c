"""The prompts of a manifest get their groups and splits before any clip is stored, and keep them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import DatabaseError

from annotation.intake import prompt_groups
from annotation.intake.manifests import Row
from annotation.intake.prompt_groups import find_group, group_prompts
from annotation.models import GroupedPrompt, PromptGroup
from tests.qsave.prompt_families import ORBITS, STYLED, SUBJECTS, template_prompts

pytestmark = pytest.mark.django_db
CHAIN = [" ".join(f"w{number}" for number in range(start, start + 20)) for start in range(4)]
SHARES = {"train": 160, "val": 20, "test": 20}


def make_row(prompt: str, name: str = "", generator: str = "toy-1") -> Row:
    return Row(video="a.mp4", prompt=prompt, generator=generator, prompt_group=name)


def store_prompts(prompts: Sequence[str], *, seed: int = 0) -> list[Row]:
    rows = [make_row(prompt) for prompt in prompts]
    group_prompts(rows, seed=seed)
    return rows


def list_splits(rows: Sequence[Row]) -> list[str]:
    return [find_group(one)[0].split for one in rows]


def list_groups(rows: Sequence[Row]) -> list[int]:
    return [find_group(one)[0].pk for one in rows]


def list_bridges(rows: Sequence[Row]) -> list[bool]:
    return [find_group(one)[1] for one in rows]


def put_in_split(one: Row, split: str) -> None:
    PromptGroup.objects.filter(pk=find_group(one)[0].pk).update(split=split)


@pytest.mark.parametrize("prompts", [SUBJECTS, STYLED], ids=["plain", "with one style suffix"])
def test_two_hundred_prompts_are_two_hundred_groups_spread_over_the_splits(prompts: list[str]) -> None:
    rows = store_prompts(prompts)

    assert len(set(list_groups(rows))) == 200
    counts = Counter(list_splits(rows))
    assert all(abs(counts[split] - share) <= 2 for split, share in SHARES.items())


def test_subjects_behind_one_camera_move_are_groups_of_their_own() -> None:
    assert len(set(list_groups(store_prompts(ORBITS)))) == len(ORBITS)


@pytest.mark.parametrize("seed", range(3))
def test_template_prompts_bridge_nothing(seed: int) -> None:
    rows = store_prompts(template_prompts(1000, seed), seed=seed)

    assert not any(list_bridges(rows))
    counts = Counter(find_group(one)[0].split for one in rows)
    assert min(counts["val"], counts["test"]) >= 80


@pytest.mark.parametrize("order", [CHAIN, CHAIN[::-1], [CHAIN[0], CHAIN[3], CHAIN[1], CHAIN[2]]])
def test_near_prompts_of_a_manifest_are_joined_before_a_split_is_drawn(order: list[str]) -> None:
    rows = store_prompts(order)

    assert len(set(list_groups(rows))) == 1
    assert not any(list_bridges(rows))
    assert PromptGroup.objects.count() == 1


def test_a_prompt_near_stored_groups_of_two_splits_is_a_bridge() -> None:
    left, right = store_prompts([CHAIN[0], *SUBJECTS])[0], store_prompts([CHAIN[3]])[0]
    put_in_split(left, "train")
    put_in_split(right, "test")

    middle = store_prompts([CHAIN[1], CHAIN[2]])

    assert all(list_bridges(middle))
    assert not any(list_bridges([left, right]))


def test_a_prompt_near_stored_groups_of_one_split_bridges_nothing() -> None:
    left, right = store_prompts([CHAIN[0], *SUBJECTS])[0], store_prompts([CHAIN[3]])[0]
    put_in_split(left, "test")
    put_in_split(right, "test")

    middle = store_prompts([CHAIN[1], CHAIN[2]])

    assert not any(list_bridges(middle))
    assert set(list_splits(middle)) == {"test"}


def test_a_near_prompt_joins_the_stored_group_and_its_split() -> None:
    (stored, *_) = store_prompts([CHAIN[0], *SUBJECTS])
    for split in SHARES:
        put_in_split(stored, split)
        (later,) = store_prompts([CHAIN[1] if split == "train" else f"{CHAIN[0]} {split}"])
        assert find_group(later) == (find_group(stored)[0], False)
        assert list_splits([later]) == [split]


def test_a_stored_group_stays_when_the_corpus_grows() -> None:
    rows = store_prompts(SUBJECTS[:30])
    before = list_groups(rows), list_splits(rows)

    store_prompts([*SUBJECTS, *STYLED, *ORBITS])

    assert (list_groups(rows), list_splits(rows)) == before


def test_a_named_group_wins_over_similarity() -> None:
    rows = [
        make_row("a dog barks", "pets"),
        make_row("the sun sets over the sea", "pets"),
        make_row("a dog barks", "other"),
    ]
    group_prompts(rows, seed=0)

    first, second, third = list_groups(rows)
    assert first == second != third
    assert not any(list_bridges(rows))
    assert set(PromptGroup.objects.values_list("name", flat=True)) == {"pets", "other"}


def test_a_name_is_one_group_in_every_import() -> None:
    one, other = make_row("a dog barks", "pets"), make_row("the sun sets over the sea", "pets")
    group_prompts([one], seed=0)
    group_prompts([other, one], seed=5)

    assert list_groups([one]) == list_groups([other])
    assert PromptGroup.objects.count() == 1


def test_a_prompt_without_a_name_joins_the_named_group_that_it_is_near() -> None:
    named, plain = make_row(CHAIN[0], "long"), make_row(CHAIN[1])
    group_prompts([plain, named], seed=0)
    later = store_prompts([CHAIN[0].upper()])[0]

    assert len(set(list_groups([named, plain, later]))) == 1


def test_a_prompt_between_named_groups_of_two_splits_is_a_bridge() -> None:
    left, right = make_row(CHAIN[0], "left"), make_row(CHAIN[0], "right")
    group_prompts([left, right], seed=0)
    put_in_split(left, "train")
    put_in_split(right, "val")

    assert list_bridges(store_prompts([CHAIN[1]])) == [True]
    assert list_bridges([left, right]) == [False, False]


def test_a_name_and_a_prompt_of_the_same_words_are_two_groups() -> None:
    rows = [make_row("a red fox"), make_row("the sea at night", "a red fox")]
    group_prompts(rows, seed=0)

    assert len(set(list_groups(rows))) == 2


@pytest.mark.parametrize(
    "prompt", ["a red fox", "☃", "猫追狗", "x " * 900 + "y", " ".join(f"é{n}" for n in range(2000))]
)
def test_every_prompt_finds_its_group_again(prompt: str) -> None:
    rows = store_prompts([prompt, prompt.upper()])

    assert len(set(list_groups(rows))) == 1
    assert GroupedPrompt.objects.count() == 1


def test_the_same_manifest_and_seed_give_the_same_splits() -> None:
    first = list_splits(store_prompts(STYLED, seed=3))
    PromptGroup.objects.all().delete()
    assert list_splits(store_prompts(STYLED, seed=3)) == first
    PromptGroup.objects.all().delete()
    assert list_splits(store_prompts(STYLED, seed=4)) != first


def test_each_generator_has_prompts_in_every_split() -> None:
    rows = [make_row(prompt, generator=f"toy-{number % 4}") for number, prompt in enumerate(SUBJECTS)]
    group_prompts(rows, seed=0)

    counts = Counter((one.generator, split) for one, split in zip(rows, list_splits(rows), strict=True))
    assert all(counts[f"toy-{number}", split] >= 2 for number in range(4) for split in ("val", "test"))


def test_grouping_that_fails_halfway_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise DatabaseError("the connection is lost")

    with monkeypatch.context() as patched:
        patched.setattr(GroupedPrompt.objects, "bulk_create", fail)
        with pytest.raises(DatabaseError):
            store_prompts(STYLED)
    assert not PromptGroup.objects.exists()

    assert len(set(list_groups(store_prompts(STYLED)))) == 200


@pytest.mark.parametrize("times", range(prompt_groups.ATTEMPTS + 1))
def test_prompts_that_another_import_stores_during_the_comparison_count(
    monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    compare = prompt_groups._make_plan
    others = iter([f"{CHAIN[0]} {number}" for number in range(times)])

    def be_interrupted(rows: Sequence[Row]) -> Any:
        plan = compare(rows)
        other = next(others, None)
        if other is not None:
            monkeypatch.setattr(prompt_groups, "_make_plan", compare)
            store_prompts([other], seed=1)
            monkeypatch.setattr(prompt_groups, "_make_plan", be_interrupted)
        return plan

    monkeypatch.setattr(prompt_groups, "_make_plan", be_interrupted)
    rows = store_prompts(CHAIN)
    stored = [make_row(text) for text in GroupedPrompt.objects.values_list("text", flat=True)]

    assert len(stored) == len(CHAIN) + times
    assert set(list_groups(stored)) == set(list_groups(rows))
    assert PromptGroup.objects.count() == 1
