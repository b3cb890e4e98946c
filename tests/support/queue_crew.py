"""Raters who do anything at any time, in a process of their own that goes on until it is killed.

The process is started by START with CAMPAIGN SEED LOG RATER... (keys of rows). LOG gets a line of JSON before each
submit and one for whatever was acknowledged, each on disk before the next thing happens. The process's clock jumps.
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

START = "import django; django.setup(); from tests.support.queue_crew import main; main()"
SHIFTS = [0, 0, 0, 2, 30, -30]
"""Minutes by which the clock is off for a while; a lease of the test lasts one."""
PAGES = 20
"""Pages that the raters of a process have open, lost or not."""

Page = tuple[User, Slot]


@dataclass(slots=True)
class Crew:
    """The raters of a process. The last of them never qualifies."""

    campaign: Campaign
    raters: list[User]
    log: TextIO
    dice: random.Random
    pages: list[Page] = field(default_factory=list)
    rated: list[Rating] = field(default_factory=list)
    writing: threading.Lock = field(default_factory=threading.Lock)

    def go_on(self) -> None:
        """A few actions with the clock off by the same time."""
        shift = timedelta(minutes=self.dice.choice(SHIFTS))
        with time_machine.travel(datetime.now(UTC) + shift, tick=True):
            for _ in range(self.dice.randint(1, 12)):
                self.act()

    def act(self) -> None:
        actions = [*[self.rate] * 8, self.claim, self.send_twice, self.send_from_two_tabs, self.edit]
        actions += [self.send_old_page, self.renew, self.hand_back, self.skip]
        self.unless_lost(self.dice.choice(actions))

    def unless_lost(self, action: Callable[[], object]) -> None:
        try:
            action()
        except (LeaseLost, EditRefused):  # a word to the rater; what they typed is kept, and the log says so
            return
        except OperationalError:
            if connection.vendor != "sqlite":
                raise
            self.note("busy")  # SQLite keeps no queue of writers: where all write without rest, one may wait in vain

    def note(self, what: str, **values: Any) -> None:
        with self.writing:
            self.log.write(json.dumps({"what": what, **values}, default=str) + "\n")
            self.log.flush()
            os.fsync(self.log.fileno())

    # ---- what a rater does

    def claim(self) -> Page | None:
        rater = self.dice.choice(self.raters)
        slot = queue.claim(rater=rater, campaign=self.campaign)
        if slot is None:
            return None
        self.pages = [*self.pages, (rater, slot)][-PAGES:]
        return rater, slot

    def rate(self) -> None:
        page = self.claim()
        if page:
            self.send(page, self.answers(page))

    def send_twice(self) -> None:
        """A double click: one key, both at once."""
        page = self.claim()
        if page:
            self.send_at_once(page, *[self.answers(page)] * 2)

    def send_from_two_tabs(self) -> None:
        page = self.claim()
        if page:
            self.send_at_once(page, self.answers(page), self.answers(page))

    def send_old_page(self) -> None:
        if self.pages:
            page = self.dice.choice(self.pages)
            self.send(page, self.answers(page))

    def renew(self) -> None:
        if self.pages:
            queue.renew(**_seat(self.dice.choice(self.pages)))

    def hand_back(self) -> None:
        if self.pages:
            queue.hand_back(**_seat(self.dice.choice(self.pages)))

    def skip(self) -> None:
        if self.pages and self.dice.random() < 0.3:
            page = self.dice.choice(self.pages)
            queue.skip(**_seat(page), item_id=page[1].item_id, kind="skipped", reason="")

    def edit(self) -> None:
        if self.rated:
            rating, key = self.dice.choice(self.rated), uuid.uuid4()
            given = factories.make_answers(
                self.dice.choice([1, 3, 5]), draft_use="edited" if rating.draft_id else "none"
            )
            factories.revise(rating, answers=given, key=key)
            self.note("edited", rating=rating.pk, key=key)

    # ---- how

    def answers(self, page: Page) -> dict[str, Any]:
        rater, slot = page
        score = self.dice.choice([3, 3, 3, 1, 5])
        if slot.kind == Slot.Kind.QUALIFICATION:
            score = 5 if rater == self.raters[-1] else 3
        return factories.make_desk_values(slot, score)

    def send(self, page: Page, values: dict[str, Any]) -> None:
        rater, slot = page
        who = {"rater": rater.pk, "slot": slot.pk, "item": slot.item_id, "lease": slot.lease, "key": values["key"]}
        self.note("sending", **who)
        try:
            rating = factories.submit(rater, slot, **values)
        except LeaseLost:
            self.note("late", **who)
            raise
        self.note("rated", rating=rating.pk, **who)
        self.rated.append(rating)

    def send_at_once(self, page: Page, *sent: dict[str, Any]) -> None:
        def run(values: dict[str, Any]) -> None:
            try:
                self.unless_lost(lambda: self.send(page, values))
            finally:
                connection.close()

        with ThreadPoolExecutor(len(sent)) as pool:
            list(pool.map(run, sent))


def _seat(page: Page) -> dict[str, Any]:
    rater, slot = page
    return {"rater": rater, "lease": factories.get_lease(slot)}


def main() -> None:
    campaign, seed, log, *raters = sys.argv[1:]
    people = [User.objects.get(pk=rater) for rater in raters]
    with Path(log).open("a") as lines:
        crew = Crew(Campaign.objects.get(pk=campaign), people, lines, random.Random(int(seed)))
        while True:
            crew.go_on()
