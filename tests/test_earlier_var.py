"""A `var/` that an earlier version made still starts, with every rating.

`fixtures/studio_<commit>.sql.gz` is the database of a `var/` made by that commit: the demo, drafts, ratings of a person
(two of them edited), unsubmitted work, a report, a review, a screening, a panel, invitations and a frozen release.
"""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.earlier_var import FIXTURES, ROOT, environment_for, migrate_once, unpack

RATINGS = """
    SELECT rating.id, rating.item_id, rating.rater_id, rating.arm, rating.exposure, rating.draft_id, rating.created_at,
           revision.number, revision.is_current, revision.viewing, revision.seconds_spent, revision.created_at,
           answer.axis, answer.score, answer.evidence, answer.reason
    FROM annotation_rating rating
    JOIN annotation_ratingrevision revision ON revision.rating_id = rating.id
    JOIN annotation_axisanswer answer ON answer.revision_id = revision.id
    ORDER BY rating.id, revision.number, answer.axis
"""
KEPT = {
    "the splits of the clips": "SELECT clip.clip_id, grouped.split FROM annotation_clip clip "
    "JOIN annotation_promptgroup grouped ON grouped.id = clip.prompt_group_id ORDER BY clip.clip_id",
    "the drawn slots": "SELECT id, item_id, number, arm, kind, state, rater_id FROM annotation_slot ORDER BY id",
    "the drafts": "SELECT item_id, critic, text FROM annotation_draft ORDER BY id",
    "unsubmitted work": "SELECT item_id, rater_id, answers FROM annotation_savedwork ORDER BY id",
    "reviews": "SELECT item_id, reviewer_id, card FROM annotation_review ORDER BY id",
    "reports": "SELECT item_id, rater_id, kind, reason FROM annotation_skip ORDER BY id",
    "the audit trail": "SELECT id, actor_id, action, target_type, target_id, data, at "
    "FROM operations_auditentry ORDER BY id",
    "people": "SELECT id, username, password, role, is_active FROM accounts_user ORDER BY id",
    "releases": "SELECT number, name, content_hash, folder FROM datasets_release ORDER BY number",
}
CLIPS_WITHOUT_THEIR_GROUP = """
    SELECT clip.clip_id FROM annotation_clip clip
    JOIN annotation_promptgroup grouped ON grouped.id = clip.prompt_group_id
    WHERE grouped.generator = '' OR NOT EXISTS (SELECT 1 FROM annotation_groupedprompt prompt
        WHERE prompt.text = clip.prompt AND prompt.group_id = clip.prompt_group_id)
"""
CHECK_SUMMARIES = """
import django
django.setup()
from annotation.models import Campaign, ItemSummary
from tests.annotation.summaries import check_summaries
assert ItemSummary.objects.exists()
for campaign in Campaign.objects.all():
    check_summaries(campaign)
"""
VISIT = """
import django
django.setup()
from django.test import Client
from accounts.models import User
client = Client(headers={"host": "127.0.0.1"})
client.force_login(User.objects.get(username="engineer"))
pages = ["/", "/people", "/campaigns", "/campaigns/demo", "/campaigns/demo/items", "/campaigns/demo/agreement"]
for path in [*pages, "/campaigns/demo/panels", "/releases", "/releases/1", "/critics"]:
    print(client.get(path, follow=True).status_code, path)
assert "Freeze it again" in client.get("/releases/1").content.decode()  # its format is not read any more
client.force_login(User.objects.get(username="annotator"))
for path in ("/", "/rate/demo/", "/my-ratings/"):
    print(client.get(path, follow=True).status_code, path)
"""


def read(database: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.name)
def test_a_var_of_an_earlier_version_migrates_and_keeps_every_rating(
    fixture: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    database = unpack(fixture, tmp_path / "before")
    before = {name: read(database, query) for name, query in {"the ratings": RATINGS, **KEPT}.items()}
    assert all(before.values())

    var = Path(shutil.copytree(migrate_once(tmp_path_factory, fixture), tmp_path / "var"))
    database = var / database.name
    after = {name: read(database, query) for name, query in {"the ratings": RATINGS, **KEPT}.items()}
    assert after == before

    assert read(database, CLIPS_WITHOUT_THEIR_GROUP) == []

    run(var, "-c", CHECK_SUMMARIES)
    visits = run(var, "-c", VISIT).splitlines()
    assert [line for line in visits if not line.startswith("200 ")] == []
    assert len(visits) == 13


def run(var: Path, *words: str) -> str:
    """Run Python on the site of this `var/` and return what it prints."""
    done = subprocess.run(
        [sys.executable, *words], env=environment_for(var), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
