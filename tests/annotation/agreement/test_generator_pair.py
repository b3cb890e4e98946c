"""Two generators on the same prompts: the figures, the page, its filters and its file."""

import csv

import pytest
from django.test import Client

from accounts.models import User
from annotation.agreement.figures import compute_agreement
from annotation.agreement.generator_pair import ORDERS, read_pair_items, read_prompt_pairs
from annotation.agreement.stored import compute_figures
from annotation.campaigns.campaigns import add_clips
from annotation.models import Campaign, Clip, Item, ItemSummary
from qsave.axes import AXES, Axis
from tests.annotation.factories import make_campaign, make_clip, make_lead, make_user, rate_all
from tests.support.markup import collapse_space

SCORES = {"a0": 2, "a1": 5, "a2": 3, "b0": 4, "b1": 4, "b2": 3, "b2-again": 5, "alone": 1}


@pytest.fixture(scope="module")
def pair_name(module_db: None) -> str:
    """The name of a campaign of two generators with three prompts in common; the last has two clips of wan2.2."""
    campaign = make_campaign(overlap=2, assisted_share=0.0)
    groups = [make_clip(f"a{number}", generator="wan2.1").prompt_group for number in range(3)]
    for number, group in enumerate(groups):
        make_clip(f"b{number}", generator="wan2.2", group=group)
    make_clip("b2-again", generator="wan2.2", group=groups[2])
    make_clip("alone", generator="wan2.2")
    add_clips(actor=make_lead(), campaign=campaign, clips=list(Clip.objects.filter(clip_id__in=SCORES)))
    for _ in range(2):
        rate_all(make_user(), campaign, SCORES)
    return campaign.name


@pytest.fixture
def pair_campaign(pair_name: str, db: None) -> Campaign:
    return Campaign.objects.get(name=pair_name)


def open_pair(client: Client, campaign: Campaign, **query: str) -> str:
    answer = client.get(f"/campaigns/{campaign.name}/generators", query)
    assert answer.status_code == 200
    return collapse_space(answer.content.decode())


def test_the_page_shows_the_differences_of_the_campaign(as_lead: Client, pair_campaign: Campaign) -> None:
    compute_figures(pair_campaign)
    answer = as_lead.get(f"/campaigns/{pair_campaign.name}/generators", {"first": "wan2.2", "second": "wan2.1"})
    differences = compute_agreement(pair_campaign).differences
    assert {one.axis: (one.pair,) for one in answer.context["verdicts"]} == differences


def test_prompts_come_in_the_order_asked_for(pair_campaign: Campaign) -> None:
    def list_differences(order: str) -> list[float]:
        pairs = read_prompt_pairs(pair_campaign, "wan2.1", "wan2.2", Axis.VISUAL, order=order)
        return [pair.difference for pair in pairs]

    assert {order: list_differences(order) for order in ORDERS} == {
        "gap": [-2, 1, -1],  # the last prompt has two clips of wan2.2, 3 and 5
        "first": [1, -1, -2],
        "second": [-2, -1, 1],
    }


def test_the_mos_of_prompts_are_means_of_the_figures_of_clips(pair_campaign: Campaign) -> None:
    groups = dict(Item.objects.filter(campaign=pair_campaign).values_list("pk", "clip__prompt_group"))
    rated = compute_agreement(pair_campaign).rated
    for axis in AXES:
        items = read_pair_items(pair_campaign, ["wan2.1", "wan2.2"], axis)
        mos = dict(zip(rated[axis].item_keys.tolist(), rated[axis].mos.mos.tolist(), strict=True))
        for pair in read_prompt_pairs(pair_campaign, "wan2.1", "wan2.2", axis):
            for generator, mean in (("wan2.1", pair.first), ("wan2.2", pair.second)):
                own = items[pair.group, generator]
                assert {groups[item] for item in own} == {pair.group}
                assert mean == pytest.approx(sum(mos[item] for item in own) / len(own))


def test_a_clip_without_a_rating_on_the_axis_is_in_no_pair(pair_campaign: Campaign) -> None:
    unrated = ItemSummary.objects.filter(item__clip__clip_id="b0")
    unrated.update(visual_tally=0)
    groups = {
        axis: {pair.group for pair in read_prompt_pairs(pair_campaign, "wan2.1", "wan2.2", axis)} for axis in AXES
    }
    assert groups[Axis.DYNAMIC] - groups[Axis.VISUAL] == {find_group("a0")}
    items = read_pair_items(pair_campaign, ["wan2.2"], Axis.VISUAL, [find_group("a0"), find_group("a1")])
    assert set(items) == {(find_group("a1"), "wan2.2")}


def test_the_page_shows_the_pair_and_plays_the_prompt_that_differs_most(
    as_lead: Client, pair_campaign: Campaign
) -> None:
    compute_figures(pair_campaign)
    page = open_pair(as_lead, pair_campaign)
    assert "3 prompts, MOS on the axis visual" in page
    assert page.count("data-player-root") == 2
    assert page.count("There is no interval") + page.count("The interval is") == len(AXES)
    names = list(Clip.objects.filter(clip_id__in=["a0", "b0"]).values_list("pk", flat=True))
    assert all(f"/media/video/{pk}" in page for pk in names)
    several = open_pair(as_lead, pair_campaign, order="first", take="1", prompt=str(find_group("a2")))
    assert "This prompt has several clips" in several
    assert f"/media/video/{Clip.objects.get(clip_id='b2-again').pk}" in several


def find_group(clip: str) -> int:
    return Clip.objects.get(clip_id=clip).prompt_group_id


def test_filters_narrow_the_prompts_and_say_so(as_lead: Client, pair_campaign: Campaign) -> None:
    word = Clip.objects.get(clip_id="a1").prompt.split()[0]
    assert "1 prompt, MOS on the axis dynamic" in open_pair(as_lead, pair_campaign, q=word, axis="dynamic")
    assert "No prompt fits these filters" in open_pair(as_lead, pair_campaign, split="test")
    page = open_pair(as_lead, pair_campaign, first="wan2.1", second="wan2.1")
    assert "Choose two different generators." in page
    assert "Select a valid choice" in open_pair(as_lead, pair_campaign, first="nobody")


def test_a_campaign_of_one_generator_has_nothing_to_compare(as_lead: Client, campaign: Campaign) -> None:
    assert "fewer than two generators" in open_pair(as_lead, campaign)


def test_the_file_has_every_prompt_of_every_axis(as_lead: Client, pair_campaign: Campaign, rater: User) -> None:
    path = f"/campaigns/{pair_campaign.name}/generators.csv"
    answer = as_lead.get(path, {"first": "wan2.1", "second": "wan2.2"})
    rows = list(csv.DictReader(answer.getvalue().decode("utf-8-sig").splitlines()))
    assert [row["difference"] for row in rows] == 3 * ["-2.0000", "1.0000", "-1.0000"]
    assert as_lead.get(path, {"first": "wan2.1", "second": "wan2.1"}).status_code == 404


def test_the_page_needs_the_same_queries_however_many_prompts(
    as_lead: Client, pair_campaign: Campaign, django_assert_num_queries: object
) -> None:
    compute_figures(pair_campaign)
    with django_assert_num_queries(14):  # type: ignore[operator]  # the stored figures take six
        open_pair(as_lead, pair_campaign)


def test_the_page_says_whether_the_difference_is_significant_among_all_pairs(as_lead: Client, lead: User) -> None:
    campaign = make_campaign(overlap=2, assisted_share=0.0, actor=lead)
    scores: dict[str, int] = {}
    for number in range(8):
        group = make_clip(f"c{number}", generator="one").prompt_group
        make_clip(f"d{number}", generator="two", group=group)
        scores |= {f"c{number}": 2 + number % 2, f"d{number}": 4}
    add_clips(actor=lead, campaign=campaign, clips=list(Clip.objects.filter(clip_id__in=scores)))
    for _ in range(2):
        rate_all(make_user(), campaign, scores)
    assert "are being computed" in open_pair(as_lead, campaign)
    compute_figures(campaign)
    page = open_pair(as_lead, campaign)
    assert page.count("<bdi>two</bdi> is 1.50 better than <bdi>one</bdi> on the same 8 prompts") == len(AXES)
    assert page.count("Significant after correcting for the number of pairs") == len(AXES)
