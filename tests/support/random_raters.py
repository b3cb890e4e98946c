"""Raters who act at random, in a separate process that runs until it is killed.

START starts the process with the arguments CAMPAIGN SEED LOG RATER... (primary keys). It writes a line of JSON to LOG
before each submit and after each acknowledgement, and flushes it to disk before it does anything else. The process's
clock jumps.
"""

import json
import os
import random
import sys
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import time_machine
from django.db import OperationalError, connection

from accounts.models import User
from annotation.models import Campaign, Rating, Slot
from annotation.rating import queue
from annotation.rating.queue import LeaseLost
from annotation.rating.ratings import EditRefused
from tests.annotation import factories

START = "import django; django.setup(); from tests.support.random_raters import main; main()"
SHIFTS = [0, 0, 0, 2, 30, -30]
"""Minutes by which the clock is wrong for a while; the test's leases last one minute."""
PAGES = 20
"""Number of open pages that a process remembers, with or without a lease that still runs."""

Page = tuple[User, Slot]


@dataclass(slots=True)
class RandomRaters:
    """The raters of a process. The last one never qualifies."""

    campaign: Campaign
    raters: list[User]
    log: TextIO
    chance: random.Random
    pages: list[Page] = field(default_factory=list)
    rated: list[Rating] = field(default_factory=list)
    writing: threading.Lock = field(default_factory=threading.Lock)

    def act_for_a_while(self) -> None:
        """Act a few times under one wrong clock."""
        shift = timedelta(minutes=self.chance.choice(SHIFTS))
        with time_machine.travel(datetime.now(UTC) + shift, tick=True):
            for _ in range(self.chance.randint(1, 12)):
                self.act()

    def act(self) -> None:
        actions = [*[self.rate] * 8, self.claim, self.send_twice, self.send_from_two_tabs, self.edit]
        actions += [self.send_old_page, self.renew, self.hand_back, self.skip]
        self.run_unless_lost(self.chance.choice(actions))

    def run_unless_lost(self, action: Callable[[], object]) -> None:
        try:
            action()
        except (LeaseLost, EditRefused):  # the page tells the rater; the answers are saved, and the log has a line
            return
        except OperationalError:
            if connection.vendor != "sqlite":
                raise
            self.write_log(
                "busy"
            )  # SQLite has no queue of writers: while others write without a pause, one may time out

    def write_log(self, event: str, **values: Any) -> None:
        with self.writing:
            self.log.write(json.dumps({"event": event, **values}, default=str) + "\n")
            self.log.flush()
            os.fsync(self.log.fileno())

    def claim(self) -> Page | None:
        rater = self.chance.choice(self.raters)
        slot = queue.claim(rater=rater, campaign=self.campaign)
        if slot is None:
            return None
        self.pages = [*self.pages, (rater, slot)][-PAGES:]
        return rater, slot

    def rate(self) -> None:
        page = self.claim()
        if page:
            self.send(page, self.make_answers(page))

    def send_twice(self) -> None:
        """Send one page twice at the same moment with one key, as a double click does."""
        page = self.claim()
        if page:
            self.send_at_once(page, *[self.make_answers(page)] * 2)

    def send_from_two_tabs(self) -> None:
        page = self.claim()
        if page:
            self.send_at_once(page, self.make_answers(page), self.make_answers(page))

    def send_old_page(self) -> None:
        if self.pages:
            page = self.chance.choice(self.pages)
            self.send(page, self.make_answers(page))

    def renew(self) -> None:
        if self.pages:
            queue.renew(**_hold(self.chance.choice(self.pages)))

    def hand_back(self) -> None:
        if self.pages:
            queue.hand_back(**_hold(self.chance.choice(self.pages)))

    def skip(self) -> None:
        if self.pages and self.chance.random() < 0.3:
            page = self.chance.choice(self.pages)
            queue.skip(**_hold(page), item_id=page[1].item_id, kind="skipped", reason="")

    def edit(self) -> None:
        if self.rated:
            rating, key = self.chance.choice(self.rated), uuid.uuid4()
            given = factories.make_answers(
                self.chance.choice([1, 3, 5]), draft_use="edited" if rating.draft_id else "none"
            )
            factories.revise(rating, answers=given, key=key)
            self.write_log("edited", rating=rating.pk, key=key)

    def make_answers(self, page: Page) -> dict[str, Any]:
        rater, slot = page
        score = self.chance.choice([3, 3, 3, 1, 5])
        if slot.kind == Slot.Kind.QUALIFICATION:
            score = 5 if rater == self.raters[-1] else 3
        return factories.make_desk_values(slot, score)

    def send(self, page: Page, values: dict[str, Any]) -> None:
        rater, slot = page
        entry = {"rater": rater.pk, "slot": slot.pk, "item": slot.item_id, "lease": slot.lease, "key": values["key"]}
        self.write_log("sending", **entry)
        try:
            rating = factories.submit(rater, slot, **values)
        except LeaseLost:
            self.write_log("late", **entry)
            raise
        self.write_log("rated", rating=rating.pk, **entry)
        self.rated.append(rating)

    def send_at_once(self, page: Page, *sent: dict[str, Any]) -> None:
        def run(values: dict[str, Any]) -> None:
            try:
                self.run_unless_lost(lambda: self.send(page, values))
            finally:
                connection.close()

        with ThreadPoolExecutor(len(sent)) as pool:
            list(pool.map(run, sent))


def _hold(page: Page) -> dict[str, Any]:
    rater, slot = page
    return {"rater": rater, "lease": factories.get_lease(slot)}


def main() -> None:
    campaign, seed, log, *raters = sys.argv[1:]
    people = [User.objects.get(pk=rater) for rater in raters]
    with Path(log).open("a") as lines:
        raters_at_work = RandomRaters(Campaign.objects.get(pk=campaign), people, lines, random.Random(int(seed)))
        while True:
            raters_at_work.act_for_a_while()
