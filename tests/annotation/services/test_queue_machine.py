"""Any order of claims, submits, repeats, hand-backs, skips and pauses, with a clock that jumps: the rules hold."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from annotation.models import PromptGroup, Rating, SavedWork, Skip, Slot
from annotation.services import campaigns, queue
from annotation.services.answers import answers_to_json
from annotation.services.ratings import LeaseLost
from tests.annotation import factories

SEATS = 2
RATERS = 3
raters = st.integers(0, RATERS - 1)


class Queue(RuleBasedStateMachine):
    """Each example runs in a transaction that is rolled back at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.travel = time_machine.travel(datetime(2026, 3, 2, 9, tzinfo=UTC), tick=False)
        self.clock = self.travel.start()
        self.boss = factories.lead()
        self.campaign = factories.make_campaign(overlap=SEATS, lease_minutes=10)
        group = PromptGroup.objects.create(representative="shared", split="train")
        clips = [factories.make_clip(group=group), factories.make_clip(group=group), factories.make_clip()]
        campaigns.add_clips(actor=self.boss, campaign=self.campaign, clips=clips)
        self.raters = [factories.make_user() for _ in range(RATERS)]
        self.held: dict[int, Slot] = {}  # what each rater's page shows, lost or not
        self.sent: list[tuple[int, Slot, dict[str, Any], int]] = []  # submits that were acknowledged
        self.kept: dict[tuple[int, int], Any] = {}

    def teardown(self) -> None:
        self.travel.stop()
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    @rule(rater=raters)
    def claim(self, rater: int) -> None:
        shown = set(self.raters[rater].ratings.values_list("item", flat=True))
        shown |= set(Skip.objects.filter(rater=self.raters[rater]).values_list("item", flat=True))
        live = Slot.objects.filter(state="leased", lease_expires_at__gt=timezone.now())
        leases = set(live.values_list("pk", "rater", "lease"))
        slot = queue.claim(rater=self.raters[rater], campaign=self.campaign)
        assert leases <= set(live.values_list("pk", "rater", "lease"))  # nobody lost a lease that ran
        if slot is None:
            self.held.pop(rater, None)
            return
        assert slot.item_id not in shown
        self.held[rater] = slot

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def submit(self, data: st.DataObject) -> None:
        rater = data.draw(st.sampled_from(sorted(self.held)))
        slot, given, key = self.held.pop(rater), factories.answers(), uuid.uuid4()
        try:
            rating = factories.submit(self.raters[rater], slot, answers=given, key=key)
        except LeaseLost:
            self.kept[rater, slot.item_id] = answers_to_json(given)
        else:
            self.sent.append((rater, slot, {"answers": given, "key": key}, rating.pk))
            self.kept.pop((rater, slot.item_id), None)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def submit_once_more(self, data: st.DataObject) -> None:
        rater, slot, values, rating = data.draw(st.sampled_from(self.sent))
        assert factories.submit(self.raters[rater], slot, **values).pk == rating

    @precondition(lambda self: self.held)
    @rule(data=st.data(), for_good=st.booleans())
    def let_go(self, data: st.DataObject, for_good: bool) -> None:
        rater = data.draw(st.sampled_from(sorted(self.held)))
        slot = self.held.pop(rater)
        seat: dict[str, Any] = {
            "rater": self.raters[rater],
            "slot_id": slot.pk,
            "lease": factories.lease_of(slot),
        }
        if for_good:
            queue.skip(kind="skipped", reason="", **seat)
        else:
            queue.hand_back(**seat)

    @rule(minutes=st.sampled_from([1, 9, 11, 600, -30]))
    def pass_time(self, minutes: int) -> None:
        self.clock.shift(timedelta(minutes=minutes))

    @rule(state=st.sampled_from(["paused", "open"]))
    def turn(self, state: str) -> None:
        campaigns.set_state(actor=self.boss, campaign=self.campaign, state=state)

    @invariant()
    def no_item_has_more_seats_than_it_should_and_no_rater_two_of_them(self) -> None:
        taken = Slot.objects.exclude(state="free").values_list("item", "rater")
        assert len(set(taken)) == len(taken)
        assert all(slots <= SEATS for slots in _counts(item for item, _ in taken).values())

    @invariant()
    def no_rater_holds_two_seats(self) -> None:
        leased = Slot.objects.filter(state="leased").values_list("rater", flat=True)
        assert len(set(leased)) == len(leased)

    @invariant()
    def every_acknowledged_rating_is_there_once_and_no_other(self) -> None:
        assert set(Rating.objects.values_list("pk", flat=True)) == {rating for *_, rating in self.sent}
        assert Slot.objects.filter(state="done").count() == len(self.sent)

    @invariant()
    def what_came_too_late_is_kept(self) -> None:
        kept = {(work.rater_id, work.item_id): work.answers for work in SavedWork.objects.all()}
        for (rater, item), answers in self.kept.items():
            assert kept[self.raters[rater].pk, item] == answers


def _counts(values: Any) -> dict[int, int]:
    counts: dict[int, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


@pytest.mark.django_db
def test_the_queue_keeps_its_rules_in_any_order_of_events() -> None:
    run_state_machine_as_test(
        Queue,
        settings=settings(max_examples=12, stateful_step_count=30, suppress_health_check=list(HealthCheck)),
    )
