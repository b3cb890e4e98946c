"""The rating floor over HTTP: raters with sessions and CSRF as browsers send them, PostgreSQL, two web workers.

A pair is what a rater does over and over: submit a rating and get the next clip. The page sends both in one request,
so a pair is one POST. Beside it, in the same run: the same writes and look-ups sent bare by psycopg.
"""

import itertools
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.support.http_rater import AXES, Rater
from tests.support.services import find_free_port, is_listening

ROOT = Path(__file__).resolve().parents[2]
RATERS = 8
CLIPS = 2000
OVERLAP = 3
PAIRS = 120
"""Pairs of each rater."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run measured: pairs a second, and seconds of one request at the median and the 95th percentile."""

    rate: float
    median: float
    p95: float


def at_once(act: Callable[[int], list[float]], sides: int = RATERS) -> Figures:
    """`act(number)` in as many threads, begun together; it returns the seconds of each of its requests."""
    barrier = threading.Barrier(sides + 1)

    def run(number: int) -> list[float]:
        barrier.wait()
        return act(number)

    with ThreadPoolExecutor(sides) as pool:
        waiting = [pool.submit(run, number) for number in range(sides)]
        barrier.wait()
        began = time.perf_counter()
        taken = sorted(itertools.chain.from_iterable(each.result() for each in waiting))
        seconds = time.perf_counter() - began
    return Figures(len(taken) / seconds, taken[len(taken) // 2], taken[int(len(taken) * 0.95)])


def timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def over_http(port: int, campaign: str, *, pairs: int = PAIRS) -> Figures:
    """Eight raters who submit and get the next clip, as fast as they are answered."""
    raters = [Rater(port, f"bench-{number}", campaign) for number in range(RATERS)]
    for rater in raters:
        rater.sign_in()
        rater.start()
        for _ in range(5):
            rater.rate()  # the first requests of a worker load templates
        rater.close()
    return at_once(lambda number: [timed(raters[number].rate) for _ in range(pairs)])


def told_nothing_is_left(port: int, campaign: str, *, asks: int = 40) -> Figures:
    """Eight raters who have met every clip ask for one more, while rating slots for others are still open."""
    raters = [Rater(port, f"bench-{number}", campaign) for number in range(RATERS)]
    for rater in raters:
        rater.sign_in()
        if rater.start():
            raise RuntimeError("there was something left")
        rater.close()
    return at_once(lambda number: [timed(raters[number].start) for _ in range(asks)])


def bare(database: str, campaign: int, raters: list[int], *, pairs: int = PAIRS) -> Figures:
    """The same look-ups and writes by psycopg alone: a connection for each rater, no Django, no HTTP."""
    connections = [psycopg.connect(database) for _ in raters]

    def act(number: int) -> list[float]:
        link, rater = connections[number], raters[number]
        return [timed(lambda: _bare_pair(link, campaign, rater)) for _ in range(pairs)]

    try:
        return at_once(act, len(raters))
    finally:
        for link in connections:
            link.close()


def _bare_pair(link: "psycopg.Connection[tuple[int, ...]]", campaign: int, rater: int) -> None:
    with link.transaction(), link.cursor() as cursor:
        cursor.execute(_CLAIM, {"campaign": campaign, "rater": rater})
        found = cursor.fetchone()
        assert found is not None
        slot, item = found[:2]
        cursor.execute(_LEASE, (rater, uuid.uuid4(), slot))
        cursor.execute(_OFFER, (campaign, item, rater, campaign, rater))
    with link.transaction(), link.cursor() as cursor:
        cursor.execute(
            "SELECT id, item_id, arm FROM annotation_slot WHERE id = %s AND rater_id = %s FOR UPDATE", (slot, rater)
        )
        cursor.execute("SELECT id FROM annotation_ratingrevision WHERE key = %s", (key := uuid.uuid4(),))
        cursor.execute(_LAST_WORDS, (rater, campaign))
        cursor.execute(_RATING, (slot, item, rater))
        (rating,) = cursor.fetchone() or (0,)
        cursor.execute(_REVISION, (rating, key))
        (revision,) = cursor.fetchone() or (0,)
        words = [(revision, axis, f"What I saw on {axis} this time: {key.hex}") for axis in AXES]
        cursor.execute(_ANSWERS, [value for row in words for value in row])
        cursor.execute(
            "UPDATE annotation_slot SET state='done', lease=NULL, lease_expires_at=NULL WHERE id = %s", (slot,)
        )
        cursor.execute("DELETE FROM annotation_savedwork WHERE item_id = %s AND rater_id = %s", (item, rater))


_CLAIM = """
    SELECT id, item_id FROM annotation_slot
    WHERE campaign_id = %(campaign)s AND kind = 'seat' AND state IN ('free', 'leased')
      AND (state = 'free' OR lease_expires_at <= now()) AND item_id NOT IN
      (SELECT item_id FROM annotation_offer WHERE rater_id = %(rater)s AND campaign_id = %(campaign)s)
    ORDER BY rank DESC, number, place LIMIT 1 FOR UPDATE SKIP LOCKED"""
_LEASE = """
    UPDATE annotation_slot SET state='leased', rater_id=%s, lease=%s, leased_at=now(),
    lease_expires_at=now() + interval '20 minutes' WHERE id = %s"""
_OFFER = """
    INSERT INTO annotation_offer (campaign_id, item_id, rater_id, arm, number, offered_at)
    SELECT %s, %s, %s, 'blind', coalesce(max(number), 0) + 1, now() FROM annotation_offer
    WHERE campaign_id = %s AND rater_id = %s"""
_LAST_WORDS = """
    SELECT a.axis, a.reason FROM annotation_axisanswer a JOIN annotation_ratingrevision v ON v.id = a.revision_id
    WHERE v.is_current AND v.rating_id =
    (SELECT r.id FROM annotation_rating r JOIN annotation_slot s ON s.id = r.slot_id
    WHERE r.rater_id = %s AND s.campaign_id = %s ORDER BY r.id DESC LIMIT 1)"""
_RATING = """
    INSERT INTO annotation_rating (slot_id, item_id, rater_id, arm, exposure, is_simulated, created_at)
    VALUES (%s, %s, %s, 'blind', 'none', false, now()) RETURNING id"""
_REVISION = """
    INSERT INTO annotation_ratingrevision (rating_id, number, is_current, key, viewing, seconds_spent, created_at)
    VALUES (%s, 1, true, %s, '{}', 21.5, now()) RETURNING id"""
_ANSWERS = """
    INSERT INTO annotation_axisanswer (revision_id, axis, score, evidence, reason, draft_use)
    VALUES (%s, %s, 4, '[]', %s, 'none'), (%s, %s, 4, '[]', %s, 'none'), (%s, %s, 4, '[]', %s, 'none')"""


@contextmanager
def site(folder: Path) -> Iterator[int]:
    """The web server as `make run` starts it, two workers of gunicorn, on a free port."""
    from operations.launcher import build_web_command

    port = find_free_port()
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen(
            build_web_command("127.0.0.1", port),
            cwd=ROOT,
            env=os.environ | {"QSAVE_LOG": "WARNING"},
            stdout=log,
            stderr=log,
        )
        try:
            while not is_listening(port):
                if process.poll() is not None:
                    raise RuntimeError(f"the site did not start: {(folder / 'web.log').read_text()[-2000:]}")
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait(timeout=30)


def main() -> None:
    """The client side, in a process of its own: `python -m tests.bench.desk PORT CAMPAIGN DONE`; prints JSON."""
    port, campaign, done = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    pairs, nothing = over_http(port, campaign), told_nothing_is_left(port, done)
    print(
        json.dumps(
            {"pairs": [pairs.rate, pairs.median, pairs.p95], "nothing": [nothing.rate, nothing.median, nothing.p95]}
        )
    )


if __name__ == "__main__":
    main()
