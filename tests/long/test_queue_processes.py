"""Processes of raters at work at once, with clocks that jump, killed at any moment: no acknowledged rating is lost."""

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
from annotation.rating.queue import LeaseLost
from qsave.axes import AXES
from tests.annotation import factories
from tests.support import processes
from tests.support.random_raters import START
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]

SEED = 3
CLIPS, RATERS, PROCESSES, KILLS = 240, 7, 4, 12
SLOTS, CAP, BOUND = 2, 3, 1
POLICY: dict[str, Any] = {
    "overlap": SLOTS,
    "overlap_cap": CAP,
    "disagreement_bound": BOUND,
    "gold_share": 0.1,
    "repeat_share": 0.15,
    "qualification_mark": 0.5,
    "lease_minutes": 1,
}


@dataclass(slots=True)
class RaterProcesses:
    """Processes of random raters, and their logs."""

    folder: Path
    campaign: Campaign
    raters: list[User]
    stack: ExitStack
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    running: list[tuple["subprocess.Popen[bytes]", Path]] = field(default_factory=list)
    started: int = 0

    def start(self) -> None:
        self.started += 1
        log = self.folder / f"{self.started}.jsonl"
        words = [self.campaign.pk, SEED + self.started, log, *[rater.pk for rater in self.raters]]
        run = processes.python(
            "-c", START, *map(str, words), log=self.folder / "errors", DJANGO_SETTINGS_MODULE="config.settings"
        )
        self.running.append((self.stack.enter_context(run), log))

    def read_logs(self) -> list[dict[str, Any]]:
        return [entry for log in sorted(self.folder.glob("*.jsonl")) for entry in _read_log(log)]

    def count_bytes(self) -> int:
        return sum(log.stat().st_size for log in self.folder.glob("*.jsonl"))

    def kill_one(self, *, during_submit: bool) -> None:
        """Kill a process after some more ratings: during a submit, as far as its log shows, or at any moment."""
        least = self.count_bytes() + self.chance.randint(1_000, 4_000)  # bytes: up to some eight ratings
        wait_until(lambda: self.count_bytes() >= least or not self.are_alive(), what="more ratings")
        victim, log = self.chance.choice(self.running)
        if during_submit:
            victim, log = self.wait_for_a_submit()
        else:
            with suppress(subprocess.TimeoutExpired):
                victim.wait(timeout=self.chance.uniform(0, 0.1))
        assert self.are_alive(), (self.folder / "errors").read_text()[-3000:]
        victim.kill()
        victim.wait()
        self.running.remove((victim, log))

    def wait_for_a_submit(self) -> "tuple[subprocess.Popen[bytes], Path]":
        """Return the first process that is seen during a submit: one that is chosen before may have nothing to send."""
        sending: list[tuple[subprocess.Popen[bytes], Path]] = []

        def find_submit() -> bool:
            sending.extend(each for each in self.running if _is_sending(each[1]))
            return bool(sending) or not self.are_alive()

        wait_until(find_submit, what="a submit")
        return sending[0] if sending else self.running[0]

    def are_alive(self) -> bool:
        return all(process.poll() is None for process, _ in self.running)


def _read_log(log: Path) -> list[dict[str, Any]]:
    """Read the whole lines of a log: a killed process may have written half of its last line."""
    text = log.read_text() if log.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def _is_sending(log: Path) -> bool:
    return [entry["event"] for entry in _read_log(log)[-1:]] == ["sending"]


def test_processes_that_are_killed_lose_and_double_nothing(tmp_path: Path) -> None:
    campaign = make_campaign()
    people = [factories.make_user() for _ in range(RATERS)]
    with ExitStack() as stack:
        raters = RaterProcesses(tmp_path, campaign, people, stack)
        for _ in range(PROCESSES):
            raters.start()
        for number in range(KILLS):
            raters.kill_one(during_submit=number % 2 == 0)
            raters.start()
    check_no_open_transaction()
    entries = raters.read_logs()
    assert Counter(entry["event"] for entry in entries)["rated"] > KILLS
    with time_machine.travel(datetime.now(UTC) + timedelta(days=1), tick=True):  # every lease has run out
        check_acknowledged_ratings(entries)
        check_late_answers(entries)
        rate_to_the_end(campaign, [*people, *[factories.make_user() for _ in range(CAP)]])
    check_campaign_complete(campaign)
    check_items_met_once(campaign)
    check_unqualified_rater(people[-1])


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
            factories.store_draft(item.pk, critic="toy@1")
    return campaign


def rate_to_the_end(campaign: Campaign, people: list[User]) -> None:
    """Rate until no rater has a clip left: a rating may open a rating slot for another rater."""
    while sum(factories.rate_all(person, campaign) for person in people):
        pass


def check_no_open_transaction() -> None:
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(str(connection.settings_dict["NAME"]), timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            other.rollback()
        return
    wait_until(lambda: _count_open_transactions() == 0, what="the end of every other transaction")


def _count_open_transactions() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
        )
        return int(cursor.fetchone()[0])


def check_acknowledged_ratings(entries: list[dict[str, Any]]) -> None:
    first_keys = dict(RatingRevision.objects.filter(number=1).values_list("key", "rating"))
    answered = {uuid.UUID(entry["key"]): entry["rating"] for entry in entries if entry["event"] == "rated"}
    sent = {uuid.UUID(entry["key"]): entry for entry in entries if entry["event"] == "sending"}
    assert answered.items() <= first_keys.items()
    assert first_keys.keys() <= sent.keys()
    assert len(set(first_keys.values())) == Rating.objects.count() == len(first_keys)
    edited = {(uuid.UUID(entry["key"]), entry["rating"]) for entry in entries if entry["event"] == "edited"}
    assert edited <= set(RatingRevision.objects.filter(number__gt=1).values_list("key", "rating"))
    for key, entry in sent.items():  # the browser of a rater who was cut off sends it again, and again after that
        rating = _send_again(entry, key)
        assert rating == first_keys.get(key, rating)
        assert key in answered or rating == _send_again(entry, key)


def _send_again(entry: dict[str, Any], key: uuid.UUID) -> int | None:
    """Send a submit again with its key; return its rating, or None if its slot is lost."""
    rater = User.objects.get(pk=entry["rater"])
    submission = factories.make_submission(key=key)
    lease = uuid.UUID(entry["lease"])
    try:
        return ratings.submit(rater=rater, lease=lease, item_id=entry["item"], submission=submission).pk
    except LeaseLost:
        return None


def check_late_answers(entries: list[dict[str, Any]]) -> None:
    """Answers that came too late are saved work, or became the rater's rating of the item later."""
    late = {(entry["rater"], entry["item"]) for entry in entries if entry["event"] == "late"}
    saved = set(SavedWork.objects.values_list("rater", "item"))
    assert late <= saved | set(Rating.objects.values_list("rater", "item"))


def check_campaign_complete(campaign: Campaign) -> None:
    """Every rating slot is rated; an item has more of them, up to the cap, only if its raters disagreed.

    A check slot that was handed back may be free: the next rater who is due a check on its item gets it.
    """
    assert set(Slot.objects.filter(kind="seat").values_list("state", flat=True)) == {"done"}
    assert set(Slot.objects.values_list("state", flat=True)) <= {"done", "free"}
    assert Slot.objects.filter(state="done").count() == Rating.objects.count()
    slots = Counter(Slot.objects.filter(kind="seat").values_list("item", flat=True))
    assert set(slots.values()) <= set(range(SLOTS, CAP + 1))
    for item in Item.objects.filter(campaign=campaign, is_qualification=False):
        if slots[item.pk] < CAP:
            assert overlap.measure_disagreement(item) <= BOUND
        if slots[item.pk] > SLOTS:
            assert _measure_widest_gap(item) > BOUND


def _measure_widest_gap(item: Item) -> int:
    """Measure it between any two answers on one axis, also of earlier revisions: an edit may end a disagreement."""
    by_axis: dict[str, list[int]] = defaultdict(list)
    answers = AxisAnswer.objects.filter(revision__rating__item=item, revision__rating__slot__kind="seat")
    for axis, score in answers.values_list("axis", "score"):
        by_axis[axis].append(score)
    return max(max(scores) - min(scores) for scores in by_axis.values())


def check_items_met_once(campaign: Campaign) -> None:
    first: dict[tuple[int, int], str] = {}
    repeats: dict[tuple[int, int], str] = {}
    for rating in Rating.objects.filter(item__campaign=campaign).select_related("slot").order_by("pk"):
        met = repeats if rating.slot.kind == "repeat" else first
        assert (rating.rater_id, rating.item_id) not in met
        met[rating.rater_id, rating.item_id] = rating.arm
    assert repeats.items() <= first.items()  # each after its first time, in the same arm
    assert not Rating.objects.filter(arm="blind", draft__isnull=False).exists()


def check_unqualified_rater(rater: User) -> None:
    verdict = Qualification.objects.filter(rater=rater).first()
    assert verdict is None or not verdict.passed
    assert set(Slot.objects.filter(rater=rater).values_list("kind", flat=True)) <= {"qualification"}
