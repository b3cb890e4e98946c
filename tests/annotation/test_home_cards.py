"""Cards on the home page: for each person what they can do next, and for leads all that waits for them."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.home import HomeCard, list_sections
from accounts.models import Role, User
from annotation.campaigns.guidelines import set_guidelines
from annotation.campaigns.reports import exclude, give_out_again
from annotation.campaigns.summaries import refresh_summaries
from annotation.models import Campaign, CampaignInvitation, Item, Slot
from annotation.rating import ratings
from modelassist.models import Activation, Critic
from operations.models import Job
from tests.annotation import factories
from tests.annotation.factories import make_campaign, make_user

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(days=3)


def list_cards(user: User) -> list[HomeCard]:
    """Return the cards of the first section: what needs a lead, and what others can rate."""
    return list(list_sections(user)[0].cards)


def list_needs(lead: User) -> list[tuple[str, str]]:
    return [(card.title, card.text) for card in list_cards(lead)]


def test_home_sends_raters_to_open_campaigns_and_leads_to_those_that_wait(client: Client) -> None:
    make_campaign(1, title="Ready to rate")
    make_campaign(title="Without clips", state="draft")
    client.force_login(make_user())
    page = client.get("/").content.decode()
    assert "Ready to rate" in page
    assert "Without clips" not in page
    client.force_login(make_user(role=Role.LEAD))
    assert "Without clips" in client.get("/").content.decode()


@pytest.fixture
def running(lead: User) -> Campaign:
    """An open campaign that needs nothing."""
    return make_campaign(3, actor=lead, title="Winter", overlap=2, disagreement_bound=1)


def report(campaign: Campaign) -> None:
    rater = make_user()
    factories.skip(rater, factories.claim(rater, campaign), kind="broken")


def dispute(campaign: Campaign) -> None:
    slots = Slot.objects.filter(item=Item.objects.filter(campaign=campaign)[0])
    for score in (1, 5):
        rater = make_user()
        while (slot := factories.claim(rater, campaign)).item_id != slots[0].item_id:
            factories.skip(rater, slot)
        factories.submit(rater, slot, answers=factories.make_answers(score))


def leave(campaign: Campaign) -> None:
    slot = factories.claim(make_user(), campaign)
    Slot.objects.filter(pk=slot.pk).update(lease_expires_at=timezone.now() - LONG_AGO)


def stall(campaign: Campaign) -> None:
    rater = make_user()
    factories.submit(rater, factories.claim(rater, campaign))
    Slot.objects.filter(state="done").update(done_at=timezone.now() - LONG_AGO)
    Campaign.objects.update(created_at=timezone.now() - LONG_AGO)


def finish(campaign: Campaign) -> None:
    for _ in range(2):
        factories.rate_all(make_user(), campaign)


def fail_job(campaign: Campaign) -> None:
    Job.objects.create(
        kind="import_clips", arguments={"campaign": campaign.pk}, state="failed", error="x\nDisk is full."
    )


def pause_drafting(campaign: Campaign) -> None:
    critic = Critic.objects.create(name="toy", version=1, model="m")
    pause = {"paused_reason": "It is out of memory.", "failures": 1, "retry_at": timezone.now()}
    Activation.objects.create(campaign=campaign, critic=critic, activated_by=campaign.created_by, **pause)


NEEDS: list[tuple[Callable[[Campaign], None], str, str, str]] = [
    (report, "Winter", "1 clip is held back until you settle its reports.", "/items?state=reported"),
    (dispute, "Winter", "The raters of 1 clip disagree, and nobody has reviewed it.", "/items?spread=2&sort=-spread"),
    (leave, "Winter", "1 rater has left a clip on the desk for 2 days.", "/timesheet"),
    (stall, "Winter", "It stands still: nobody has rated for 2 days.", ""),
    (finish, "Winter", "Every requested rating is done.", "/agreement"),
    (fail_job, "Job failed: \u2068import clips\u2069", "Disk is full.", ""),
    (pause_drafting, "Winter", "Drafting by \u2068toy@1\u2069 is paused: It is out of memory.", ""),
]


@pytest.mark.parametrize(("cause", "title", "text", "ending"), NEEDS)
def test_home_never_says_that_all_is_well_while_something_waits_and_has_a_way_on(
    client: Client, running: Campaign, cause: Callable[[Campaign], None], title: str, text: str, ending: str
) -> None:
    lead = running.created_by
    client.force_login(lead)
    assert list_needs(lead) == []
    assert "all campaigns are running" in client.get("/").content.decode()
    cause(running)
    assert list_needs(lead) == [(title, text)]
    page = client.get("/").content.decode()
    assert "all campaigns are running" not in page
    (card,) = list_cards(lead)
    assert card.url.endswith(ending)
    assert client.get(card.url).status_code == 200
    assert not [one for one in list_cards(make_user()) if one.text == text]


def test_a_need_that_is_met_leaves_the_home_page(running: Campaign) -> None:
    lead = running.created_by
    report(running)
    give_out_again(actor=lead, item=Item.objects.get(availability="reported"))
    fail_job(running)
    failed = Job.objects.get()
    Job.objects.create(kind=failed.kind, arguments=failed.arguments, state="done")
    assert list_needs(lead) == []


def test_a_rater_sees_the_campaign_that_they_were_invited_to_first_and_what_is_left(running: Campaign) -> None:
    invitation, secret = services.invite(actor=running.created_by, role=Role.ANNOTATOR)
    CampaignInvitation.objects.create(campaign=running, invitation=invitation)
    make_campaign(1, title="Newer")
    rater = services.accept_invitation(secret=secret, username="rae", password="seven grey herons")
    assert [card.title for card in list_cards(rater)] == ["Winter", "Newer"]
    assert list_cards(rater)[0].text == "You have rated 0 of your 3 clips. About 3 minutes are left."
    factories.submit(rater, factories.claim(rater, running), seconds_spent=90)
    card = list_cards(rater)[0]
    assert card.text == "You have rated 1 of your 3 clips. About 3 minutes are left."
    assert card.share == pytest.approx(1 / 3)


def test_home_tells_no_count_from_which_a_hidden_check_could_be_seen(running: Campaign) -> None:
    Campaign.objects.update(gold_share=0.2)
    rater = make_user()
    factories.submit(rater, factories.claim(rater, running))
    (card,) = list_cards(rater)
    assert re.fullmatch(r"You have rated 1 clip here. About \d minutes? (is|are) left.", card.text)
    assert card.share is None


def test_a_rater_reads_of_new_guidelines_settled_reports_and_excluded_work(client: Client, running: Campaign) -> None:
    lead, rater = running.created_by, make_user()
    reported = factories.claim(rater, running).item
    factories.skip(rater, factories.claim(rater, running), kind="flagged")
    give_out_again(actor=lead, item=reported)
    slot = factories.claim(rater, running)
    saved: dict[str, Any] = {"answers": {}, "base_version": 0, "tab": slot.lease}
    ratings.save_work(rater=rater, item_id=slot.item_id, **saved)
    exclude(actor=lead, item=slot.item, reason="Gore.")
    set_guidelines(actor=lead, campaign=running, text="Look twice.")
    news = {(card.title, card.text) for card in list_cards(rater)[1:]}
    assert news == {
        ("Winter", "Its guidelines have changed since you last got a clip."),
        (f"Your report of \u2068{reported.clip}\u2069 is settled", "A lead gave it back to other raters."),
        (
            f"\u2068{slot.item.clip}\u2069 needs no rating now",
            "A lead took it out of the campaign while you were rating it. What you typed is kept.",
        ),
    }
    client.force_login(rater)
    assert {client.get(card.url).status_code for card in list_cards(rater)} == {200}
    assert list_cards(make_user())[1:] == []


@pytest.mark.parametrize("count", [1, 3])
def test_home_takes_as_many_queries_whatever_the_size_of_a_campaign(
    running: Campaign, count: int, django_assert_num_queries: Any
) -> None:
    for _ in range(count):
        dispute(running)
        report(running)
        running = make_campaign(4 * count, actor=running.created_by, overlap=2)
    refresh_summaries(Item.objects.values_list("pk", flat=True))
    lead = running.created_by
    rated = Campaign.objects.filter(state="open").count()
    with django_assert_num_queries(19 + rated):  # what is left for a rater of each of at most twelve campaigns
        list_sections(lead)
