"""Processes that rate at once, with clocks that jump, and are killed at any moment: nothing acknowledged is lost."""

import json
import random
import sqlite3
import subprocess
import uuid
from collections import Counter, defaultdict
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection

from accounts.models import User
from annotation.campaigns import overlap
from annotation.campaigns.campaigns import add_clips
from annotation.models import AxisAnswer, Campaign, Item, Qualification, Rating, RatingRevision, SavedWork, Slot
from annotation.rating import ratings
from annotation.rating.drafts import record_draft
from annotation.rating.queue import LeaseLost
from qsave.axes import AXES
from tests.annotation import factories
from tests.support import processes
from tests.support.queue_crew import START
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]

SEED = 3
CLIPS, RATERS, CREWS, KILLS = 240, 7, 4, 12
SEATS, CAP, BOUND = 2, 3, 1
POLICY: dict[str, Any] = {
    "overlap": SEATS,
    "overlap_cap": CAP,
    "disagreement_bound": BOUND,
    "gold_share": 0.1,
    "repeat_share": 0.15,
    "qualification_mark": 0.5,
    "lease_minutes": 1,
}


@dataclass(slots=True)
class Floor:
    """The processes that rate, and what each of them wrote down."""

    folder: Path
    campaign: Campaign
    raters: list[User]
    stack: ExitStack
    dice: random.Random = field(default_factory=lambda: random.Random(SEED))
    crews: list[tuple["subprocess.Popen[bytes]", Path]] = field(default_factory=list)
    started: int = 0

    def start(self) -> None:
        self.started += 1
        log = self.folder / f"{self.started}.jsonl"
        words = [self.campaign.pk, SEED + self.started, log, *[rater.pk for rater in self.raters]]
        run = processes.python(
            "-c", START, *map(str, words), log=self.folder / "errors", DJANGO_SETTINGS_MODULE="config.settings"
        )
        self.crews.append((self.stack.enter_context(run), log))

    def lines(self) -> list[dict[str, Any]]:
        return [entry for log in sorted(self.folder.glob("*.jsonl")) for entry in _entries(log)]

    def written(self) -> int:
        return sum(log.stat().st_size for log in self.folder.glob("*.jsonl"))

    def kill_one(self, *, amid_a_submit: bool) -> None:
        """After some more was written; amid a submit as far as can be seen from here, or else at any moment."""
        least = self.written() + self.dice.randint(1_000, 4_000)  # bytes: up to some eight ratings
        wait_until(lambda: self.written() >= least or not self.are_well(), what="more ratings")
        victim, log = self.dice.choice(self.crews)
        if amid_a_submit:
            victim, log = self.wait_for_a_submit()
        else:
            with suppress(subprocess.TimeoutExpired):
                victim.wait(timeout=self.dice.uniform(0, 0.1))
        assert self.are_well(), (self.folder / "errors").read_text()[-3000:]
        victim.kill()
        victim.wait()
        self.crews.remove((victim, log))

    def wait_for_a_submit(self) -> "tuple[subprocess.Popen[bytes], Path]":
        """Return the first process seen amid a submit: a chosen one may have nothing left to send."""
        sending: list[tuple[subprocess.Popen[bytes], Path]] = []

        def see_one() -> bool:
            sending.extend(crew for crew in self.crews if _is_sending(crew[1]))
            return bool(sending) or not self.are_well()

        wait_until(see_one, what="a submit")
        return sending[0] if sending else self.crews[0]

    def are_well(self) -> bool:
        return all(crew.poll() is None for crew, _ in self.crews)


def _entries(log: Path) -> list[dict[str, Any]]:
    """What a process wrote; its last line may be half of one when it was killed."""
    text = log.read_text() if log.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def _is_sending(log: Path) -> bool:
    return [entry["what"] for entry in _entries(log)[-1:]] == ["sending"]


def test_processes_that_are_killed_lose_and_double_nothing(tmp_path: Path) -> None:
    campaign = make_campaign()
    people = [factories.make_user() for _ in range(RATERS)]
    with ExitStack() as stack:
        floor = Floor(tmp_path, campaign, people, stack)
        for _ in range(CREWS):
            floor.start()
        for number in range(KILLS):
            floor.kill_one(amid_a_submit=number % 2 == 0)
            floor.start()
    nobody_holds_a_transaction_open()
    written = floor.lines()
    assert Counter(entry["what"] for entry in written)["rated"] > KILLS
    with time_machine.travel(datetime.now(UTC) + timedelta(days=1), tick=True):  # every lease has run out
        acknowledged_is_there_once(written)
        late_answers_are_kept(written)
        finish(campaign, [*people, *[factories.make_user() for _ in range(CAP)]])
    the_campaign_is_complete(campaign)
    nobody_met_an_item_twice(campaign)
    who_did_not_qualify_got_no_seat(people[-1])


def make_campaign() -> Campaign:
    """Clips of all splits, some with drafts, some golds, and two qualification clips."""
    campaign = factories.make_campaign(**POLICY)
    clips = [factories.make_clip(split="test" if number % 5 == 0 else "train") for number in range(CLIPS)]
    add_clips(actor=campaign.created_by, campaign=campaign, clips=clips)
    items = list(Item.objects.filter(campaign=campaign).order_by("pk"))
    Item.objects.filter(pk__in=[item.pk for item in items[:6]]).update(gold=dict.fromkeys(AXES, 3))
    qualifying = Item.objects.filter(pk__in=[item.pk for item in items[:2]])
    Slot.objects.filter(item__in=qualifying).delete()
    qualifying.update(is_qualification=True)
    for item in items[2::2]:
        if item.clip.prompt_group.split == "train":
            record_draft(item_id=item.pk, critic="toy@1", card=factories.make_card(), text="words", latency_ms=1)
    return campaign


def finish(campaign: Campaign, people: list[User]) -> None:
    """Everybody rates what is left for them, until nobody finds any more: what one does may open a seat for another."""
    while sum(factories.rate_all(person, campaign) for person in people):
        pass


# ---- what must have held


def nobody_holds_a_transaction_open() -> None:
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(str(connection.settings_dict["NAME"]), timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            other.rollback()
        return
    wait_until(lambda: _open_transactions() == 0, what="the end of every other transaction")


def _open_transactions() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
        )
        return int(cursor.fetchone()[0])


def acknowledged_is_there_once(written: list[dict[str, Any]]) -> None:
    first_keys = dict(RatingRevision.objects.filter(number=1).values_list("key", "rating"))
    answered = {uuid.UUID(entry["key"]): entry["rating"] for entry in written if entry["what"] == "rated"}
    sent = {uuid.UUID(entry["key"]): entry for entry in written if entry["what"] == "sending"}
    assert answered.items() <= first_keys.items()
    assert first_keys.keys() <= sent.keys()
    assert len(set(first_keys.values())) == Rating.objects.count() == len(first_keys)
    edited = {(uuid.UUID(entry["key"]), entry["rating"]) for entry in written if entry["what"] == "edited"}
    assert edited <= set(RatingRevision.objects.filter(number__gt=1).values_list("key", "rating"))
    for key, entry in sent.items():  # the browsers of those who were cut off send once more, and then again
        rating = _send_again(entry, key)
        assert rating == first_keys.get(key, rating)
        assert key in answered or rating == _send_again(entry, key)


def _send_again(entry: dict[str, Any], key: uuid.UUID) -> int | None:
    """The rating that a submit gave, when it is sent again with its key; None where its seat is lost."""
    rater = User.objects.get(pk=entry["rater"])
    submission = factories.make_submission(key=key)
    lease = uuid.UUID(entry["lease"])
    try:
        return ratings.submit(rater=rater, lease=lease, item_id=entry["item"], submission=submission).pk
    except LeaseLost:
        return None


def late_answers_are_kept(written: list[dict[str, Any]]) -> None:
    """What came too late is saved work, or has become the rater's rating of the item since."""
    late = {(entry["rater"], entry["item"]) for entry in written if entry["what"] == "late"}
    saved = set(SavedWork.objects.values_list("rater", "item"))
    assert late <= saved | set(Rating.objects.values_list("rater", "item"))


def the_campaign_is_complete(campaign: Campaign) -> None:
    """Every seat is rated; there are k on an item, and more, up to the cap, just where the raters disagreed.

    A check that was handed back may lie free: it waits for the next to whom one is due on its item.
    """
    assert set(Slot.objects.filter(kind="seat").values_list("state", flat=True)) == {"done"}
    assert set(Slot.objects.values_list("state", flat=True)) <= {"done", "free"}
    assert Slot.objects.filter(state="done").count() == Rating.objects.count()
    seats = Counter(Slot.objects.filter(kind="seat").values_list("item", flat=True))
    assert set(seats.values()) <= set(range(SEATS, CAP + 1))
    for item in Item.objects.filter(campaign=campaign, is_qualification=False):
        if seats[item.pk] < CAP:
            assert overlap.measure_disagreement(item) <= BOUND
        if seats[item.pk] > SEATS:
            assert _widest_gap_ever(item) > BOUND


def _widest_gap_ever(item: Item) -> int:
    """Between any two answers to one axis, earlier revisions included: an edit may have ended a disagreement."""
    given: dict[str, list[int]] = defaultdict(list)
    there = AxisAnswer.objects.filter(revision__rating__item=item, revision__rating__slot__kind="seat")
    for axis, score in there.values_list("axis", "score"):
        given[axis].append(score)
    return max(max(scores) - min(scores) for scores in given.values())


def nobody_met_an_item_twice(campaign: Campaign) -> None:
    first: dict[tuple[int, int], str] = {}
    repeats: dict[tuple[int, int], str] = {}
    for rating in Rating.objects.filter(item__campaign=campaign).select_related("slot").order_by("pk"):
        met = repeats if rating.slot.kind == "repeat" else first
        assert (rating.rater_id, rating.item_id) not in met
        met[rating.rater_id, rating.item_id] = rating.arm
    assert repeats.items() <= first.items()  # each after its first time, in the same arm
    assert not Rating.objects.filter(arm="blind", draft__isnull=False).exists()


def who_did_not_qualify_got_no_seat(rater: User) -> None:
    verdict = Qualification.objects.filter(rater=rater).first()
    assert verdict is None or not verdict.passed
    assert set(Slot.objects.filter(rater=rater).values_list("kind", flat=True)) <= {"qualification"}
