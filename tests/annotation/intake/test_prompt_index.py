"""The index of prompts is kept up to date, and finds every stored prompt that is near a new one."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from django.db import DatabaseError

from annotation.intake import prompt_groups
from annotation.intake.manifests import Row
from annotation.intake.prompt_groups import group_prompts, plan_groups
from annotation.intake.prompt_index import index_prompts, name_token, read_corpus
from annotation.models import GroupedPrompt, PromptGroup, PromptToken, TokenSet
from annotation.models.prompt_index import MAX_WORD_LENGTH
from qsave.groups import Vocabulary, cluster_prompts, split_prompt
from qsave.near_prompts import NearIndex
from tests.qsave.prompt_families import ORBITS, STYLED, SUBJECTS, template_prompts

pytestmark = pytest.mark.django_db


def make_rows(prompts: Sequence[str], generator: str = "toy-1") -> list[Row]:
    return [Row(video="a.mp4", prompt=prompt, generator=generator) for prompt in prompts]


def store(prompts: Sequence[str]) -> None:
    group_prompts(make_rows(prompts), seed=0)


def draw_prompts(draw: Random, count: int) -> list[str]:
    words = [f"word{number}" for number in range(14)]
    return [" ".join(draw.choices(words, k=draw.randint(1, 12))) for _ in range(count)]


def list_counts() -> dict[str, int]:
    return dict(PromptToken.objects.values_list("word", "prompts"))


def count_from_scratch(prompts: Sequence[str]) -> Counter[str]:
    return Counter(token for tokens in {split_prompt(prompt) for prompt in prompts} for token in tokens)


def find_near(new: Sequence[str]) -> set[tuple[int, str]]:
    """The position of each new prompt, with the digest of each stored token set that is near it."""
    token_sets = [split_prompt(prompt) for prompt in new]
    corpus = read_corpus(token_sets)
    near = corpus.find_near(NearIndex(corpus.rank(token_sets)))
    return {(match.position, TokenSet.objects.get(pk=match.key).digest) for match in near}


@pytest.mark.parametrize("seed", range(6))
def test_an_index_that_grew_import_by_import_equals_one_from_scratch(seed: int) -> None:
    draw = Random(seed)
    stored: list[str] = []
    for size in (1, 3, 20, 9):
        new = [prompt for prompt in dict.fromkeys(draw_prompts(draw, size)) if prompt not in stored]
        expected = {
            (cluster.members, frozenset(cluster.near))
            for cluster in cluster_prompts(new, [(prompt, " ".join(sorted(split_prompt(prompt)))) for prompt in stored])
        }
        token_sets = [split_prompt(prompt) for prompt in new]
        corpus = read_corpus(token_sets)
        scratch = Vocabulary([*stored, *new])
        for token, number in corpus.numbers.items():
            assert corpus.rarity.weights[number] == pytest.approx(scratch.weigh(token))
        found = find_near(new)
        for members, near in expected:
            digests = {digest for position, digest in found if position in members}
            assert digests == set(
                TokenSet.objects.filter(prompts__text__in=_find_texts(stored, near)).values_list("digest", flat=True)
            )
        store(new)
        stored += new
        assert list_counts() == count_from_scratch(stored)


def _find_texts(stored: Sequence[str], near: frozenset[str]) -> list[str]:
    return [prompt for prompt in stored if " ".join(sorted(split_prompt(prompt))) in near]


def test_prompts_of_an_earlier_version_are_indexed_at_the_next_import(monkeypatch: pytest.MonkeyPatch) -> None:
    store(SUBJECTS[:30])
    before = list_counts()
    GroupedPrompt.objects.update(token_set=None)
    TokenSet.objects.all().delete()
    PromptToken.objects.all().delete()
    calls = iter([True, False])

    def fail_at_second(texts: Sequence[str]) -> list[int]:
        if not next(calls):
            raise DatabaseError("the connection is lost")
        return index_prompts(texts)

    with monkeypatch.context() as patched:
        patched.setattr(prompt_groups, "BATCH_SIZE", 12)
        patched.setattr(prompt_groups, "index_prompts", fail_at_second)
        with pytest.raises(DatabaseError):
            store([SUBJECTS[0].upper()])
    assert GroupedPrompt.objects.exclude(token_set=None).count() == 12

    store([SUBJECTS[0] + "!"])

    assert list_counts() == before
    assert not GroupedPrompt.objects.filter(token_set=None).exists()
    assert PromptGroup.objects.count() == 30


def test_prompts_that_another_import_stores_during_the_search_are_left_for_the_next_try() -> None:
    store(SUBJECTS[:3])
    token_sets = [split_prompt(SUBJECTS[0] + " again")]
    corpus = read_corpus(token_sets)
    index = NearIndex(corpus.rank(token_sets))
    before = list(corpus.find_near(index))

    store([f"unheard words number{number} of{number}" for number in range(30)])

    assert list(corpus.find_near(index)) == before


def test_a_very_long_word_has_a_short_name_of_its_own() -> None:
    words = ["x" * 7000 + "a", "x" * 7000 + "b", "x" * 50]

    assert len({name_token(word) for word in words}) == 3
    assert all(len(name_token(word)) <= MAX_WORD_LENGTH for word in words)
    assert name_token(words[2]) == words[2]


@pytest.mark.parametrize(
    "prompts", [[*SUBJECTS, *STYLED[:40]], template_prompts(150), ORBITS * 3], ids=["styles", "template", "repeated"]
)
def test_a_plan_says_what_the_import_then_stores(prompts: list[str]) -> None:
    store(SUBJECTS[:20])
    rows = [*make_rows(prompts), *make_rows(prompts[:30], "toy-2"), *[Row("a", prompts[0], "toy-1", prompt_group="n")]]
    stored = GroupedPrompt.objects.count()

    plan = plan_groups(rows, seed=5)
    assert (GroupedPrompt.objects.count(), PromptGroup.objects.filter(name="n").count()) == (stored, 0)
    groups_before = PromptGroup.objects.count()
    group_prompts(rows, seed=5)

    groups = [prompt_groups.find_group(row) for row in rows]
    assert plan.new_groups == PromptGroup.objects.count() - groups_before
    assert plan.new_prompts == GroupedPrompt.objects.count() - stored
    assert plan.groups == len({group.pk for group, _ in groups})
    assert plan.rows_by_split == count_all(group.split for group, bridges in groups if not bridges)
    assert plan.groups_by_split == count_all(split for _, split in {(group.pk, group.split) for group, _ in groups})
    assert plan_groups(rows, seed=9) == plan_groups(rows, seed=5)  # nothing is left to draw


def test_a_plan_counts_bridges_and_the_largest_group() -> None:
    chain = [" ".join(f"w{number}" for number in range(start, start + 20)) for start in range(4)]
    store([chain[0], *SUBJECTS])
    store([chain[3]])
    for text, split in ((chain[0], "train"), (chain[3], "test")):
        PromptGroup.objects.filter(prompts__text=text).update(split=split)

    plan = plan_groups(make_rows([chain[1], chain[2], chain[2].upper()]), seed=0)

    assert (plan.prompts, plan.bridges, plan.new_groups, plan.largest) == (2, 2, 0, 3)
    assert plan.rows_by_split == count_all([])


def test_a_group_that_is_changed_during_the_comparison_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    store(SUBJECTS[:5])
    target = PromptGroup.objects.get(prompts__text=SUBJECTS[0])
    compare = prompt_groups._make_plan

    def be_interrupted(rows: Sequence[Row]) -> Any:
        monkeypatch.setattr(prompt_groups, "_make_plan", compare)
        plan = compare(rows)
        other = PromptGroup.objects.create(representative="other", split="val", changed_at="2026-01-01T00:00Z")
        GroupedPrompt.objects.filter(group=target).update(group=other)
        target.delete()
        return plan

    monkeypatch.setattr(prompt_groups, "_make_plan", be_interrupted)
    store([SUBJECTS[0] + " a"])

    assert GroupedPrompt.objects.get(text=SUBJECTS[0] + " a").group.representative == "other"


def count_all(splits: Any) -> dict[str, int]:
    counts = Counter(splits)
    return {split: counts[split] for split in ("train", "val", "test")}
