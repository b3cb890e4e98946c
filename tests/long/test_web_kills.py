"""Web workers that are killed while raters submit: what was answered is stored, once, and a resend does no harm."""

import http.client
import os
import signal
import subprocess
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from annotation.models import Rating, RatingRevision, SavedWork, Slot
from operations.launcher import build_web_command
from tests.annotation import factories
from tests.support import processes
from tests.support.http_rater import PASSWORD, Rater
from tests.support.services import find_free_port, is_listening
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]

CLIPS, SLOTS, RATERS, KILLS = 50, 3, 6, 6
CUT_OFF = (http.client.HTTPException, OSError)
RESENDS = 50


@dataclass(slots=True)
class Person:
    """A rater who sends a form again, with its key, for as long as the connection breaks before an answer."""

    browser: Rater
    acknowledged: list[uuid.UUID] = field(default_factory=list)
    resent: int = 0

    def work(self) -> None:
        self.until_answered(self.browser.start)
        while self.browser.form:
            filled = self.browser.fill_form()
            self.until_answered(partial(self.browser.send, filled))
            self.acknowledged.append(uuid.UUID(filled["key"]))
        self.browser.close()

    def until_answered(self, send: Callable[[], bool]) -> None:
        for _ in range(RESENDS):
            try:
                send()
            except CUT_OFF:
                self.browser.close()
                self.resent += 1
            else:
                return
        raise AssertionError(f"no answer in {RESENDS} tries")


def test_killed_web_workers_lose_and_double_nothing(tmp_path: Path) -> None:
    campaign = factories.make_campaign(CLIPS, overlap=SLOTS)
    names = [factories.make_user(password=PASSWORD).username for _ in range(RATERS)]
    port, log = find_free_port(), tmp_path / "web"
    with (
        processes.python(*build_web_command("127.0.0.1", port)[1:], log=log) as web,
        ThreadPoolExecutor(RATERS) as pool,
    ):
        wait_until(lambda: is_listening(port) or web.poll() is not None, what="the site")
        people = [Person(Rater(port, name, campaign.name)) for name in names]
        for person in people:
            person.browser.sign_in()
            person.browser.close()
        working = [pool.submit(person.work) for person in people]
        for number in range(1, KILLS + 1):
            wait_until(partial(have_rated, people, CLIPS * SLOTS * number // (KILLS + 1)), what="more ratings")
            kill_a_worker(web)
        for one in working:
            one.result()
        web.terminate()
        web.wait()
    assert sum(person.resent for person in people) >= KILLS / 2, log.read_text()[-3000:]
    for name, person in zip(names, people, strict=True):
        keys = RatingRevision.objects.filter(rating__rater__username=name).values_list("key", flat=True)
        assert Counter(keys) == Counter(person.acknowledged)
        assert set(Counter(keys).values()) == {1}
    assert set(Counter(Rating.objects.values_list("item", flat=True)).values()) == {SLOTS}
    assert Rating.objects.values("item", "rater").distinct().count() == Rating.objects.count() == CLIPS * SLOTS
    assert set(Slot.objects.values_list("state", flat=True)) == {"done"}
    assert not SavedWork.objects.exists()


def have_rated(people: list[Person], least: int) -> bool:
    return sum(len(person.acknowledged) for person in people) >= least


def kill_a_worker(web: "subprocess.Popen[bytes]") -> None:
    """The older of the two: that is where the raters' connections are."""
    wait_until(lambda: len(_children(web.pid)) == 2, what="a second worker")
    os.kill(_children(web.pid)[0], signal.SIGKILL)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
