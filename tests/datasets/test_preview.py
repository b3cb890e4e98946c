"""The numbers of a preview are those of the release that is built next, whatever the policy."""

import random
import re
from collections import ChainMap
from collections.abc import Mapping
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from annotation.agreement import reviews
from annotation.models import (
    AxisAnswer,
    Campaign,
    Clip,
    Guideline,
    HeldOutGenerator,
    Item,
    Rating,
    RatingRevision,
    Screening,
)
from datasets.services.options import OPTIONS
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from datasets.services.preview import Preview, preview_release
from datasets.services.releases import build_release, locate_release
from qsave.axes import AXES
from qsave.release.manifest import read_manifest
from tests.annotation.factories import make_card
from tests.datasets.world import engineer, rated_campaign

pytestmark = pytest.mark.django_db
SMALL = ReleasePolicy(allow_small_splits=True, media="none")
COUNTS = (
    "clips",
    "generators",
    "raters",
    "ratings",
    "ratings_counted",
    "ratings_counted_simulated",
    "clips_simulated",
    "excluded",
    "left_out",
    "rows",
)

POLICIES: list[dict[str, Any]] = [
    {},
    {"target": "bias_corrected"},
    {"target": "reviewed"},
    {"keep_screened": True},
    {"simulated_ratings": True, "keep_screened": True},
    {"blind_train": True},
    {"guideline_version": 1},
    {"guideline_version": 1, "guideline_exact": True, "minimum_ratings": 2},
    {"minimum_watched": 50},
    {"minimum_watched": 51, "minimum_ratings": 3},
    {"left_out_generators": ["toy-2"]},
    {"unedited_drafts": True, "cooldown_range": 0},
    {"reasons_from": "blind", "cooldown_range": 4, "cooldown_ratings": 0},
    {"reasons_from": "none"},
]


@pytest.fixture
def campaign() -> Campaign:
    """A campaign in which each filter finds something to leave out."""
    campaign = rated_campaign(train=9, val=2, test=3, raters=3)
    lead = campaign.created_by
    version = Guideline.objects.create(campaign=campaign, number=2, text="Look again.", created_by=lead)
    first = Guideline.objects.get_or_create(
        campaign=campaign, number=1, defaults={"text": "Look.", "created_by": lead}
    )[0]
    ratings = list(Rating.objects.order_by("item__clip__clip_id", "rater"))  # the queue gave them out in any order
    for number, rating in enumerate(ratings):
        rating.arm = "assisted" if number % 3 == 0 else "blind"
        rating.critic_active = True
        rating.is_simulated = number % 7 == 0 or rating.item.clip.clip_id == "val-00"
        rating.guideline = (None, first, version)[number // 2 % 3]
        rating.save()
        RatingRevision.objects.filter(rating=rating).update(
            viewing={} if number % 5 == 0 else {"watched_share": (number % 5) / 4}
        )
        # the drafts of one clip stay as they are on all axes, and those of every eighth rating on one axis
        axes = AXES if rating.item.clip.clip_id == "train-01" else AXES[number % 8 :][:1]
        AxisAnswer.objects.filter(revision__rating=rating, axis__in=axes).update(
            exposure="late", draft_use="confirmed", draft_edit_distance=0
        )
    reviews.screen(
        actor=lead, campaign=campaign, rater=ratings[1].rater, verdict=Screening.Verdict.SCREENED, reason="Hasty."
    )
    for name, score in (("train-00", 2), ("train-03", 5), ("test-01", 1)):
        reviews.review(actor=lead, item=campaign.items.get(clip__clip_id=name), card=make_card(score), note="")
    Clip.objects.filter(clip_id__in=["train-05", "val-00", "test-02"]).update(generator="toy-2")
    Clip.objects.filter(clip_id__in=["train-06", "test-00"]).update(generator="toy-3")
    HeldOutGenerator.objects.create(generator="toy-3", reason="Unseen", created_by=lead)
    Clip.objects.filter(clip_id="train-07").update(bridges_splits=True)
    Clip.objects.filter(clip_id="train-08").update(sha256=Clip.objects.get(clip_id="test-01").sha256)
    Item.objects.filter(clip__clip_id="val-01").update(availability="excluded", exclusion_reason="Black frames.")
    return campaign


def mix_policies(number: int) -> list[dict[str, Any]]:
    """Policies that join two or three of the others."""
    draw = random.Random(0)
    return [dict(ChainMap(*draw.sample(POLICIES, draw.choice((2, 3))))) for _ in range(number)]


def test_the_numbers_of_a_preview_are_those_of_the_release(campaign: Campaign) -> None:
    actor, built = engineer(), 0
    for choices in POLICIES + mix_policies(4):
        policy = ReleasePolicy.from_json(SMALL.to_json() | choices)
        preview = preview_release(campaign, policy)
        if preview.refusals:
            with pytest.raises(ReleaseRefused, match=re.escape(preview.refusals[0])):
                build_release(actor=actor, campaign=campaign, name="a", policy=policy)
        else:
            release = build_release(actor=actor, campaign=campaign, name="a", policy=policy)
            compare(preview, read_manifest(locate_release(release)), choices)
            built += 1
    assert built > 12


def compare(preview: Preview, manifest: Mapping[str, Any], choices: Mapping[str, Any]) -> None:
    counts = manifest["counts"]
    assert {name: preview.counts[name] for name in COUNTS} == {name: counts[name] for name in COUNTS}, choices
    assert preview.counts.get("excluded_held_out") == counts.get("excluded_held_out"), choices
    assert preview.agreement == manifest["agreement"], choices
    assert preview.ratings.left == counts["ratings_counted"], choices
    assert preview.clips.left == sum(counts["clips"].values()), choices
    assert preview.cooldown.left == counts["rows"]["cooldown/train.jsonl"], choices
    for levels in preview.levels.values():
        assert sum(levels.values()) == preview.clips.left, choices


def test_each_filter_finds_something_in_this_campaign(campaign: Campaign) -> None:
    """Or the comparison above would compare nothing."""
    preview = preview_release(campaign, SMALL)
    check_steps(preview)
    default = preview.to_json()
    for choices in POLICIES[2:]:
        changed = preview_release(campaign, ReleasePolicy.from_json(SMALL.to_json() | choices)).to_json()
        assert changed | {"policy": None} != default | {"policy": None}, choices
    assert {name for choices in POLICIES for name in choices} >= OPTIONS.keys() - {
        "media",
        "seed",
        "imported_sources",
        "allow_small_splits",
    }


def check_steps(preview: Preview) -> None:
    """What is dropped adds up, with a reason each."""
    assert (preview.clips.total, preview.ratings.total) == (14, 42)
    assert dict(preview.clips.by_size) == {
        "excluded by a lead": 1,
        "its generator toy-3 is held out for test, and its prompt is in train": 1,
        "its prompt or video is near others of a different split": 1,
        "no rating that counts": 1,
        "the same video is in test": 1,
    }
    assert {"rater screened out", "simulated", "their clip is left out"} <= preview.ratings.dropped.keys()
    for steps in (preview.clips, preview.ratings, preview.sft, preview.cooldown):
        assert steps.total == steps.left + sum(number for _reason, number in steps.by_size)


def test_a_preview_says_what_would_refuse_the_build(campaign: Campaign) -> None:
    actor = engineer()
    for choices, sentence in (
        ({"allow_small_splits": False}, "Figures on fewer than 20 clips"),
        ({"target": "bt500"}, "7 ratings or more"),
        ({"minimum_ratings": 9}, "no rating that counts"),
        ({"left_out_generators": ["toy-1"]}, "nothing to train on"),
        ({"imported_sources": ["nobody"]}, "'nobody'"),
    ):
        if "left_out_generators" in choices:
            Clip.objects.filter(clip_id__startswith="train").update(generator="toy-1")
        policy = ReleasePolicy.from_json(SMALL.to_json() | choices)
        preview = preview_release(campaign, policy)
        assert sentence in " ".join(preview.refusals)
        with pytest.raises(ReleaseRefused, match=sentence):
            build_release(actor=actor, campaign=campaign, name="a", policy=policy)


def test_a_preview_of_a_campaign_without_clips_says_so() -> None:
    campaign = rated_campaign(1, 0, 0)
    Rating.objects.update(is_simulated=True)
    preview = preview_release(campaign, SMALL)
    assert "--simulated-ratings" in preview.refusals[0]
    assert (preview.clips.left, dict(preview.ratings.by_size)) == (0, {"simulated": 3})


def test_the_number_of_queries_does_not_grow(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    campaign = rated_campaign(5, 0, 0)
    with django_assert_num_queries(5):
        preview_release(campaign, SMALL)
