"""Say why the prompts of a group are together: the nearest other prompt, and the rare words that both have."""

from collections.abc import Sequence
from dataclasses import dataclass

from annotation.intake.prompt_index import read_corpus
from annotation.models import Clip, GroupedPrompt, Item, PromptGroup, Slot
from qsave.groups import split_prompt

MOST_PROMPTS = 100
MOST_WORDS = 6


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A prompt of a group. `nearest` is the most similar other prompt of the group, `words` what both have."""

    prompt: GroupedPrompt
    nearest: str = ""
    similarity: float = 0.0
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CampaignCount:
    """How many clips of a group a campaign has, and how many of them raters were given."""

    name: str
    title: str
    clips: int
    taken: int


def read_prompts(group: PromptGroup) -> list[PromptRow]:
    """Return the first prompts of a group with the reasons, by the rarity that words have today."""
    prompts = list(group.prompts.order_by("pk")[:MOST_PROMPTS])
    token_sets = [split_prompt(prompt.text) for prompt in prompts]
    corpus = read_corpus(token_sets)
    weights = {token: float(corpus.rarity.weights[number]) for token, number in corpus.numbers.items()}
    return [_make_row(number, prompts, token_sets, weights) for number in range(len(prompts))]


def count_clips(group: PromptGroup) -> list[CampaignCount]:
    """Count the clips of a group in each campaign, by its title."""
    items = Item.objects.filter(clip__prompt_group=group)
    taken = set(Slot.objects.filter(item__in=items).exclude(state=Slot.State.FREE).values_list("item", flat=True))
    taken |= set(items.filter(offers__isnull=False).values_list("pk", flat=True))
    counts: dict[tuple[str, str], list[int]] = {}
    for pk, name, title in items.values_list("pk", "campaign__name", "campaign__title"):
        count = counts.setdefault((title, name), [0, 0])
        count[0] += 1
        count[1] += pk in taken
    return [CampaignCount(name, title, *count) for (title, name), count in sorted(counts.items())]


def count_clips_without_campaign(group: PromptGroup) -> int:
    return Clip.objects.filter(prompt_group=group, items=None).count()


def _make_row(
    number: int, prompts: Sequence[GroupedPrompt], token_sets: Sequence[frozenset[str]], weights: dict[str, float]
) -> PromptRow:
    own = token_sets[number]
    others = [(_compare(own, tokens, weights), -other) for other, tokens in enumerate(token_sets) if other != number]
    if not others:
        return PromptRow(prompts[number])
    similarity, negative = max(others)
    shared = sorted(own & token_sets[-negative], key=lambda token: (-weights[token], token))
    return PromptRow(prompts[number], prompts[-negative].text, similarity, tuple(shared[:MOST_WORDS]))


def _compare(one: frozenset[str], other: frozenset[str], weights: dict[str, float]) -> float:
    return sum(weights[token] for token in one & other) / sum(weights[token] for token in one | other)
