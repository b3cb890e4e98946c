"""The queue's rules hold for any order of actions, in a campaign that uses every rule, with a clock that jumps.

The machine keeps a model beside the database: the item and its number in each rater's sequence, the acknowledged
submits, the answers that came too late, and the number of rating slots that each item should have by its scores.
"""

import itertools
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from accounts.models import User
from annotation.campaigns import campaigns, reports
from annotation.campaigns.overlap import compute_rank
from annotation.campaigns.summaries import refresh_summaries
from annotation.models import (
    Arm,
    Campaign,
    Item,
    Offer,
    PromptGroup,
    Qualification,
    Rating,
    RatingRevision,
    SavedWork,
    Slot,
)
from annotation.rating import checks, queue
from annotation.rating.answers import answers_to_json
from annotation.rating.drafts import find_draft
from annotation.rating.queue import LeaseLost
from annotation.rating.ratings import EditRefused
from qsave.axes import AXES
from tests.annotation import factories
from tests.annotation.summaries import check_summaries

SLOTS, CAP, BOUND = 2, 4, 1
RATERS = 3
GAP = 3  # clips between a rating and its repeat, in place of ten: an example is short
KNOWN = 3  # the score of the golds and of the qualification clip
CRITIC = "toy@1"
POLICY: dict[str, Any] = {
    "overlap": SLOTS,
    "overlap_cap": CAP,
    "disagreement_bound": BOUND,
    "order": Campaign.Order.PRIORITY,
    "gold_share": 0.3,
    "repeat_share": 0.4,
    "qualification_mark": 0.5,
    "lease_minutes": 10,
}
raters = st.integers(0, RATERS - 1)
scores = st.sampled_from([KNOWN, KNOWN, 2, 1, 5])


@dataclass(slots=True)
class Record:
    """The model's record of one rater and one item."""

    arm: str
    number: int = 0  # the item's position in the rater's sequence when it was last given out
    rated: list[str] = field(default_factory=list)  # the kinds of the slots in which they rated it
    is_skipped: bool = False
    is_reported: bool = False
    late_answers: Any = None  # answers that came too late
    is_handed_back: bool = False  # since it was last given out


@dataclass(frozen=True, slots=True)
class Submit:
    """A submit that was acknowledged."""

    rater: int
    slot: Slot
    values: dict[str, Any]
    rating: int


class Queue(RuleBasedStateMachine):
    """Each example runs in a transaction that is rolled back at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(checks, "REPEAT_GAP", GAP)
        # Draws depend on names and keys: with these, an example is the same in every run.
        self.patch.setattr(factories, "_numbers", itertools.count(10_000))
        keys = range(10_000, 10_000 + RATERS)
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.travel = time_machine.travel(datetime(2026, 3, 2, 9, tzinfo=UTC), tick=False)
        self.clock = self.travel.start()
        self.lead = factories.make_lead()
        self.campaign = factories.make_campaign(**POLICY)
        self.raters = [User.objects.create(pk=key, username=f"rater{key}") for key in keys]
        self.qualifying = _fill(self.campaign)
        self.held: dict[int, Slot] = {}  # the slot on each rater's page, lost or not
        self.old_pages: list[tuple[int, Slot]] = []  # older pages that are still open
        self.sent: list[Submit] = []
        self.edits = 0
        self.leases: set[uuid.UUID | None] = set()
        self.clip_counts: Counter[int] = Counter()
        self.records: dict[tuple[int, int], Record] = {}
        self.scores: dict[int, dict[int, int]] = defaultdict(dict)  # of an item's rating slots now, by rating
        self.reported: set[int] = set()
        self.excluded: set[int] = set()
        self.slot_counts = dict.fromkeys(
            Item.objects.filter(is_qualification=False).values_list("pk", flat=True), SLOTS
        )

    def teardown(self) -> None:
        self.patch.undo()
        self.travel.stop()
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    @rule(rater=raters)
    def claim(self, rater: int) -> None:
        live = Slot.objects.filter(state="leased", lease_expires_at__gt=timezone.now())
        leases = set(live.values_list("pk", "rater", "lease"))
        slot = queue.claim(rater=self.raters[rater], campaign=self.campaign)
        assert leases <= set(live.values_list("pk", "rater", "lease"))  # nobody lost a running lease
        self.held.pop(rater, None)
        if slot is None:
            return
        if slot.lease not in self.leases:
            self._check_new_slot(rater, slot)
        self.leases.add(slot.lease)
        self.held[rater] = slot

    @rule(rater=raters, drawn=st.lists(scores, min_size=1, max_size=8))
    def rate(self, rater: int, drawn: list[int]) -> None:
        """Rate several clips in one step, so that an example gets far. Such a rater usually qualifies."""
        for score in drawn:
            self.claim(rater)
            if rater not in self.held:
                return
            slot = self.held[rater]
            self._submit(rater, slot, KNOWN if slot.kind == "qualification" and score < 5 else score)

    @precondition(lambda self: self.held or self.old_pages)
    @rule(data=st.data(), score=scores)
    def submit_a_page(self, data: st.DataObject, score: int) -> None:
        self._submit(*data.draw(st.sampled_from(self._pages())), score)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def submit_once_more(self, data: st.DataObject) -> None:
        sent = data.draw(st.sampled_from(self.sent))
        assert factories.submit(self.raters[sent.rater], sent.slot, **sent.values).pk == sent.rating

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), score=scores)
    def edit(self, data: st.DataObject, score: int) -> None:
        sent = data.draw(st.sampled_from(self.sent))
        use = Rating.objects.get(pk=sent.rating).draft_id and "edited"
        drawn = factories.make_answers(score, draft_use=use or "none")
        try:
            factories.revise(Rating.objects.get(pk=sent.rating), answers=drawn)
        except EditRefused:
            assert sent.slot.kind == "qualification"
            return
        self.edits += 1
        self.records[sent.rater, sent.slot.item_id].late_answers = None
        self._count_expected_slots(sent.slot, sent.rating, score)

    @precondition(lambda self: self.held or self.old_pages)
    @rule(data=st.data(), kind=st.sampled_from(["", "skipped", "broken", "flagged"]))
    def let_go(self, data: st.DataObject, kind: str) -> None:
        rater, slot = data.draw(st.sampled_from(self._pages()))
        lease: dict[str, Any] = {"rater": self.raters[rater], "lease": factories.get_lease(slot)}
        record, is_theirs = self.records[rater, slot.item_id], self._is_theirs(rater, slot)
        if not kind:
            queue.hand_back(**lease)
            record.is_handed_back |= is_theirs
            return
        if record.rated and not is_theirs:
            with pytest.raises(LeaseLost):
                queue.skip(item_id=slot.item_id, kind=kind, reason="", **lease)
            return
        passed = queue.skip(item_id=slot.item_id, kind=kind, reason="", **lease)
        if kind != "skipped" and not record.is_reported:
            self.reported |= {slot.item_id} - self.excluded
            record.is_reported = True
        record.is_skipped = True
        assert passed.settled_at is None or slot.item_id not in self.reported

    @precondition(lambda self: self.reported or self.excluded)
    @rule(data=st.data())
    def give_out_again(self, data: st.DataObject) -> None:
        item = Item.objects.get(pk=data.draw(st.sampled_from(sorted(self.reported | self.excluded))))
        reports.give_out_again(actor=self.lead, item=item, reason="It was for people after all.")
        self.reported.discard(item.pk)
        self.excluded.discard(item.pk)

    @precondition(lambda self: len(self.excluded) < 2)
    @rule(data=st.data())
    def exclude(self, data: st.DataObject) -> None:
        """Exclude an item, often one that a rater has on the desk."""
        on_desks = [slot.item_id for _rater, slot in self._pages()]
        item = Item.objects.get(pk=data.draw(st.sampled_from(sorted([*on_desks, *self.slot_counts, self.qualifying]))))
        repeats = Slot.objects.filter(item=item, kind="repeat", state="leased")
        for rater in repeats.values_list("rater", flat=True):
            self.records[self.raters.index(User(pk=rater)), item.pk].is_handed_back = True
        reports.exclude(actor=self.lead, item=item, reason="Not for people.")
        self.reported.discard(item.pk)
        self.excluded.add(item.pk)

    @rule(rater=raters)
    def leave_the_page_open(self, rater: int) -> None:
        if rater in self.held:
            self.old_pages.append((rater, self.held.pop(rater)))

    @rule()
    def admit(self) -> None:
        Qualification.objects.filter(passed=False).update(let_in_by=self.lead)

    @rule(minutes=st.sampled_from([1, 9, 11, 600, -30]))
    def pass_time(self, minutes: int) -> None:
        self.clock.shift(timedelta(minutes=minutes))

    @rule(state=st.sampled_from(["paused", "open", "open", "open"]))
    def change_state(self, state: str) -> None:
        campaigns.set_state(actor=self.lead, campaign=self.campaign, state=state)

    @invariant()
    def check_rules(self) -> None:
        slots = list(Slot.objects.all())
        self.check_slot_counts(slots)
        self.check_items_given_once(slots)
        self.check_one_lease_per_rater(slots)
        self.check_reported_items()
        self.check_acknowledged_ratings(slots)
        self.check_offers()
        self.check_saved_work()
        check_summaries(self.campaign)

    def check_slot_counts(self, slots: list[Slot]) -> None:
        assert Counter(slot.item_id for slot in slots if slot.kind == "seat") == self.slot_counts

    def check_items_given_once(self, slots: list[Slot]) -> None:
        taken = [slot for slot in slots if slot.state != "free"]
        slot_counts = Counter((slot.item_id, slot.rater_id, slot.kind == "repeat") for slot in taken)
        assert set(slot_counts.values()) <= {1}

    def check_one_lease_per_rater(self, slots: list[Slot]) -> None:
        assert set(Counter(slot.rater_id for slot in slots if slot.state == "leased").values()) <= {1}

    def check_reported_items(self) -> None:
        stored = {(item, state) for item, state in Item.objects.values_list("pk", "availability")}
        assert {item for item, state in stored if state == "reported"} == self.reported
        assert {item for item, state in stored if state == "excluded"} == self.excluded
        assert not Slot.objects.filter(item__in=self.excluded, state="leased").exists()

    def check_acknowledged_ratings(self, slots: list[Slot]) -> None:
        drafts = dict(Rating.objects.values_list("pk", "draft"))
        assert drafts.keys() == {sent.rating for sent in self.sent}
        assert len([slot for slot in slots if slot.state == "done"]) == len(self.sent)
        assert RatingRevision.objects.count() == len(self.sent) + self.edits
        for sent in self.sent:  # with the draft that was shown, without one in the blind arm
            draft = find_draft(sent.slot)
            assert drafts[sent.rating] == (draft.pk if draft else None)
            assert sent.slot.arm == Arm.ASSISTED or drafts[sent.rating] is None

    def check_offers(self) -> None:
        offers = Offer.objects.values_list("rater", "item", "number", "arm")
        expected = {
            (self.raters[rater].pk, item, record.number, record.arm) for (rater, item), record in self.records.items()
        }
        assert set(offers) == expected

    def check_saved_work(self) -> None:
        saved = {(work.rater_id, work.item_id): work.answers for work in SavedWork.objects.all()}
        late = {
            (self.raters[rater].pk, item): record.late_answers
            for (rater, item), record in self.records.items()
            if record.late_answers
        }
        assert saved == late

    def _pages(self) -> list[tuple[int, Slot]]:
        return [*sorted(self.held.items()), *self.old_pages[-4:]]

    def _check_new_slot(self, rater: int, slot: Slot) -> None:
        """Check a slot that is new on the rater's desk against all that they were given before."""
        self.clip_counts[rater] += 1
        assert slot.item_id not in self.reported | self.excluded
        record = self.records.setdefault((rater, slot.item_id), Record(slot.arm))
        assert not record.is_skipped
        assert record.arm == slot.arm
        if slot.kind == "repeat":
            assert record.rated == ["seat"]
            assert self.clip_counts[rater] - record.number > GAP
            record.late_answers = record.late_answers if record.is_handed_back else None
        else:
            assert not record.rated
        assert (slot.kind == "qualification") == (slot.item_id == self.qualifying)
        assert slot.kind == "qualification" or self._may_rate(rater)
        assert slot.arm == Arm.BLIND or slot.kind in ("seat", "repeat")
        record.number = self.clip_counts[rater]
        record.is_handed_back = False

    def _is_theirs(self, rater: int, slot: Slot) -> bool:
        held = Slot.objects.filter(pk=slot.pk, rater=self.raters[rater], lease=slot.lease, state="leased")
        return held.exists()

    def _may_rate(self, rater: int) -> bool:
        if self.qualifying in self.excluded and not Qualification.objects.filter(rater=self.raters[rater]).exists():
            return True  # no qualification clip is left
        verdict = Qualification.objects.get(rater=self.raters[rater])
        answer = [s for s in self.sent if s.rater == rater and s.slot.item_id == self.qualifying]
        score = answer[0].values["answers"][AXES[0]].score if answer else None
        assert verdict.passed == (score is not None and abs(score - KNOWN) <= checks.CLOSE)
        return verdict.passed or verdict.let_in_by is not None

    def _submit(self, rater: int, slot: Slot, score: int) -> None:
        is_theirs = self._is_theirs(rater, slot)
        values = factories.make_desk_values(slot, score)
        record = self.records[rater, slot.item_id]
        try:
            rating = factories.submit(self.raters[rater], slot, **values)
        except LeaseLost:
            assert not is_theirs
            record.late_answers = answers_to_json(values["answers"])
            return
        assert is_theirs
        self.sent.append(Submit(rater, slot, values, rating.pk))
        record.rated.append(slot.kind)
        record.late_answers = None
        self._count_expected_slots(slot, rating.pk, score)

    def _count_expected_slots(self, slot: Slot, rating: int, score: int) -> None:
        """Compute the expected number of rating slots: one more if all are rated and the scores differ too much."""
        if slot.kind != "seat":
            return
        scores_by_rating = self.scores[slot.item_id]
        scores_by_rating[rating] = score
        wanted = max(scores_by_rating.values()) - min(scores_by_rating.values()) > BOUND
        if len(scores_by_rating) == self.slot_counts[slot.item_id] < CAP and wanted:
            self.slot_counts[slot.item_id] += 1


def _fill(campaign: Campaign) -> int:
    """Add seven clips: two of one prompt, one of the test split, two golds, and a qualification clip; return that."""
    group = PromptGroup.objects.create(representative="shared", split="train")
    clips = [factories.make_clip(group=group), factories.make_clip(group=group), factories.make_clip(split="test")]
    clips += [factories.make_clip() for _ in range(4)]
    campaigns.add_clips(actor=campaign.created_by, campaign=campaign, clips=clips)
    items = list(Item.objects.filter(campaign=campaign).order_by("pk"))
    for number, item in enumerate(items):
        item.priority = number % 3
        item.gold = dict.fromkeys(AXES, KNOWN) if number >= len(items) - 3 else None
        item.is_qualification = number == len(items) - 1
        item.save()
        Slot.objects.filter(item=item).update(rank=compute_rank(campaign, item))
    for item in items[:2]:
        factories.store_draft(item.pk, critic=CRITIC)
    Slot.objects.filter(item=items[-1]).delete()
    refresh_summaries(item.pk for item in items)
    return items[-1].pk


@pytest.mark.django_db
def test_the_queue_keeps_its_rules_in_any_order_of_events() -> None:
    run_state_machine_as_test(
        Queue,
        settings=settings(max_examples=12, stateful_step_count=45, suppress_health_check=list(HealthCheck)),
    )
