"""A restored backup gives the same release, byte for byte, also if the site moves from PostgreSQL to SQLite.

The copy of the database is always SQLite. The suite runs this test on SQLite and again on PostgreSQL, so it compares
both pairs.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from annotation.models import Campaign, Rating
from annotation.models.campaigns import new_salt
from datasets.services.policy import ReleasePolicy
from datasets.services.releases import build_release, locate_release
from qsave.axes import AXES
from tests.annotation import factories
from tests.datasets.world import engineer, rated_campaign
from tests.support.earlier_var import ROOT, environment_for
from tests.support.migrated import make_migrated

pytestmark = pytest.mark.django_db
RESTORE_AND_FREEZE = """
import sys, django
from django.core.management import call_command

django.setup()
call_command("loaddata", sys.argv[1], verbosity=0)
call_command("release", sys.argv[2], name="spring", allow_small_splits=True)
"""


def read_files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def freeze(campaign: Campaign) -> Path:
    policy = ReleasePolicy(allow_small_splits=True)
    return locate_release(build_release(actor=engineer(), campaign=campaign, name="spring", policy=policy))


def restore_and_freeze(dump: Path, campaign: Campaign, var: Path) -> Path:
    """Load a dump into an empty SQLite database, freeze a release there and return its folder."""
    var.mkdir()
    shutil.copyfile(make_migrated(), var / "studio.sqlite3")
    subprocess.run(
        [sys.executable, "-c", RESTORE_AND_FREEZE, str(dump), campaign.name],
        cwd=ROOT,
        env=environment_for(var) | {"QSAVE_MEDIA": str(settings.MEDIA_ROOT)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return var / "releases" / "0001-spring"


def test_a_restored_backup_gives_the_same_bytes_and_a_new_salt_does_not(tmp_path: Path) -> None:
    campaign = rated_campaign(3, 1, 1)
    engineer()
    for rating in Rating.objects.filter(item__clip__clip_id="train-00"):
        factories.revise(rating, answers=factories.make_answers(dict.fromkeys(AXES, 4)))
    dump = tmp_path / "dump.json"
    call_command("dumpdata", exclude=["contenttypes", "auth", "modelassist"], output=str(dump), verbosity=0)
    files = read_files(freeze(campaign))
    assert {"ratings.parquet", "rl/train.jsonl", "manifest.json"} < set(files)
    assert read_files(restore_and_freeze(dump, campaign, tmp_path / "var")) == files

    Campaign.objects.update(salt=new_salt())
    campaign.refresh_from_db()
    assert read_files(freeze(campaign))["ratings.parquet"] != files["ratings.parquet"]
