"""Any order of what raters do, in a campaign with every rule switched on and with a clock that jumps: the rules hold.

The machine keeps a model of its own beside the database: who was shown what as their how-manyeth clip, what was
acknowledged, what came too late, and how many seats an item should have by the scores that were given.
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
from annotation.rating.drafts import find_draft, record_draft
from annotation.rating.queue import LeaseLost
from annotation.rating.ratings import EditRefused
from qsave.axes import AXES
from tests.annotation import factories

SEATS, CAP, BOUND = 2, 4, 1
RATERS = 3
GAP = 3  # clips between the two times, instead of ten: an example is short
KNOWN = 3  # the score of the golds and of the qualification clip
CRITIC = "toy@1"
POLICY: dict[str, Any] = {
    "overlap": SEATS,
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
class Met:
    """The model's record of one rater and one item."""

    arm: str
    number: int = 0  # as which of the rater's clips the item was last put before them
    rated: list[str] = field(default_factory=list)  # the kinds of the slots in which they rated it
    is_skipped: bool = False
    kept: Any = None  # answers that came too late
    is_handed_back: bool = False  # since it was last put before them


@dataclass(frozen=True, slots=True)
class Sent:
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
        # Draws go by names and keys: with these, an example is the same whenever it is run.
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
        self.left: list[tuple[int, Slot]] = []  # pages that were left open behind it
        self.sent: list[Sent] = []
        self.edits = 0
        self.leases: set[uuid.UUID | None] = set()
        self.takes: Counter[int] = Counter()
        self.met: dict[tuple[int, int], Met] = {}
        self.said: dict[int, dict[int, int]] = defaultdict(
            dict
        )  # current scores in the rating slots of an item, by rating
        self.reported: set[int] = set()
        self.excluded: set[int] = set()
        self.seats = dict.fromkeys(Item.objects.filter(is_qualification=False).values_list("pk", flat=True), SEATS)

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
        assert leases <= set(live.values_list("pk", "rater", "lease"))  # nobody lost a lease that ran
        self.held.pop(rater, None)
        if slot is None:
            return
        if slot.lease not in self.leases:
            self._meet(rater, slot)
        self.leases.add(slot.lease)
        self.held[rater] = slot

    @rule(rater=raters, given=st.lists(scores, min_size=1, max_size=8))
    def rate(self, rater: int, given: list[int]) -> None:
        """Rate several clips in one step, so that an example gets far. Such a rater usually qualifies."""
        for score in given:
            self.claim(rater)
            if rater not in self.held:
                return
            slot = self.held[rater]
            self._submit(rater, slot, KNOWN if slot.kind == "qualification" and score < 5 else score)

    @precondition(lambda self: self.held or self.left)
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
        given = factories.make_answers(score, draft_use=use or "none")
        try:
            factories.revise(Rating.objects.get(pk=sent.rating), answers=given)
        except EditRefused:
            assert sent.slot.kind == "qualification"
            return
        self.edits += 1
        self.met[sent.rater, sent.slot.item_id].kept = None
        self._count(sent.slot, sent.rating, score)

    @precondition(lambda self: self.held or self.left)
    @rule(data=st.data(), kind=st.sampled_from(["", "skipped", "broken", "flagged"]))
    def let_go(self, data: st.DataObject, kind: str) -> None:
        rater, slot = data.draw(st.sampled_from(self._pages()))
        seat: dict[str, Any] = {"rater": self.raters[rater], "lease": factories.get_lease(slot)}
        met, is_theirs = self.met[rater, slot.item_id], self._is_theirs(rater, slot)
        if not kind:
            queue.hand_back(**seat)
            met.is_handed_back |= is_theirs
            return
        if met.rated and not is_theirs:
            with pytest.raises(LeaseLost):
                queue.skip(item_id=slot.item_id, kind=kind, reason="", **seat)
            return
        passed = queue.skip(item_id=slot.item_id, kind=kind, reason="", **seat)
        if not met.is_skipped and kind != "skipped":
            self.reported |= {slot.item_id} - self.excluded
        met.is_skipped = True
        assert passed.settled_at is None or slot.item_id not in self.reported

    @precondition(lambda self: self.reported or self.excluded)
    @rule(data=st.data(), is_excluded=st.sampled_from([False, False, True]))
    def settle(self, data: st.DataObject, is_excluded: bool) -> None:
        item = Item.objects.get(pk=data.draw(st.sampled_from(sorted(self.reported | self.excluded))))
        self.reported.discard(item.pk)
        self.excluded.discard(item.pk)
        if is_excluded:
            reports.exclude(actor=self.lead, item=item, reason="Not for people.")
            self.excluded.add(item.pk)
        else:
            reports.give_out_again(actor=self.lead, item=item)

    @rule(rater=raters)
    def leave_the_page_open(self, rater: int) -> None:
        if rater in self.held:
            self.left.append((rater, self.held.pop(rater)))

    @rule()
    def let_in(self) -> None:
        Qualification.objects.filter(passed=False).update(let_in_by=self.lead)

    @rule(minutes=st.sampled_from([1, 9, 11, 600, -30]))
    def pass_time(self, minutes: int) -> None:
        self.clock.shift(timedelta(minutes=minutes))

    @rule(state=st.sampled_from(["paused", "open", "open", "open"]))
    def turn(self, state: str) -> None:
        campaigns.set_state(actor=self.lead, campaign=self.campaign, state=state)

    @invariant()
    def the_rules_hold(self) -> None:
        slots = list(Slot.objects.all())
        self.no_item_has_more_seats_than_its_scores_call_for(slots)
        self.no_rater_meets_an_item_twice_but_in_one_repeat(slots)
        self.no_rater_holds_two_places(slots)
        self.what_was_reported_waits_for_a_lead()
        self.every_acknowledged_rating_is_there_once_and_no_other(slots)
        self.the_offers_are_numbered_as_they_came()
        self.what_came_too_late_is_kept()

    def no_item_has_more_seats_than_its_scores_call_for(self, slots: list[Slot]) -> None:
        assert Counter(slot.item_id for slot in slots if slot.kind == "seat") == self.seats

    def no_rater_meets_an_item_twice_but_in_one_repeat(self, slots: list[Slot]) -> None:
        taken = [slot for slot in slots if slot.state != "free"]
        places = Counter((slot.item_id, slot.rater_id, slot.kind == "repeat") for slot in taken)
        assert set(places.values()) <= {1}

    def no_rater_holds_two_places(self, slots: list[Slot]) -> None:
        assert set(Counter(slot.rater_id for slot in slots if slot.state == "leased").values()) <= {1}

    def what_was_reported_waits_for_a_lead(self) -> None:
        stored = {(item, state) for item, state in Item.objects.values_list("pk", "availability")}
        assert {item for item, state in stored if state == "reported"} == self.reported
        assert {item for item, state in stored if state == "excluded"} == self.excluded

    def every_acknowledged_rating_is_there_once_and_no_other(self, slots: list[Slot]) -> None:
        there = dict(Rating.objects.values_list("pk", "draft"))
        assert there.keys() == {sent.rating for sent in self.sent}
        assert len([slot for slot in slots if slot.state == "done"]) == len(self.sent)
        assert RatingRevision.objects.count() == len(self.sent) + self.edits
        for sent in self.sent:  # with the draft that was shown, and in the blind arm with none
            draft = find_draft(sent.slot)
            assert there[sent.rating] == (draft.pk if draft else None)
            assert sent.slot.arm == Arm.ASSISTED or there[sent.rating] is None

    def the_offers_are_numbered_as_they_came(self) -> None:
        offers = Offer.objects.values_list("rater", "item", "number", "arm")
        expected = {(self.raters[rater].pk, item, met.number, met.arm) for (rater, item), met in self.met.items()}
        assert set(offers) == expected

    def what_came_too_late_is_kept(self) -> None:
        kept = {(work.rater_id, work.item_id): work.answers for work in SavedWork.objects.all()}
        late = {(self.raters[rater].pk, item): met.kept for (rater, item), met in self.met.items() if met.kept}
        assert kept == late

    def _pages(self) -> list[tuple[int, Slot]]:
        return [*sorted(self.held.items()), *self.left[-4:]]

    def _meet(self, rater: int, slot: Slot) -> None:
        """Check a slot that is new on the rater's desk against all that they were given before."""
        self.takes[rater] += 1
        assert slot.item_id not in self.reported | self.excluded
        met = self.met.setdefault((rater, slot.item_id), Met(slot.arm))
        assert not met.is_skipped
        assert met.arm == slot.arm
        if slot.kind == "repeat":
            assert met.rated == ["seat"]
            assert self.takes[rater] - met.number > GAP
            met.kept = met.kept if met.is_handed_back else None
        else:
            assert not met.rated
        assert (slot.kind == "qualification") == (slot.item_id == self.qualifying)
        assert slot.kind == "qualification" or self._is_in(rater)
        assert slot.arm == Arm.BLIND or slot.kind in ("seat", "repeat")
        met.number = self.takes[rater]
        met.is_handed_back = False

    def _is_theirs(self, rater: int, slot: Slot) -> bool:
        held = Slot.objects.filter(pk=slot.pk, rater=self.raters[rater], lease=slot.lease, state="leased")
        return held.exists()

    def _is_in(self, rater: int) -> bool:
        if self.qualifying in self.excluded and not Qualification.objects.filter(rater=self.raters[rater]).exists():
            return True  # there is nothing left to qualify by
        verdict = Qualification.objects.get(rater=self.raters[rater])
        answer = [s for s in self.sent if s.rater == rater and s.slot.item_id == self.qualifying]
        score = answer[0].values["answers"][AXES[0]].score if answer else None
        assert verdict.passed == (score is not None and abs(score - KNOWN) <= checks.CLOSE)
        return verdict.passed or verdict.let_in_by is not None

    def _submit(self, rater: int, slot: Slot, score: int) -> None:
        is_theirs = self._is_theirs(rater, slot)
        values = factories.make_desk_values(slot, score)
        met = self.met[rater, slot.item_id]
        try:
            rating = factories.submit(self.raters[rater], slot, **values)
        except LeaseLost:
            assert not is_theirs
            met.kept = answers_to_json(values["answers"])
            return
        assert is_theirs
        self.sent.append(Sent(rater, slot, values, rating.pk))
        met.rated.append(slot.kind)
        met.kept = None
        self._count(slot, rating.pk, score)

    def _count(self, slot: Slot, rating: int, score: int) -> None:
        """Compute the expected number of rating slots: one more if all are rated and the scores differ too much."""
        if slot.kind != "seat":
            return
        said = self.said[slot.item_id]
        said[rating] = score
        wanted = max(said.values()) - min(said.values()) > BOUND
        if len(said) == self.seats[slot.item_id] < CAP and wanted:
            self.seats[slot.item_id] += 1


def _fill(campaign: Campaign) -> int:
    """Seven clips: two of a prompt, one of the test split, two golds, and the qualification clip; returns that item."""
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
        record_draft(item_id=item.pk, critic=CRITIC, card=factories.make_card(), text="words", latency_ms=1)
    Slot.objects.filter(item=items[-1]).delete()
    return items[-1].pk


@pytest.mark.django_db
def test_the_queue_keeps_its_rules_in_any_order_of_events() -> None:
    run_state_machine_as_test(
        Queue,
        settings=settings(max_examples=12, stateful_step_count=45, suppress_health_check=list(HealthCheck)),
    )
