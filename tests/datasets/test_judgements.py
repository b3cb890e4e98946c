"""A release has ratings made elsewhere only of the sources that its policy names, and no target counts them."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client

from annotation.models import Campaign, ImportedJudgement
from datasets.models import Release
from datasets.services import releases
from datasets.services.judgements import SCHEMA, list_sources
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from qsave.axes import AXES
from qsave.release.manifest import verify_release
from tests.annotation.factories import make_lead
from tests.annotation.judgements.files import import_file
from tests.datasets.world import FORM, engineer, rated_campaign

pytestmark = pytest.mark.django_db
TABLE = """clip_id,rater,axis,score,scale_min,scale_max,reason,n,sd
train-00,ann@example.org,visual,2,1,4,Soft fur,,
train-00,,motion,2.6,1,4,,12,0.8
val-00,ann@example.org,visual,3,1,4,,,
elsewhere,ann@example.org,visual,3,1,4,,,
"""


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    campaign = rated_campaign()
    import_file(make_lead(), tmp_path, TABLE, campaign=campaign)
    return campaign


def build(campaign: Campaign, *sources: str) -> Release:
    policy = ReleasePolicy.from_json({"allow_small_splits": True, "imported_sources": list(sources)})
    return releases.build_release(actor=engineer(), campaign=campaign, name="first", policy=policy)


def read_manifest(release: Release) -> dict[str, Any]:
    return dict(json.loads((releases.locate_release(release) / "manifest.json").read_text()))


def test_a_release_names_no_source_unless_its_policy_does(campaign: Campaign) -> None:
    release = build(campaign)
    folder, manifest = releases.locate_release(release), read_manifest(release)
    assert not (folder / "judgements.parquet").exists()
    assert "judgement" not in json.dumps(manifest)
    assert "elsewhere" not in (folder / "README.md").read_text()


def test_the_hash_of_a_release_covers_judgements_only_if_their_source_is_named(
    campaign: Campaign, tmp_path: Path
) -> None:
    plain = build(campaign).content_hash
    named = build(campaign, "lab").content_hash
    import_file(make_lead(), tmp_path, "clip_id,rater,visual\ntrain-01,ben,4\n")
    assert build(campaign).content_hash == plain != named
    assert build(campaign, "lab").content_hash not in (plain, named)


def test_the_file_has_each_judgement_on_its_own_scale_under_a_pseudonym(campaign: Campaign) -> None:
    release = build(campaign, "lab")
    folder = releases.locate_release(release)
    table = pq.read_table(folder / "judgements.parquet")
    assert table.schema.equals(SCHEMA)
    rows = table.to_pylist()
    assert [(row["clip_id"], row["split"], row["axis"], row["value"], row["scale_max"]) for row in rows] == [
        ("train-00", "train", "visual", 2.0, 4.0),
        ("train-00", "train", "dynamic", 2.6, 4.0),
        ("val-00", "val", "visual", 3.0, 4.0),
    ]
    assert (rows[1]["n"], rows[1]["sd"], rows[1]["their_axis"], rows[1]["rater"]) == (12, 0.8, "motion", "")
    assert rows[0]["rater"] == rows[2]["rater"] != ""
    assert b"ann@example.org" not in b"".join(path.read_bytes() for path in folder.glob("*.*"))
    assert verify_release(folder) == []


def test_no_target_and_no_row_changes(campaign: Campaign) -> None:
    folders = [releases.locate_release(release) for release in (build(campaign), build(campaign, "lab"))]
    for name in ("targets.parquet", "ratings.parquet", "rl/train.jsonl", "sft/train.jsonl", "rl/val.jsonl"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_the_card_and_the_metadata_name_the_sources(campaign: Campaign) -> None:
    release = build(campaign, "lab")
    folder, manifest = releases.locate_release(release), read_manifest(release)
    card = (folder / "README.md").read_text()
    assert "| lab | 3 |" in card
    assert "no target, figure or split above counts them" in card
    assert manifest["counts"]["judgements"] == {"lab": 3}
    assert manifest["policies"]["imported_sources"] == ["lab"]
    tables = [table["name"] for table in json.loads((folder / "croissant.json").read_text())["recordSet"]]
    assert tables == ["clips", "targets", "judgements"]


def test_the_same_judgements_give_the_same_bytes(campaign: Campaign) -> None:
    folders = [releases.locate_release(build(campaign, "lab")) for _ in range(2)]
    first, second = ((folder / "judgements.parquet").read_bytes() for folder in folders)
    assert first == second


def test_a_source_that_judged_no_clip_of_the_campaign_is_refused(campaign: Campaign) -> None:
    with pytest.raises(ReleaseRefused, match="No clip of campaign"):
        build(campaign, "lab", "another")


@pytest.mark.parametrize("sources", ["lab", [""], [3], ["lab", "lab"], None, {"lab": 1}])
def test_sources_are_a_list_of_different_names(sources: object) -> None:
    with pytest.raises(ReleaseRefused, match="imported_sources"):
        ReleasePolicy.from_json({"imported_sources": sources})


def test_the_page_offers_the_sources_and_freezes_with_the_chosen_ones(campaign: Campaign) -> None:
    client, person = Client(), engineer()
    client.force_login(person)
    assert list_sources() == ["lab"]
    assert 'name="imported_sources" value="lab"' in client.get("/releases/new").content.decode()
    client.post("/releases/freeze", FORM | {"campaign": campaign.name, "imported_sources": ["lab"]})
    assert Release.objects.get().policy["imported_sources"] == ["lab"]


def test_the_page_offers_nothing_without_sources() -> None:
    rated_campaign()
    client = Client()
    client.force_login(engineer())
    assert "imported_sources" not in client.get("/releases/new").content.decode()


def test_the_ratings_of_a_release_are_read_as_a_table_with_a_column_for_each_axis(
    campaign: Campaign, tmp_path: Path
) -> None:
    content = (releases.locate_release(build(campaign)) / "ratings.parquet").read_bytes()
    rows = pq.read_table(BytesIO(content)).to_pylist()
    judged = ImportedJudgement.objects.filter(judgement_import=import_file(make_lead(), tmp_path, content, "r.parquet"))
    expected = {(row["clip_id"], row["rater"], axis): row[f"{axis}_score"] for row in rows for axis in AXES}
    assert {(one.clip.clip_id, one.rater, one.axis): one.value for one in judged if one.clip} == expected
    assert {(one.scale_min, one.scale_max) for one in judged} == {(1, 5)}
    reasons = {one.reason for one in judged}
    assert reasons == {row[f"{axis}_reason"] for row in rows for axis in AXES}
    assert any(one.evidence for one in judged)
