"""What a snapshot takes from the tables."""

import re
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from annotation.agreement import reviews
from annotation.models import Campaign, Clip, HeldOutGenerator, Rating, Screening
from datasets.services.policy import ReleasePolicy
from datasets.services.pseudonyms import make_pseudonym
from datasets.services.records import ClipRecord, read_records
from datasets.services.snapshot import count_held_out, has_train_clips, write_snapshot
from qsave.axes import AXES, Axis
from qsave.splits import SplitSize
from tests.annotation import factories
from tests.annotation.factories import make_answers, make_card, make_user, submit
from tests.datasets.world import campaign_with, clip_with_file, rate, rated_campaign

pytestmark = pytest.mark.django_db


def snapshot(campaign: Campaign, folder: Path) -> list[ClipRecord]:
    write_snapshot(campaign, folder / "snapshot", ReleasePolicy())
    return list(read_records(folder / "snapshot"))


def test_every_clip_comes_in_the_order_of_ids_with_all_its_ratings(tmp_path: Path) -> None:
    campaign = rated_campaign(3, 1, 1)
    records = snapshot(campaign, tmp_path)
    assert [record.clip_id for record in records] == ["test-00", "train-00", "train-01", "train-02", "val-00"]
    assert {len(record.ratings) for record in records} == {3}
    for record in records:
        stored = Rating.objects.filter(item__clip__clip_id=record.clip_id, revisions__answers__axis="visual")
        assert sorted(rating.answers[Axis.VISUAL].score for rating in record.ratings) == sorted(
            stored.values_list("revisions__answers__score", flat=True)
        )


def test_raters_stand_under_pseudonyms_of_the_campaign(tmp_path: Path) -> None:
    campaign = rated_campaign(1, 0, 0)
    other = rated_campaign(0, 1, 0)
    (record,) = snapshot(campaign, tmp_path)
    person = Rating.objects.filter(item__campaign=campaign).values_list("rater__uuid", flat=True)[0]
    assert make_pseudonym(campaign, person) in {rating.rater for rating in record.ratings}
    assert all(re.fullmatch(r"[0-9a-f]{16}", rating.rater) for rating in record.ratings)
    assert make_pseudonym(campaign, person) != make_pseudonym(other, person)


def test_the_newest_revision_counts(tmp_path: Path) -> None:
    campaign = rated_campaign(1, 0, 0, raters=1)
    rating = Rating.objects.get()
    factories.revise(rating, answers=make_answers(dict.fromkeys(AXES, 5)))
    (record,) = snapshot(campaign, tmp_path)
    assert [row.answers[Axis.DYNAMIC].score for row in record.ratings] == [5]


def test_a_screened_rater_is_marked_until_kept_again(tmp_path: Path) -> None:
    campaign = rated_campaign(1, 0, 0)
    rater = Rating.objects.all()[0].rater
    for verdict, screened in ((Screening.Verdict.SCREENED, {True, False}), (Screening.Verdict.KEPT, {False})):
        reviews.screen(actor=campaign.created_by, campaign=campaign, rater=rater, verdict=verdict, reason="Looked at.")
        (record,) = snapshot(campaign, tmp_path)
        assert {rating.screened for rating in record.ratings} == screened


def test_the_newest_review_comes_along(tmp_path: Path) -> None:
    campaign = rated_campaign(1, 0, 0)
    item = campaign.items.get()
    for score in (2, 4):
        reviews.review(actor=campaign.created_by, item=item, card=make_card(score), note="")
    (record,) = snapshot(campaign, tmp_path)
    assert record.review is not None
    assert {reviewed.score for reviewed in record.review.values()} == {4}


def test_a_draft_left_as_it_stood_is_known(tmp_path: Path) -> None:
    campaign = campaign_with([clip_with_file("a")], assisted_share=1.0, overlap=1)
    item = campaign.items.get()
    factories.store_draft(item.pk, critic="tiny@1", proposal=factories.make_proposal(3))
    person = make_user()
    slot = factories.claim(person, campaign)
    drafted = make_card(3)
    given = make_answers()
    given[Axis.VISUAL] = type(given[Axis.VISUAL])(3, drafted.visual.evidence, drafted.visual.reason, "confirmed")
    given[Axis.DYNAMIC] = type(given[Axis.VISUAL])(3, (), drafted.dynamic.reason, "confirmed")
    given[Axis.ALIGNMENT] = type(given[Axis.VISUAL])(3, (), "It shows something else altogether", "edited")
    submit(person, slot, answers=given)
    (record,) = snapshot(campaign, tmp_path)
    (rating,) = record.ratings
    assert rating.critic == "tiny@1"
    assert {axis: answer.own_words for axis, answer in rating.answers.items()} == {
        Axis.VISUAL: False,
        Axis.DYNAMIC: False,
        Axis.ALIGNMENT: True,
    }


def test_ratings_are_blind_where_no_critic_was_active(tmp_path: Path) -> None:
    campaign = campaign_with([clip_with_file("a"), clip_with_file("b", split="val")], assisted_share=1.0, overlap=1)
    rate(campaign, 1)
    assert {row.arm for record in snapshot(campaign, tmp_path) for row in record.ratings} == {"assisted", "blind"}
    assert {row.blind for record in snapshot(campaign, tmp_path) for row in record.ratings} == {True}
    Rating.objects.update(critic_active=True)
    found = {(row.arm, row.blind) for record in snapshot(campaign, tmp_path) for row in record.ratings}
    assert found == {("assisted", False), ("blind", True)}


def test_held_out_clips_are_counted_as_a_release_would_count_them(tmp_path: Path) -> None:
    campaign = rated_campaign(1, 2, 3, raters=1)
    assert count_held_out(campaign) == {"val": SplitSize(2, 2), "test": SplitSize(3, 3)}
    Clip.objects.filter(clip_id="test-00").update(bridges_splits=True)
    Clip.objects.filter(clip_id="test-01").update(prompt_group=Clip.objects.get(clip_id="test-02").prompt_group)
    assert count_held_out(campaign)["test"] == SplitSize(2, 1)
    rater = Rating.objects.all()[0].rater
    reviews.screen(
        actor=campaign.created_by,
        campaign=campaign,
        rater=rater,
        verdict=Screening.Verdict.SCREENED,
        reason="Looked at.",
    )
    assert count_held_out(campaign) == {}


@pytest.mark.parametrize("raters", [2, 4])
def test_the_number_of_queries_does_not_grow_with_ratings(
    tmp_path: Path, raters: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = rated_campaign(4, 2, 2, raters=raters)
    with django_assert_num_queries(9):
        snapshot(campaign, tmp_path)


@pytest.mark.django_db(transaction=True)
def test_it_reads_one_moment_and_leaves_no_transaction_open(tmp_path: Path) -> None:
    campaign = campaign_with([clip_with_file("a"), clip_with_file("b")], assisted_share=0.0)
    rate(campaign, 2)
    assert not connection.in_atomic_block
    assert len(snapshot(campaign, tmp_path)) == 2
    rate(campaign, 1)
    assert Rating.objects.count() == 6


def test_clips_of_a_held_out_generator_count_in_test_only(tmp_path: Path) -> None:
    campaign = rated_campaign(1, 1, 1, raters=1)
    HeldOutGenerator.objects.create(
        generator=Clip.objects.values_list("generator", flat=True)[0], reason="Unseen", created_by=campaign.created_by
    )
    Clip.objects.update(generator=HeldOutGenerator.objects.get().generator)
    assert count_held_out(campaign) == {"test": SplitSize(1, 1)}
    assert not has_train_clips(campaign, reviewed=False)
    assert {record.held_out for record in snapshot(campaign, tmp_path)} == {True}
