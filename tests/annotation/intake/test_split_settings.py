"""The site's settings on splits: the shares of new prompt groups, and generators that are held out."""

from collections import Counter

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction

from accounts.models import AuditEntry, Role
from annotation.intake.import_report import read_split_sizes
from annotation.intake.manifests import Row
from annotation.intake.prompt_groups import find_group, group_prompts
from annotation.intake.split_draw import read_shares
from annotation.intake.split_settings import change_shares
from annotation.models import HeldOutGenerator, PromptGroup, SplitShares
from qsave.splits import SplitSize
from tests.annotation import factories
from tests.qsave.prompt_families import SUBJECTS

pytestmark = pytest.mark.django_db
EVEN = {"train": 50, "val": 25, "test": 25}


def make_row(prompt: str, generator: str = "toy-1", name: str = "") -> Row:
    return Row("a.mp4", prompt, generator, prompt_group=name)


def test_new_groups_follow_the_shares_and_stored_ones_keep_their_split() -> None:
    group_prompts([make_row(prompt) for prompt in SUBJECTS[:40]], seed=0)
    before = dict(PromptGroup.objects.values_list("pk", "split"))
    engineer = factories.make_user("eva", role=Role.ENGINEER)

    change_shares(actor=engineer, shares=EVEN)
    group_prompts([make_row(prompt) for prompt in SUBJECTS], seed=0)

    assert read_shares() == EVEN
    counts = Counter(PromptGroup.objects.values_list("split", flat=True))
    assert all(abs(counts[split] - share * 2) <= 2 for split, share in EVEN.items())
    assert before.items() <= dict(PromptGroup.objects.values_list("pk", "split")).items()
    assert AuditEntry.objects.get(action="splits.shares").data == {
        "before": "train 80%, val 10%, test 10%",
        "after": "train 50%, val 25%, test 25%",
    }


def test_the_same_shares_again_write_no_entry() -> None:
    engineer = factories.make_user("eva", role=Role.ENGINEER)
    change_shares(actor=engineer, shares={"train": 80, "val": 10, "test": 10})
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    "shares",
    [
        {"train": 80, "val": 10, "test": 11},
        {"train": 0, "val": 50, "test": 50},
        {"train": 120, "val": -10, "test": -10},
    ],
)
def test_shares_that_are_no_percentages_are_refused_by_the_service_and_the_database(shares: dict[str, int]) -> None:
    engineer = factories.make_user("eva", role=Role.ENGINEER)
    with pytest.raises(ValidationError):
        change_shares(actor=engineer, shares=shares)
    with pytest.raises(IntegrityError), transaction.atomic():
        SplitShares.objects.create(pk=1, **shares)


def test_there_is_one_row_of_shares() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        SplitShares.objects.create(pk=2)


def test_a_lead_may_not_change_the_shares() -> None:
    with pytest.raises(PermissionDenied):
        change_shares(actor=factories.make_lead(), shares=EVEN)


def test_prompts_of_held_out_generators_alone_are_for_test_and_count_in_no_draw() -> None:
    HeldOutGenerator.objects.create(generator="new-1", reason="Unseen", created_by=factories.make_lead())
    alone = [make_row(prompt, "new-1") for prompt in SUBJECTS[:30]] + [make_row("anything", "new-1", "named")]
    shared = [make_row(prompt, generator) for prompt in SUBJECTS[30:130] for generator in ("new-1", "toy-1")]

    group_prompts([*alone, *shared], seed=0)

    assert {find_group(row)[0].split for row in alone} == {"test"}
    counts = Counter({find_group(row)[0].pk: find_group(row)[0].split for row in shared}.values())
    assert all(abs(counts[split] - share) <= 2 for split, share in {"train": 80, "val": 10, "test": 10}.items())


def test_clips_of_held_out_generators_count_in_test_only() -> None:
    for split in ("train", "val", "test"):
        factories.make_clip(f"{split}-new", split=split, generator="new-1")
        factories.make_clip(f"{split}-toy", split=split, generator="toy-1")
    HeldOutGenerator.objects.create(generator="new-1", reason="Unseen", created_by=factories.make_lead())

    assert read_split_sizes(None) == {"train": SplitSize(1, 1), "val": SplitSize(1, 1), "test": SplitSize(2, 2)}
