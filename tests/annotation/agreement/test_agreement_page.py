"""The agreement page, its CSV and the screening of raters."""

import csv
import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from annotation.agreement.page_sections import PAGE_SECTIONS
from annotation.agreement.stored import compute_figures
from annotation.campaigns.campaigns import add_clips
from annotation.models import Campaign, Clip, Screening
from qsave.axes import Axis
from tests.annotation.agreement.sections import open_sections
from tests.annotation.factories import make_campaign, make_clip, make_lead, make_user, rate_all

SCORES = {"a": 1, "b": 3, "c": 5}
NAN = re.compile(r">[^<]*\bnan\b", re.IGNORECASE)
"""NaN in the text of a page; an attribute may contain these letters."""


def make_rated_campaign(*names: str, scores: dict[str, int] = SCORES) -> tuple[Campaign, list[User]]:
    """Three clips rated by people of these names, all alike."""
    campaign = make_campaign(overlap=len(names), assisted_share=0.0)
    add_clips(actor=make_lead(), campaign=campaign, clips=[make_clip(clip_id, prompt="=1+1") for clip_id in scores])
    people = [make_user(name) for name in names]
    for person in people:
        rate_all(person, campaign, scores)
    return campaign, people


def test_an_unrated_campaign_says_what_to_do_next(as_lead: Client) -> None:
    page = as_lead.get(f"/campaigns/{make_campaign(1).name}/agreement").content.decode()
    assert "There are no ratings yet" in page
    assert not NAN.search(page)


def test_full_agreement_is_alpha_one_and_every_clip_has_its_mos(as_lead: Client) -> None:
    campaign, _ = make_rated_campaign("ada", "bob")
    page = open_sections(as_lead, campaign)
    assert page.count("Krippendorff") == len(Axis)
    assert page.count("<dd>1.00 <") >= len(Axis)
    assert "[1.00, 1.00]" not in page  # an interval of no width would claim certainty
    for axis in Axis:
        assert f"MOS of {len(SCORES)} clips on the axis {axis} in rising order, from 1.00 to 5.00" in page
        assert f"Scores given on the axis {axis} by level. 1: 2, 2: 0, 3: 2, 4: 0, 5: 2." in page


@pytest.mark.parametrize(("names", "scores"), [(["ada"], SCORES), (["ada", "bob"], {"a": 3, "b": 3})])
def test_an_undefined_figure_says_why_and_is_no_number(
    as_lead: Client, names: list[str], scores: dict[str, int]
) -> None:
    campaign, _ = make_rated_campaign(*names, scores=scores)
    page = open_sections(as_lead, campaign)
    assert 'class="undefined">undefined: ' in page
    assert not NAN.search(page)


def test_the_csv_has_a_line_a_clip_and_is_safe_to_open(as_lead: Client) -> None:
    campaign, _ = make_rated_campaign("ada", "bob")
    answer = as_lead.get(f"/campaigns/{campaign.name}/mos.csv")
    assert answer["Content-Type"].startswith("text/csv")
    assert "attachment" in answer["Content-Disposition"]
    rows = list(csv.DictReader(answer.getvalue().decode("utf-8-sig").splitlines()))
    assert {row["clip_id"]: row["visual_mos"] for row in rows} == {"a": "1.0000", "b": "3.0000", "c": "5.0000"}
    assert all(row["prompt"].startswith("'=") for row in rows)


def test_a_screened_rater_no_longer_counts_until_taken_in_again(as_lead: Client) -> None:
    campaign, (ada, *_) = make_rated_campaign("ada", "bob", "cyd")
    path = f"/campaigns/{campaign.name}/raters/{ada.pk}/screen"
    as_lead.post(path, {"verdict": "screened", "reason": "Always the same"})
    page = open_sections(as_lead, campaign)
    assert "1 rater screened out" in page
    assert "Include \u2068ada\u2069 again" in page
    assert "by <bdi>lena</bdi>" in page
    assert "“<bdi>Always the same</bdi>”" in page
    as_lead.post(path, {"verdict": "kept", "reason": "A mistake of mine"})
    assert "screened out" not in open_sections(as_lead, campaign, "axes", "raters")
    assert Screening.objects.count() == 2


def test_screening_wants_a_reason_and_a_lead(as_lead: Client, client: Client) -> None:
    campaign, (ada,) = make_rated_campaign("ada")
    path = f"/campaigns/{campaign.name}/raters/{ada.pk}/screen"
    assert "Give a reason" in as_lead.post(path, {"verdict": "screened", "reason": " "}, follow=True).content.decode()
    assert as_lead.get(path).status_code == 405
    client.force_login(ada)
    assert client.post(path, {"verdict": "kept", "reason": "I am good"}).status_code == 403
    assert not Screening.objects.exists()


def remove_folds(page: str) -> str:
    """Return the page without the content of its closed folds."""
    return re.sub(r'<details class="disclosure.*?</summary>.*?</details>', "", page, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("clips", "sentence"),
    [
        (1, "1 clip has two ratings; agreement can be read from about 20."),
        (2, "2 clips have two ratings; agreement can be read from about 20."),
        (5, "5 clips have two ratings; agreement can be read from about 20."),
        (19, "19 clips have two ratings; agreement can be read from about 20."),
    ],
)
def test_with_few_clips_the_page_says_so_first_and_folds_the_figures(
    as_lead: Client, clips: int, sentence: str
) -> None:
    campaign, _ = make_rated_campaign(
        "ada", "bob", "cyd", scores={f"c{number:02}": 1 + number % 5 for number in range(clips)}
    )
    page = open_sections(as_lead, campaign)
    assert page.count(f"<summary>{sentence}</summary>") >= len(Axis)
    assert "ICC of a MOS" in page
    for label in ("Krippendorff", "ICC of a MOS", "SD within a clip", "Ceiling set by"):
        assert label not in remove_folds(page)


@pytest.mark.parametrize(
    ("clips", "words"), [(1, "1 rating of 1 clip; 0 with two"), (2, "2 ratings of 2 clips; 0 with two")]
)
def test_one_rater_alone_agrees_with_nobody(as_lead: Client, clips: int, words: str) -> None:
    campaign, _ = make_rated_campaign("ada", scores={f"c{number}": 1 + 3 * number for number in range(clips)})
    page = open_sections(as_lead, campaign)
    assert page.count("<summary>No clip has two ratings; agreement can be read from about 20.</summary>") >= len(Axis)
    assert page.count(words) == len(Axis)
    assert "undefined: no clip has two ratings: agreement of one rating is undefined" in page
    assert "Krippendorff" not in remove_folds(page)


def test_enough_clips_show_the_figures_with_what_they_rest_on(as_lead: Client) -> None:
    campaign = make_campaign(40, overlap=3, assisted_share=0.0)
    numbers = {item.clip.clip_id: number for number, item in enumerate(campaign.items.select_related("clip"))}
    for odd in range(3):
        given = {clip: min(5, 1 + number % 5 + (number % 7 == odd)) for clip, number in numbers.items()}
        rate_all(make_user(), campaign, given)
    page = remove_folds(open_sections(as_lead, campaign))
    assert page.count("Krippendorff") == len(Axis)
    assert page.count("120 ratings of 40 clips; 40 with two or more") == len(Axis)
    assert page.count("The intervals hold for these raters only: there are too few raters") == len(Axis)
    assert "two ratings; agreement" not in page


def test_generators_are_compared_in_words_on_the_prompts_they_share(as_lead: Client) -> None:
    campaign = make_campaign(overlap=2, assisted_share=0.0)
    scores: dict[str, int] = {}
    for number in range(8):
        group = make_clip(f"a{number}", generator="wan2.1").prompt_group
        pair = [Clip.objects.get(clip_id=f"a{number}"), make_clip(f"b{number}", generator="wan2.2", group=group)]
        add_clips(actor=make_lead(), campaign=campaign, clips=pair)
        scores |= {f"a{number}": 2 + number % 2, f"b{number}": 4}
    for _ in range(2):
        rate_all(make_user(), campaign, scores)
    page = open_sections(as_lead, campaign)
    assert page.count("<bdi>wan2.2</bdi> is 1.50 better than <bdi>wan2.1</bdi> on the same 8 prompts") == len(Axis)


def test_the_figures_come_as_csv_and_by_the_api(as_lead: Client, client: Client) -> None:
    campaign, (ada, *_) = make_rated_campaign("ada", "bob")
    compute_figures(campaign)
    answer = as_lead.get(f"/campaigns/{campaign.name}/agreement.csv")
    assert "attachment" in answer["Content-Disposition"]
    figures = as_lead.get(f"/api/campaigns/{campaign.name}/agreement").json()
    assert (figures["ratings"], figures["clips"]) == (6, 3)
    client.force_login(ada)
    assert client.get(f"/api/campaigns/{campaign.name}/agreement").status_code == 403


def test_without_figures_the_page_says_that_they_follow_and_renews_itself(as_lead: Client) -> None:
    campaign, _ = make_rated_campaign("ada", "bob")
    path = f"/campaigns/{campaign.name}/agreement"
    page = as_lead.get(path).content.decode()
    assert "The figures are being computed." in page
    assert 'hx-trigger="every 2s"' in page
    assert page.count("figures-ready from:body") == len(PAGE_SECTIONS)
    assert "figures-ready" not in as_lead.get(f"{path}/state?shown=").headers.get("HX-Trigger-After-Swap", "")
    assert as_lead.get(f"/campaigns/{campaign.name}/agreement.csv").status_code == 302
    compute_figures(campaign)
    assert "figures-ready" in as_lead.get(f"{path}/state?shown=").headers["HX-Trigger-After-Swap"]


def test_each_section_is_a_part_of_the_page_and_a_page_without_scripts(as_lead: Client) -> None:
    campaign, _ = make_rated_campaign("ada", "bob")
    compute_figures(campaign)
    path = f"/campaigns/{campaign.name}/agreement/raters"
    assert "<html" in as_lead.get(path).content.decode()
    part = as_lead.get(path, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert 'id="raters"' in part
    assert as_lead.get(f"/campaigns/{campaign.name}/agreement/nothing").status_code == 404


@pytest.mark.parametrize("section", [section.id for section in PAGE_SECTIONS])
def test_a_section_takes_few_queries(
    as_lead: Client, section: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    campaign, _ = make_rated_campaign("ada", "bob")
    compute_figures(campaign)
    with django_assert_max_num_queries(14):
        as_lead.get(f"/campaigns/{campaign.name}/agreement/{section}", headers={"HX-Request": "true"})
