"""The file of a clip is replaced: ratings keep the version that they saw, and only those of the present one count."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import AuditEntry, User
from annotation.agreement.axis_tallies import read_axis_tallies
from annotation.agreement.clip_mos import read_item_mos
from annotation.agreement.reviews import review
from annotation.agreement.scores import read_checks, read_scores
from annotation.campaigns.overlap import measure_disagreement
from annotation.campaigns.progress import read_progress
from annotation.corrections.new_files import NewFile, read_new_file
from annotation.corrections.replacement import replace_file
from annotation.corrections.withdrawal import withdraw_clips
from annotation.models import (
    FILE_FIELDS,
    Arm,
    Clip,
    ClipVersion,
    Draft,
    Item,
    ItemSummary,
    Offer,
    Qualification,
    Rating,
    SavedWork,
    Slot,
)
from annotation.rating import checks, queue
from annotation.rating.answers import answers_to_json
from annotation.rating.drafts import find_draft, list_items_without_draft, record_draft
from annotation.rating.qualification import list_qualification_left
from annotation.rating.queue import LeaseLost
from annotation.rating.ratings import EditRefused
from datasets.services.snapshot import has_train_clips
from qsave.axes import AXES
from qsave.statistics.tallies import unpack_tally
from tests.annotation.factories import (
    claim,
    get_lease,
    make_answers,
    make_campaign,
    make_card,
    make_clip,
    make_draft,
    make_item,
    make_proposal,
    make_user,
    make_video,
    rate_all,
    revise,
    store_draft,
    submit,
)
from tests.annotation.summaries import check_summaries
from tests.datasets.test_snapshot import snapshot

pytestmark = pytest.mark.django_db
REASON = "It was the wrong take."


def make_file(name: str = "b") -> NewFile:
    """Make the values of another file, without a file."""
    values = {field: getattr(Clip.objects.earliest("pk"), field) for field in FILE_FIELDS}
    return NewFile(values | {"sha256": name * 64, "original": f"clips/{name}.mp4", "duration": 9.0})


def replace(lead: User, clip: Clip, name: str = "b") -> Clip:
    return replace_file(actor=lead, clip=clip, file=make_file(name), reason=REASON)


def test_a_clip_has_the_next_version_and_keeps_its_earlier_files(lead: User) -> None:
    campaign = make_campaign(1, actor=lead)
    clip = Clip.objects.get()
    before = {field: getattr(clip, field) for field in FILE_FIELDS}
    replaced = replace(lead, clip)
    clip.refresh_from_db()
    assert (replaced.version, clip.version, clip.sha256, clip.duration) == (2, 2, "b" * 64, 9.0)
    version = ClipVersion.objects.get()
    assert {field: getattr(version, field) for field in FILE_FIELDS} == before
    assert (version.number, version.reason, version.replaced_by) == (1, REASON, lead)
    entry = AuditEntry.objects.get(action="clip.replaced")
    assert (entry.campaign, entry.data["before"]["version"], entry.data["after"]["version"]) == (campaign.name, 1, 2)
    assert replace(lead, clip).version == 2  # the same bytes
    assert replace(lead, clip, "c").version == 3
    assert list(ClipVersion.objects.order_by("number").values_list("number", flat=True)) == [1, 2]


def _count_in_figures(item: Item) -> dict[str, list[str]]:
    """Return the raters whose ratings of the item count, by everything that has the rule."""
    campaign = item.campaign
    tally = unpack_tally(ItemSummary.objects.get(pk=item.pk).visual_tally)
    (mos, *_others) = read_item_mos(item, set(), lambda axis: read_axis_tallies(campaign, axis))
    names = dict(User.objects.values_list("pk", "username"))
    return {
        "scores": sorted({names[score.rater] for score in read_scores(campaign, item)}),
        "tallies": ["?"] * tally.n,
        "mos": ["?"] * len(mos.scores),
        "progress": ["?"] * read_progress(campaign).done,
    }


def test_figures_lists_and_releases_agree_on_which_ratings_count(lead: User, tmp_path: Path) -> None:
    campaign = make_campaign(1, actor=lead, overlap=3)
    item = Item.objects.select_related("campaign", "clip").get()
    early = [make_user(f"early{number}") for number in range(2)]
    for rater in early:
        submit(rater, claim(rater, campaign), answers=make_answers(1))
    assert has_train_clips(campaign, reviewed=False)
    arms = dict(Slot.objects.values_list("number", "arm"))

    replace(lead, item.clip)

    check_summaries(campaign)
    assert set(map(tuple, _count_in_figures(item).values())) == {()}
    assert not has_train_clips(campaign, reviewed=False)
    assert measure_disagreement(item) == 0
    slots = Slot.objects.filter(kind="seat")
    assert dict(slots.values_list("number", "arm")) == arms
    assert set(slots.values_list("state", flat=True)) == {"free"}
    assert all(queue.claim(rater=rater, campaign=campaign) is None for rater in early)

    late = make_user("late")
    submit(late, claim(late, campaign), answers=make_answers(5))
    figures = _count_in_figures(item)
    assert figures["scores"] == ["late"]
    assert {len(counted) for counted in figures.values()} == {1}
    (record,) = snapshot(campaign, tmp_path)
    counted = [rating.answers[AXES[0]].score for rating in record.counted]
    reasons = {rating.not_counted_because for rating in record.ratings}
    assert (counted, reasons) == ([5], {"", "of an earlier file of the clip"})
    assert dict(Rating.objects.values_list("rater__username", "clip_version")) == {"early0": 1, "early1": 1, "late": 2}
    check_summaries(campaign)


def test_the_rater_who_holds_the_clip_is_told_and_gets_the_new_file_with_what_they_typed(lead: User) -> None:
    campaign = make_campaign(actor=lead, overlap=1)
    item = make_item(campaign, arm=Arm.ASSISTED)
    make_draft(item)
    rater, answers = make_user(), make_answers(2, draft_use="edited")
    slot = claim(rater, campaign)
    assert Offer.objects.get().draft is not None
    replace(lead, item.clip)
    with pytest.raises(LeaseLost, match="has replaced the video"):
        queue.renew(rater=rater, lease=get_lease(slot), item_id=item.pk)
    with pytest.raises(LeaseLost, match="has replaced the video"):
        submit(rater, slot, answers=answers)
    assert SavedWork.objects.get().answers == answers_to_json(answers)
    again = claim(rater, campaign)
    assert (again.item_id, Offer.objects.get().draft, Offer.objects.get().exposure) == (item.pk, None, "none")
    assert submit(rater, again).clip_version == 2


def test_a_rating_of_an_earlier_file_is_not_edited(lead: User, rater: User) -> None:
    campaign = make_campaign(1, actor=lead)
    rating = submit(rater, claim(rater, campaign))
    replace(lead, Clip.objects.get())
    with pytest.raises(EditRefused, match="replaced since"):
        revise(rating)
    withdraw_clips(actor=lead, clips=[Clip.objects.get()], reason=REASON)
    with pytest.raises(EditRefused, match="withdrawn"):
        revise(rating)


def test_drafts_and_reviews_of_an_earlier_file_are_not_used(lead: User, tmp_path: Path) -> None:
    campaign = make_campaign(actor=lead, overlap=1, assisted_share=1.0)
    item = make_item(campaign, arm=Arm.ASSISTED, slots=2)
    make_draft(item)
    review(actor=lead, item=item, card=make_card(2), note="")
    rate_all(make_user(), campaign)
    assert has_train_clips(campaign, reviewed=True)
    replace(lead, item.clip)
    slot = Slot.objects.filter(kind="seat").earliest("number")
    assert find_draft(slot) is None
    assert list_items_without_draft(campaign=campaign, critic="starter@1", limit=9) == [item]
    late = record_draft(
        item_id=item.pk, critic="starter@1", proposal=make_proposal(), text="", latency_ms=1, clip_version=1
    )
    assert late == Draft.objects.get()  # a critic that began before the file was replaced
    newest = store_draft(item.pk)
    assert (newest.clip_version, find_draft(slot)) == (2, newest)
    rater = make_user()
    claim(rater, campaign)
    assert Offer.objects.get(rater=rater).draft == newest
    submit(rater, claim(rater, campaign), answers=make_answers(draft_use="edited"))
    assert not has_train_clips(campaign, reviewed=True)
    (record,) = snapshot(campaign, tmp_path)
    assert record.review is None


def test_answers_on_a_gold_of_an_earlier_file_do_not_count_as_checks(
    lead: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "draw_check_kind", lambda *_given: Slot.Kind.GOLD)
    campaign = make_campaign(1, actor=lead, overlap=1)
    Item.objects.update(gold={"visual": 3.0})
    raters = [make_user(), make_user()]
    for rater in raters:  # the second one gets a check slot
        submit(rater, claim(rater, campaign))
    assert read_checks(campaign)
    replace(lead, Clip.objects.get())
    assert not read_checks(campaign)
    assert sorted(Slot.objects.values_list("kind", "state")) == [
        ("earlier", "done"),
        ("earlier", "done"),
        ("seat", "free"),
    ]
    assert [queue.claim(rater=rater, campaign=campaign) for rater in raters] == [None, None]


@pytest.mark.parametrize("has_verdict", [True, False])
def test_a_qualification_clip_is_rated_again_only_by_raters_without_a_verdict(lead: User, has_verdict: bool) -> None:
    campaign = make_campaign(2, actor=lead, qualification_mark=0.5)
    Item.objects.update(gold={"visual": 3.0}, is_qualification=True)
    Slot.objects.all().delete()
    rater = make_user()
    item = submit(rater, claim(rater, campaign)).item
    if has_verdict:
        Qualification.objects.create(campaign=campaign, rater=rater, share=1.0, passed=True)
    replace(lead, item.clip)
    assert list_qualification_left(rater, campaign).filter(pk=item.pk).exists() != has_verdict
    if not has_verdict:
        given = {claim(rater, campaign).item_id: submit(rater, claim(rater, campaign)) for _ in range(2)}
        assert given.keys() == set(Item.objects.values_list("pk", flat=True))


def test_a_file_of_another_split_makes_a_clip_that_bridges_and_another_file_mends_it(lead: User) -> None:
    clip, twin = make_clip(), make_clip(split="test")
    split = clip.prompt_group.split
    Clip.objects.filter(pk=twin.pk).update(sha256="b" * 64)
    assert (replace(lead, clip).bridges_splits, split) == (True, "train")
    assert not replace(lead, clip, "c").bridges_splits


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"withdrawn_at": "2026-01-01T00:00Z", "withdrawal_reason": "Bad."}, "Restore it first"),
        ({"is_ready": False}, "still being prepared"),
    ],
)
def test_a_file_is_replaced_only_of_a_clip_that_is_in_use(lead: User, change: dict[str, Any], words: str) -> None:
    clip = make_clip()
    if "withdrawn_at" in change:
        change = change | {"withdrawn_by": lead}
    Clip.objects.filter(pk=clip.pk).update(**change)
    with pytest.raises(ValidationError, match=words):
        replace(lead, clip)
    assert not ClipVersion.objects.exists()


def test_a_video_is_read_as_an_import_reads_it(lead: User, tmp_path: Path) -> None:
    clip, path = make_clip(content=b"before"), tmp_path / "new.mp4"
    path.write_bytes(make_video(120))
    file = read_new_file(path)
    assert set(file.values) == set(FILE_FIELDS)
    replaced = replace_file(actor=lead, clip=clip, file=file, reason=REASON)
    assert (replaced.bytes, replaced.version) == (path.stat().st_size, 2)
    assert path.exists()


def test_what_is_no_video_is_refused_and_leaves_nothing_in_the_store(tmp_path: Path, settings: Any) -> None:
    path = tmp_path / "new.mp4"
    path.write_bytes(b"not a video")
    with pytest.raises(ValidationError) as refusal:
        read_new_file(path)
    assert "video" in refusal.value.message_dict
    assert [found for found in Path(settings.MEDIA_ROOT).rglob("*") if found.is_file()] == []
