"""Pages of a large campaign (home, overview, clips, one clip, review) and a claim: queries and HTML, without a browser.

The campaign has three ratings a clip in both arms, by 200 raters. One of them has rated two clips of five, as a rater
does who works for weeks. Every fourth clip has all its ratings; a few are reported, golds or excluded.
"""

import itertools
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"postgresql": (10_000, 50_000), "sqlite": (20_000,)}
LIMITS = {
    "postgresql": {"overview": 100, "home": 100, "clip": 100, "clips": 60, "review": 150},
    "sqlite": {"overview": 300, "home": 300, "clip": 300, "clips": 300, "review": 300},
}
"""The slowest p95 in milliseconds that counts as good."""
RATINGS = 3
RATERS = 200
TIMES = 20
WARM = 6
"""Visits before the measured ones. PostgreSQL may take another plan from the sixth use of a prepared statement on."""
LEAD, BUSY = "pages-lead", "pages-busy"
FILTERS = (
    "state=started",
    "state=excluded",
    "generator=model-1",
    "split=val",
    "rater=pages-3",
    "defect=blur",
    "spread=2",
    "mos_from=4",
    "mos_to=2",
    "width=1.5",
    "reports=on",
    "gold=on",
    "q=fox",
    "q=nosuchthing",
)
BIG = 5000
"""A plan may scan a table with fewer rows."""
_EXPRESSIONS = {
    "postgresql": {
        "uuid": "gen_random_uuid()",
        "marks": """CAST('[{"defect": "' || axis.defect || '", "time": null, "box": null}]' AS jsonb)""",
        "none": "CAST('[]' AS jsonb)",
        "viewing": """CAST('{"watched_share": 1.0}' AS jsonb)""",
    },
    "sqlite": {
        "uuid": "lower(hex(randomblob(16)))",
        "marks": """'[{"defect": "' || axis.defect || '", "time": null, "box": null}]'""",
        "none": "'[]'",
        "viewing": """'{"watched_share": 1.0}'""",
    },
}
_AXES = """(SELECT 'visual' AS name, 1 AS k, 'blur' AS defect UNION ALL SELECT 'dynamic', 2, 'frozen'
    UNION ALL SELECT 'alignment', 3, 'wrong-object') axis"""
_NOISE = "(({value}) * 7919 + 104729) % 1021 / 1020.0"
_MADE = [
    """UPDATE annotation_slot SET state = 'done', rater_id = CASE WHEN number = 1 AND item_id % 5 < 2 THEN {busy}
            ELSE {rater} + (item_id * 7 + number * 13) % {raters} END
        WHERE campaign_id = {campaign} AND (number <= {ratings} OR item_id % 4 = 0)""",
    """INSERT INTO annotation_rating
        (slot_id, item_id, rater_id, arm, exposure, is_simulated, critic_active, created_at, clip_version)
        SELECT id, item_id, rater_id, arm, 'none', false, true, %s, 1 FROM annotation_slot
        WHERE campaign_id = {campaign} AND state = 'done'""",
    """INSERT INTO annotation_ratingrevision (rating_id, number, is_current, key, viewing, seconds_spent, created_at)
        SELECT rating.id, 1, true, {uuid}, {viewing}, 30, rating.created_at FROM annotation_rating rating
        JOIN annotation_slot slot ON slot.id = rating.slot_id WHERE slot.campaign_id = {campaign}""",
    """INSERT INTO annotation_axisanswer (revision_id, axis, score, evidence, reason, draft_use)
        SELECT revision.id, axis.name, CASE WHEN level < 1 THEN 1 WHEN level > 5 THEN 5 ELSE level END,
            CASE WHEN (revision.id + axis.k) % 2 = 0 THEN {marks} ELSE {none} END,
            'The fox in clip ' || item_id || ' looks as if it slid over the snow.', 'none'
        FROM (SELECT revision.id, rating.item_id, axis.k AS number, CAST(ROUND(1 + {quality} * 4 + ({noise} - 0.5) * 2)
            AS INTEGER) AS level FROM annotation_ratingrevision revision
            JOIN annotation_rating rating ON rating.id = revision.rating_id
            JOIN annotation_slot slot ON slot.id = rating.slot_id AND slot.campaign_id = {campaign}
            CROSS JOIN {axes}) revision JOIN {axes} ON axis.k = revision.number""",
    """INSERT INTO annotation_offer (campaign_id, item_id, rater_id, arm, number, offered_at, exposure)
        SELECT campaign_id, item_id, rater_id, arm, ROW_NUMBER() OVER (PARTITION BY rater_id ORDER BY item_id), %s,
            'none'
        FROM annotation_slot WHERE campaign_id = {campaign} AND state = 'done'""",
]


def make_campaign(clips: int, ratings: int = RATINGS) -> Any:
    """Make an open campaign with this many clips and three ratings or more a clip, in a minute at 50,000."""
    from django.db import connection, transaction
    from django.utils import timezone

    from accounts.models import Role, User
    from accounts.services import create_user
    from annotation.campaigns.campaigns import add_clips, create_campaign, set_state
    from annotation.campaigns.summaries import refresh_summaries
    from annotation.models import Campaign, Item, Slot

    lead = User.objects.filter(username=LEAD).first() or create_user(
        actor=None, username=LEAD, password=None, role=Role.LEAD
    )
    raters = [User.objects.get_or_create(username=f"pages-{number}")[0].pk for number in range(RATERS)]
    busy, _created = User.objects.get_or_create(username=BUSY)
    name = f"pages-{clips}"
    campaign = create_campaign(actor=lead, name=name, title=name, overlap=ratings + 1, guidelines="Look closely.")
    add_clips(actor=lead, campaign=campaign, clips=_make_clips(name, clips))
    set_state(actor=lead, campaign=campaign, state=Campaign.State.OPEN)
    values = _EXPRESSIONS[connection.vendor] | {
        "campaign": campaign.pk,
        "rater": min(raters),
        "raters": RATERS,
        "busy": busy.pk,
        "ratings": ratings,
        "axes": _AXES,
        "quality": _NOISE.format(value="rating.item_id * 3 + axis.k"),
        "noise": _NOISE.format(value="revision.id * 3 + axis.k"),
    }
    with connection.cursor() as cursor:
        for template in _MADE:
            statement = template.format(**values)
            cursor.execute(
                statement.replace("%s", "{now}").replace("%", "%%").replace("{now}", "%s"),
                [_now()] * template.count("%s"),
            )
        cursor.execute("ANALYZE")
    done = Slot.objects.filter(campaign=campaign, state=Slot.State.DONE)
    for number, days in enumerate((2, 12, 22, 1), start=1):
        done.filter(number=number).update(done_at=timezone.now() - timedelta(days=days))
    _mark_some(campaign)
    with transaction.atomic():
        refresh_summaries(Item.objects.filter(campaign=campaign).values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    return campaign


def _now() -> Any:
    from django.utils import timezone

    from annotation.models import Rating
    from annotation.rating.queue_sql import prepare_value

    return prepare_value(Rating, "created_at", timezone.now() - timedelta(days=3))


def _make_clips(name: str, count: int) -> list[Any]:
    from annotation.models import Clip, PromptGroup

    splits = ["train"] * 8 + ["val", "test"]
    groups = PromptGroup.objects.bulk_create(
        (PromptGroup(representative=f"{name} {n}", split=splits[n % 10]) for n in range(count // 4)), batch_size=2000
    )
    made = (
        Clip(
            clip_id=f"{name}-{n:07}",
            sha256=f"{n:064x}",
            prompt=f"A fox number {n // 4} runs through deep snow as the sun goes down behind the old bridge",
            generator=f"model-{n % 4}",
            prompt_group=groups[n // 4],
            original=f"clips/{n:064x}.mp4",
            poster=f"posters/{n:064x}.jpg",
            codec="h264",
            width=832,
            height=480,
            fps_numerator=16,
            fps_denominator=1,
            duration=5.0,
            frames=81,
            has_audio=False,
            bytes=1_000_000,
        )
        for n in range(count)
    )
    return Clip.objects.bulk_create(made, batch_size=1000)


def _mark_some(campaign: Any) -> None:
    from accounts.models import User
    from annotation.models import Item, Skip

    keys = list(Item.objects.filter(campaign=campaign).order_by("pk").values_list("pk", flat=True))
    Item.objects.filter(pk__in=keys[::700]).update(availability="excluded", exclusion_reason="The file is broken.")
    Item.objects.filter(pk__in=keys[1::500]).update(availability="reported")
    Item.objects.filter(pk__in=keys[2::200]).update(gold={"visual": 3.0})
    rater = User.objects.get(username="pages-0")
    Skip.objects.bulk_create(Skip(item_id=key, rater=rater, kind="broken", reason="Black.") for key in keys[1::500])


def line(what: str, figures: str) -> str:
    """One measured page, in words; `tests.bench.measures` needs Django, which is not set up yet in this process."""
    return f"{what:<66} {figures}"


def measure(campaign: Any) -> Iterator[str]:
    """Yield a line for each page, a claim, and each filter and order of the list, with the limit of each page."""
    from django.db import connection

    from annotation.agreement.clip_filter import SORTS

    limits = LIMITS[connection.vendor]
    what = f"{connection.vendor}, {campaign.items.count():,} clips"
    path = f"/campaigns/{campaign.name}/items"
    for name, (page, person) in _list_pages(campaign).items():
        yield line(f"{what}: {name}", _describe(_time(page, person), limits[name.partition(" ")[0]]))
    yield line(f"{what}: claim of a rater", _describe_times(_time_claims(campaign, "pages-3")))
    yield line(f"{what}: claim of a rater with many ratings", _describe_times(_time_claims(campaign, BUSY)))
    yield line(f"{what}: list", _describe(_time(path), limits["clips"]))
    for query in FILTERS:
        yield line(f"{what}: {query}", _describe(_time(f"{path}?{query}"), limits["clips"]))
    for sort in (f"{sign}{sort}" for sort in SORTS for sign in ("", "-")):
        middle = _find_middle(campaign, sort)
        times = [_time(f"{path}?sort={sort}{at}", times=TIMES // 2) for at in ("", f"&after={middle}")]
        yield line(f"{what}: sort={sort}, first page and middle", _describe(max(times, key=_find_p95), limits["clips"]))


def _list_pages(campaign: Any) -> dict[str, tuple[str, str]]:
    """Return the pages beside the list: the address of each, and who opens it. The first word names the limit."""
    middle = campaign.items.order_by("pk")[campaign.items.count() // 2]
    overview = f"/campaigns/{campaign.name}"
    return {
        "overview": (overview, LEAD),
        "home of a lead": ("/", LEAD),
        "home of a rater": ("/", "pages-3"),
        "home of a rater with many ratings": ("/", BUSY),
        "clip": (f"{overview}/items/{middle.pk}", LEAD),
        "clip in the list by spread": (f"{overview}/items/{middle.pk}?sort=-spread", LEAD),
        "review queue": (f"{overview}/review", LEAD),
        "review of one axis": (f"{overview}/review?axis=dynamic&split=train", LEAD),
        "review of a clip": (f"{overview}/review/{middle.pk}", LEAD),
    }


def _open_client(person: str) -> Any:
    from django.test import Client

    from accounts.models import User

    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(User.objects.get(username=person))
    return client


def _time(path: str, person: str = LEAD, *, times: int = TIMES) -> list[float]:
    """Return the milliseconds of getting a page, rising, after the visits that load templates and plans."""
    client = _open_client(person)
    taken = []
    for _number in range(WARM + times):
        began = time.perf_counter()
        page = client.get(path)
        taken.append(1000 * (time.perf_counter() - began))
        assert page.status_code == 200, path
    return sorted(taken[WARM:])


def _time_claims(campaign: Any, person: str) -> list[float]:
    """Return the milliseconds of a rater's claims, rising, without their commit: each is undone."""
    from django.db import transaction

    from accounts.models import User
    from annotation.rating.queue import claim

    rater, taken = User.objects.get(username=person), []
    for _number in range(WARM + TIMES):
        with transaction.atomic():
            began = time.perf_counter()
            slot = claim(rater=rater, campaign=campaign)
            taken.append(1000 * (time.perf_counter() - began))
            assert slot is not None
            transaction.set_rollback(True)
    return sorted(taken[WARM:])


def _find_p95(times: Sequence[float]) -> float:
    """Return the time that one visit of twenty exceeds; `times` are rising."""
    return times[int(len(times) * 0.95) - 1]


def _describe_times(times: Sequence[float]) -> str:
    return f"p95 {_find_p95(times):.0f} ms, fastest {times[0]:.0f} ms"


def _describe(times: Sequence[float], limit: int) -> str:
    return f"{_describe_times(times)} (limit {limit}){': TOO SLOW' if _find_p95(times) > limit else ''}"


def _find_middle(campaign: Any, sort: str) -> str:
    from annotation.agreement.axis_tallies import read_axis_tallies
    from annotation.agreement.clip_filter import ClipFilter
    from annotation.agreement.clip_order import ClipOrder
    from qsave.axes import AXES

    wanted = ClipFilter(sort=sort.removeprefix("-"), descending=sort.startswith("-"))
    order = ClipOrder.of(campaign, wanted, read_axis_tallies(campaign, AXES[0]))
    keys = order.read_keys(None, limit=campaign.items.count() // 2)
    return f"{keys[-1][0]},{keys[-1][1]}"


def find_page_scans(campaign: Any) -> set[str]:
    """Return what scans a big table, of the pages beside the list: page and table."""
    return {
        f"{name}: {table}"
        for name, (path, person) in _list_pages(campaign).items()
        for table in _list_scanned_by(partial(_open_client(person).get, path))
    }


def find_scans(campaign: Any) -> set[str]:
    """Return what scans a big table, of every order with every pair of filters: filters, order and table."""
    from django.http import QueryDict

    from annotation.agreement.clip_filter import SORTS, ClipFilterForm
    from annotation.agreement.clip_list import read_clip_page

    scans: set[str] = set()
    for pair, sort in itertools.product(itertools.combinations(FILTERS, 2), SORTS):
        query = QueryDict("&".join([*pair, f"sort={sort}"]))
        wanted = ClipFilterForm(query, campaign=campaign, generators=["model-1"]).read_filter()
        scans |= {
            f"{query.urlencode()}: {table}" for table in _list_scanned_by(partial(read_clip_page, campaign, wanted))
        }
    return scans


def _list_scanned_by(act: Callable[[], object]) -> set[str]:
    """Return the big tables that the queries of an act scan."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as context:
        act()
    statements = {entry["sql"] for entry in context.captured_queries if entry["sql"].startswith("SELECT")}
    return {table for sql in statements for table in _list_scanned(sql)}


def _list_scanned(sql: str) -> set[str]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + sql.replace("%", "%%"), [])
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("SELECT relname FROM pg_class WHERE reltuples > %s", [BIG])
        big = {name for (name,) in cursor.fetchall()}
    return set(re.findall(r"Seq Scan on (\w+)", plan)) & big


def measure_all() -> Iterator[str]:
    """Measure each size of the connected database; on PostgreSQL also list what scans a table."""
    from django.db import connection

    for clips in SIZES[connection.vendor]:
        campaign = make_campaign(clips)
        yield from measure(campaign)
        if connection.vendor == "postgresql":
            scans = sorted(find_page_scans(campaign))
            yield line(f"{clips:,} clips: the other pages", f"{len(scans)} scan a table {scans}")
            scans = sorted(find_scans(campaign))
            yield line(f"{clips:,} clips: pairs of filters in any order", f"{len(scans)} scan a table {scans[:3]}")


def measure_sqlite(folder: Path) -> Iterator[str]:
    """Measure SQLite in a process of its own: one process has one database."""
    environment = os.environ | {"QSAVE_VAR": str(folder), "DATABASE_URL": f"sqlite:///{folder / 'pages.sqlite3'}"}
    command = [sys.executable, "-m", "tests.bench.pages"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    yield from done.stdout.splitlines()


def main() -> None:
    """Measure the pages on the database of the environment: `python -m tests.bench.pages`."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)
    for figures in measure_all():
        print(figures, flush=True)


if __name__ == "__main__":
    main()
