"""Ratings made elsewhere are shown beside a campaign's own figures, and change none of them."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from annotation.agreement.figures import compute_agreement
from annotation.agreement.headlines import agreement_to_json
from annotation.agreement.imported import read_clip_judgements
from annotation.agreement.mos_rows import read_mos_rows
from annotation.judgements.upkeep import delete_import
from annotation.models import Campaign, Item
from qsave.axes import Axis
from qsave.statistics.correlation import compute_plcc, compute_srcc
from qsave.statistics.figures import Interval, Undefined
from tests.annotation.agreement.sections import open_sections
from tests.annotation.judgements.files import import_file
from tests.datasets.world import rated_campaign
from tests.support.markup import collapse_space

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def campaign_key(module_db: None) -> int:
    return rated_campaign(20, 4, 4, raters=3).pk


@pytest.fixture
def campaign(campaign_key: int) -> Campaign:
    return Campaign.objects.get(pk=campaign_key)


def list_clips(campaign: Campaign) -> list[str]:
    return list(campaign.items.order_by("pk").values_list("clip__clip_id", flat=True))


def make_table(clips: list[str], *, scale_max: int = 4) -> str:
    lines = [f"{clip},visual,{1 + number % scale_max},1,{scale_max}" for number, clip in enumerate(clips)]
    return "\n".join(["clip_id,axis,score,scale_min,scale_max", *lines, ""])


def test_a_source_is_correlated_with_the_mos_of_the_clips_that_both_have(
    campaign: Campaign, lead: User, tmp_path: Path
) -> None:
    clips = list_clips(campaign)
    import_file(lead, tmp_path, make_table([*clips, "elsewhere"]))
    agreement = compute_agreement(campaign)
    (row,) = agreement.imported
    mos = {one.clip_id: one.mos[Axis.VISUAL].mos for one in read_mos_rows(campaign)}
    theirs = [1 + 4 * (number % 4) / 3 for number in range(len(clips))]
    ours = [mos[clip] for clip in clips]
    assert (row.source, row.axis, row.judgements, row.clips, row.shared) == ("lab", "visual", 28, 28, 28)
    assert row.srcc.estimate.value == pytest.approx(compute_srcc(theirs, ours))
    assert row.plcc.estimate.value == pytest.approx(compute_plcc(theirs, ours))
    assert isinstance(row.srcc.estimate.interval, Interval)
    assert row.mean == pytest.approx(sum(theirs) / 28)


def test_the_scale_of_a_source_does_not_matter_to_a_correlation(campaign: Campaign, lead: User, tmp_path: Path) -> None:
    clips = list_clips(campaign)
    import_file(lead, tmp_path, make_table(clips, scale_max=100))
    values = "\n".join(f"{clip},{(1 + number) / 100}" for number, clip in enumerate(clips))
    rule = {"axis": "visual", "scale_min": 0, "scale_max": 1}
    import_file(lead, tmp_path, f"clip_id,visual\n{values}\n", axes={"visual": rule}, source="other")
    first, second = compute_agreement(campaign).imported
    assert first.srcc.estimate.value == second.srcc.estimate.value


def test_few_shared_clips_are_said_in_a_sentence(campaign: Campaign, lead: User, tmp_path: Path) -> None:
    import_file(lead, tmp_path, make_table(list_clips(campaign)[:2]))
    (row,) = compute_agreement(campaign).imported
    sentence = "2 clips are judged there and rated here; a correlation can be read from about 20."
    assert (row.srcc.thin, row.plcc.thin) == (sentence, sentence)
    assert isinstance(row.srcc.estimate.value, Undefined)


def test_a_published_mean_weighs_as_much_as_the_ratings_behind_it(
    campaign: Campaign, lead: User, tmp_path: Path
) -> None:
    clip = list_clips(campaign)[0]
    rule = {"axis": "visual", "n": "n"}
    import_file(lead, tmp_path, f"clip_id,visual,n\n{clip},2,9\n{clip},4,1\n", axes={"visual": rule})
    (row,) = compute_agreement(campaign).imported
    assert row.mean == pytest.approx(2.2)


def test_no_figure_of_the_campaign_changes(campaign: Campaign, lead: User, tmp_path: Path) -> None:
    before = compute_agreement(campaign)
    import_file(lead, tmp_path, make_table(list_clips(campaign)))
    after = compute_agreement(campaign)
    assert (after.axes, after.raters, after.ratings) == (before.axes, before.raters, before.ratings)


def test_the_page_shows_an_import_and_forgets_it_when_it_is_deleted(
    campaign: Campaign, lead: User, as_lead: Client, tmp_path: Path
) -> None:
    assert "No source has judged its clips yet." in open_sections(as_lead, campaign, "elsewhere")
    done = import_file(lead, tmp_path, make_table(list_clips(campaign)))
    assert "<bdi>lab</bdi>" in open_sections(as_lead, campaign, "elsewhere")
    delete_import(actor=lead, judgement_import=done)
    assert "<bdi>lab</bdi>" not in open_sections(as_lead, campaign, "elsewhere")


def test_the_api_has_the_figures(campaign: Campaign, lead: User, tmp_path: Path) -> None:
    import_file(lead, tmp_path, make_table(list_clips(campaign)))
    (row,) = agreement_to_json(compute_agreement(campaign))["imported"]
    assert {name: row[name] for name in ("source", "axis", "judgements", "clips_with_mos")} == {
        "source": "lab",
        "axis": "visual",
        "judgements": 28,
        "clips_with_mos": 28,
    }
    assert set(row["srcc"]) == {"value", "low", "high", "thin"}


def test_the_page_of_a_clip_shows_each_value_on_its_own_scale_and_on_ours(
    campaign: Campaign, lead: User, as_lead: Client, tmp_path: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    item = campaign.items.order_by("pk")[0]
    import_file(lead, tmp_path, make_rows(item), campaign=campaign, labels=["labels"], defects={"soft": "blur"})
    with django_assert_num_queries(1):
        lines = read_clip_judgements(item.clip, campaign)
    assert [(line.source, line.rater, [len(ones) for _axis, ones in line.axes]) for line in lines] == [
        ("lab", "", [1, 0, 0]),
        ("lab", "ann", [1, 0, 1]),
    ]
    shown = lines[1].axes[0][1][0]
    assert shown.level == pytest.approx(7 / 3)
    assert shown.defects == ("blur",)
    page = collapse_space(as_lead.get(f"/campaigns/{campaign.name}/items/{item.pk}").content.decode())
    assert '<strong>2</strong> <span class="muted small">of 1 to 4</span>' in page
    assert "= 2.33 of 1 to 5" in page
    assert "&lt;b&gt;Soft&lt;/b&gt; fur" in page


def make_rows(item: Item) -> str:
    clip = item.clip.clip_id
    return (
        "clip_id,rater,axis,score,scale_min,scale_max,reason,labels\n"
        f"{clip},ann,visual,2,1,4,<b>Soft</b> fur,soft\n{clip},ann,alignment,3,1,4,,\n{clip},,visual,4,1,4,,\n"
    )


@pytest.mark.parametrize("change", [{"evidence": [{"defect": "no-such-defect", "time": [0, 1], "box": None}]}])
def test_a_defect_that_the_campaign_does_not_have_is_shown_by_its_id(
    campaign: Campaign, lead: User, tmp_path: Path, change: dict[str, Any]
) -> None:
    item = campaign.items.order_by("pk")[0]
    import_file(lead, tmp_path, make_rows(item))
    item.clip.judgements.filter(rater="ann", axis="visual").update(**change)
    assert read_clip_judgements(item.clip, campaign)[1].axes[0][1][0].defects == ("no-such-defect",)
