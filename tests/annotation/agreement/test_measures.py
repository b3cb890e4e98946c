"""The pages, the API and the pure functions give the same figures of one campaign."""

import pytest
from django.test import Client

from annotation.agreement.figures import compute_agreement
from annotation.agreement.headlines import figure_to_json
from annotation.agreement.measures_page import list_drifts
from annotation.agreement.stored import compute_figures, read_figures
from annotation.models import AgreementSection, AxisAnswer, Campaign, Clip
from qsave.axes import AXES, Axis
from qsave.statistics.alpha import compute_alpha
from qsave.statistics.chance import compute_ac2
from qsave.statistics.evidence import RATIO, weigh
from qsave.statistics.figures import Undefined
from qsave.statistics.generators import split_by_generator
from qsave.statistics.icc import compute_icc
from qsave.statistics.power import plan_prompts
from qsave.statistics.spread_of_opinion import compute_sos
from qsave.statistics.table import RatingTable
from qsave.statistics.variance_shares import compute_variance_shares
from tests.annotation.factories import make_clip
from tests.datasets.world import campaign_with, rate

pytestmark = pytest.mark.django_db
CLIPS = 24


@pytest.fixture(scope="module")
def campaign_key(module_db: None) -> int:
    """Two generators on twelve prompts, rated by three people who mostly say 4."""
    clips: list[Clip] = []
    for number in range(CLIPS):
        group = clips[-1].prompt_group if number % 2 else None
        clips.append(make_clip(f"clip-{number:02}", generator=f"gen-{number % 2}", group=group))
    campaign = campaign_with(clips, assisted_share=0, overlap=3, is_simulated=True)
    rate(campaign, 3, lambda clip, rater: dict.fromkeys(AXES, 4 - (clip.pk % 5 == 0) - (clip.pk % 7 == rater)))
    compute_figures(campaign)
    return campaign.pk


@pytest.fixture
def campaign(campaign_key: int) -> Campaign:
    return Campaign.objects.get(pk=campaign_key)


def read_table(campaign: Campaign, axis: Axis) -> tuple[RatingTable, list[tuple[str, int, float]]]:
    """Read the answers, and the generator, prompt group and MOS of each clip, by other queries than the figures do."""
    answers = AxisAnswer.objects.filter(revision__rating__item__campaign=campaign, revision__is_current=True, axis=axis)
    fields = ("revision__rating__item", "revision__rating__rater", "score")
    table = RatingTable.from_triples(answers.values_list(*fields))
    items = campaign.items.in_bulk(table.item_ids)
    clips = [items[item].clip for item in table.item_ids]
    mos = [(clip.generator, clip.prompt_group_id, float(mean)) for clip, mean in zip(clips, table.means, strict=True)]
    return table, mos


def test_page_api_and_pure_functions_have_the_same_figures(campaign: Campaign, as_lead: Client) -> None:
    api = as_lead.get(f"/api/campaigns/{campaign.name}/agreement").json()
    stored = read_figures(campaign)
    page = as_lead.get(f"/campaigns/{campaign.name}/agreement/measures").content.decode()
    headlines = {(line["axis"], line["figure"]): line for line in api["headlines"]}
    for axis in AXES:
        table, clips = read_table(campaign, axis)
        alpha = weigh(compute_alpha(table).estimate, clips=CLIPS)
        assert next(one for one in stored.axes if one.axis == axis).blind.alpha == alpha
        icc = weigh(compute_icc(table).average, clips=CLIPS)
        for name, figure in (("alpha", alpha), ("icc", icc)):
            expected = figure_to_json(figure)
            assert {key: headlines[axis, name][key] for key in expected} == expected
        measures = stored.details[axis]
        sos, ac2 = weigh(compute_sos(table), clips=CLIPS, scale=RATIO), weigh(compute_ac2(table), clips=CLIPS)
        shares = compute_variance_shares(table, [group for _generator, group, _mos in clips])
        plan = plan_prompts(split_by_generator(clips))
        assert (measures.sos, measures.ac2, measures.shares, measures.power) == (sos, ac2, shares, plan)
        assert api["measures"][axis]["sos"] == figure_to_json(sos)
        assert api["measures"][axis]["ac2"] == figure_to_json(ac2)
        assert api["measures"][axis]["variance_shares"]["rater"] == round(float(str(shares.rater)), 4) + 0.0
        assert api["measures"][axis]["prompts_needed"] == measures.power.prompts
        assert not isinstance(measures.power.prompts, Undefined)
        assert f">{measures.power.prompts}<" in page
        assert not ac2.is_thin
        assert f"{ac2.estimate.value:.2f}" in page


def test_only_raters_whose_bias_clearly_moves_are_named(campaign: Campaign, as_lead: Client) -> None:
    row = AgreementSection.objects.get(campaign=campaign, name="drifts")
    rater = next(iter(row.content))
    row.content = {rater: {}}
    row.save()
    assert list_drifts(read_figures(campaign)) == []
    for slope, low, count in ((-0.5, -0.9, 1), (-0.5, -1.1, 0), (-0.1, -0.15, 0)):
        interval = {"low": low, "high": 2 * slope - low, "population": ""}
        row.content[rater]["visual"] = {"value": slope, "interval": interval}
        row.save()
        assert len(list_drifts(read_figures(campaign))) == count
        page = as_lead.get(f"/campaigns/{campaign.name}/agreement/measures").content.decode()
        assert page.count("levels over 100 ratings") == count


def test_the_agreement_that_is_stored_is_that_of_the_inputs(campaign: Campaign) -> None:
    assert read_figures(campaign).axes == compute_agreement(campaign).axes
