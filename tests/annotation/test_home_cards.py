"""The home page of raters, guests and leads: what it says, where its lines lead, and how many queries it takes."""

import re
import uuid
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.home import STAMP_SECONDS, HomeLine, read_home, read_home_stamp
from accounts.models import Role, User
from annotation.campaigns import reports
from annotation.campaigns.campaigns import set_state
from annotation.campaigns.guidelines import set_guidelines
from annotation.intake.upload_folders import IMPORT_CLIPS
from annotation.models import Campaign, ClipImport, Item
from annotation.raters import members, panels
from annotation.rating import ratings
from operations.models import Job, JobState
from qsave.axes import AXES
from tests.annotation import factories

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(days=5)
LIVE = {"HX-Request": "true", "HX-Target": "live"}
"""How the script of a page asks for its regions."""


@pytest.fixture
def lead() -> User:
    return factories.make_lead("lena")


def list_lines(user: User) -> list[tuple[str, str]]:
    """List the lines that need a person: the kind, and the text without the marks of isolates."""
    return [(line.kind, show(line.text)) for line in read_home(user).needs]


def show(text: str) -> str:
    return re.sub("[\u2068\u2069]", "", text)


def find_line(user: User, kind: str) -> HomeLine:
    (line,) = (line for line in read_home(user).needs if line.kind == kind)
    return line


def opens(client: Client, user: User, line: HomeLine) -> str:
    """Return the page to which a line leads."""
    client.force_login(user)
    answer = client.get(line.url)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_new_site_says_what_to_do_first(lead: User) -> None:
    assert [kind for kind, _text in list_lines(lead)] == ["Start here"]
    campaign = factories.make_campaign(actor=lead, state="draft", title="Spring")
    assert list_lines(lead) == [("No clips", "Spring has no clips to rate yet.")]
    factories.make_item(campaign)
    assert [kind for kind, _text in list_lines(lead)] == ["Draft"]


@pytest.mark.parametrize("state", ["closed", "archived"])
def test_a_site_without_an_open_campaign_says_so(lead: User, state: str) -> None:
    factories.make_campaign(1, actor=lead, state=state)
    assert [kind for kind, _text in list_lines(lead)] == ["Start here"]


def test_a_campaign_that_runs_needs_nobody(lead: User, client: Client) -> None:
    campaign, rater = factories.make_campaign(6, actor=lead, title="Spring", overlap=2), factories.make_user()
    factories.make_user("new")
    for _number in range(3):
        factories.submit(rater, factories.claim(rater, campaign))
    home = read_home(lead)
    assert home.needs == ()
    assert home.calm == "Nothing needs you now. 1 campaign is running. Pace: about 3 ratings a day."
    card = next(card for section in home.sections for card in section.cards if card.title == "Spring")
    assert card.text == "3 of 12 ratings done. Pace: about 3 a day, so about 3 days are left."
    assert card.share == pytest.approx(3 / 12)
    client.force_login(lead)
    assert home.calm in client.get("/").content.decode()


def test_a_report_leads_to_the_reported_clips(lead: User, client: Client) -> None:
    campaign, rater = factories.make_campaign(6, actor=lead, title="Spring", overlap=1), factories.make_user()
    factories.make_user("new")
    slot = factories.claim(rater, campaign)
    factories.skip(rater, slot, kind="flagged", reason="Look at the hand.")
    line = find_line(lead, "Reports")
    assert show(line.text).startswith("Raters reported 1 clip of Spring.")
    page = opens(client, lead, line)
    shown = {item.clip.clip_id for item in campaign.items.all() if f">{item.clip.clip_id}<" in re.sub(r"\s", "", page)}
    assert shown == {slot.item.clip.clip_id}
    reports.give_out_again(actor=lead, item=slot.item)
    assert list_lines(lead) == []


def test_disputes_lead_to_the_disputed_clips_and_the_finished_campaign_to_its_agreement(
    lead: User, client: Client
) -> None:
    campaign = factories.make_campaign(2, actor=lead, title="Spring", overlap=2)
    first, second = (item.clip.clip_id for item in campaign.items.order_by("pk"))
    for score in (1, 5):
        answers = dict.fromkeys(AXES, score)
        factories.rate_all(
            factories.make_user(), campaign, {first: answers, second: {**answers, **dict.fromkeys(answers, 3)}}
        )
    assert [kind for kind, _text in list_lines(lead)] == ["Disputed", "Finished"]
    page = re.sub(r"\s", "", opens(client, lead, find_line(lead, "Disputed")))
    assert f">{first}<" in page
    assert f">{second}<" not in page
    opens(client, lead, find_line(lead, "Finished"))
    set_state(actor=lead, campaign=campaign, state="closed")
    assert [kind for kind, _text in list_lines(lead)] == ["Disputed", "Start here"]


def test_a_campaign_stalls_and_raters_go_quiet(lead: User, client: Client) -> None:
    now = timezone.now()
    ann, ben, eve = (factories.make_user(name) for name in ("ann", "ben", "eve"))
    with time_machine.travel(now - LONG_AGO, tick=False):
        campaign = factories.make_campaign(8, actor=lead, title="Spring", overlap=3)
        for rater in (ann, ben, eve):
            factories.submit(rater, factories.claim(rater, campaign))
    with time_machine.travel(now, tick=False):
        text = "Nobody has rated in Spring for 5 days: 21 of 24 ratings are open."
        assert list_lines(lead) == [("Stalled", text)]
        opens(client, lead, find_line(lead, "Stalled"))
        factories.submit(ann, factories.claim(ann, campaign))
        text = "ben, eve have stopped rating in Spring, while clips wait for them."
        assert list_lines(lead) == [("Quiet", text)]
        opens(client, lead, find_line(lead, "Quiet"))


def test_a_campaign_without_raters_says_so(lead: User, client: Client) -> None:
    campaign = factories.make_campaign(5, actor=lead, title="Spring", overlap=3)
    factories.rate_all(factories.make_user(), campaign)
    text = "10 slots of Spring are open, and nobody is left who may rate them. Invite raters, or close it."
    assert list_lines(lead) == [("Stalled", text)]
    opens(client, lead, find_line(lead, "Stalled"))


def test_a_failed_import_shows_its_error_until_it_is_tried_again(lead: User, client: Client) -> None:
    for _number in range(3):
        factories.make_user()
    campaign, now = factories.make_campaign(2, actor=lead, title="Spring"), timezone.now()
    arguments = {"campaign": campaign.pk}
    job = Job.objects.create(
        kind=IMPORT_CLIPS, state=JobState.FAILED, arguments=arguments, finished_at=now, error="Row 3 has no prompt."
    )
    ClipImport.objects.create(campaign=campaign, name="m.csv", job=job, created_by=lead)
    line = find_line(lead, "Failed")
    assert (show(line.text), line.note) == ("An import of clips into Spring failed.", "Row 3 has no prompt.")
    assert "Row 3 has no prompt." in opens(client, lead, line)
    Job.objects.create(kind=IMPORT_CLIPS, state=JobState.QUEUED, arguments=arguments)
    assert list_lines(lead) == []


def test_a_rater_sees_their_part_and_the_news(client: Client, lead: User) -> None:
    campaign = factories.make_campaign(12, actor=lead, title="Spring", guidelines="Look.", overlap=2)
    rater = factories.make_user()
    for _number in range(6):
        factories.submit(rater, factories.claim(rater, campaign), seconds_spent=120.0)
    slot = factories.claim(rater, campaign)
    factories.skip(rater, slot, kind="broken")
    reports.exclude(actor=lead, item=Item.objects.get(pk=slot.item_id), reason="It is black.")
    set_guidelines(actor=lead, campaign=campaign, text="Look twice.")
    client.force_login(rater)
    for path in ("/", "/rate/"):
        page = show(client.get(path).content.decode())
        assert "You rated 6 of 11, about 10 minutes left." in page
        assert f"{slot.item.clip.clip_id} is taken out of Spring." in page
        assert "The guidelines of Spring have changed since your last clip." in page
        assert f"/rate/{campaign.name}/guidelines" in page
        assert "Nothing needs you" not in page


def test_a_rater_is_told_that_a_clip_was_excluded_while_they_rated_it(client: Client, lead: User) -> None:
    campaign, rater = factories.make_campaign(2, actor=lead, title="Spring"), factories.make_user()
    slot = factories.claim(rater, campaign)
    ratings.save_work(rater=rater, item_id=slot.item_id, answers={}, base_version=0, tab=uuid.uuid4())
    client.force_login(rater)
    assert "while you rated it" not in client.get("/").content.decode()
    reports.exclude(actor=lead, item=slot.item, reason="It is black.")
    page = show(client.get("/").content.decode())
    assert f"A lead took {slot.item.clip.clip_id} out of Spring while you rated it." in page


def test_a_rater_without_clips_is_told_so(client: Client) -> None:
    client.force_login(factories.make_user())
    for page in ("/", "/rate/"):
        assert "No clip waits for you at the moment." in client.get(page).content.decode()


def test_a_guest_sees_their_quota(client: Client, lead: User) -> None:
    campaign = factories.make_campaign(9, actor=lead, title="Spring")
    values = {"name": "Acme", "quota": 7, "completion_code": "OWL-7", "return_url": ""}
    panel, _secret = panels.make_panel(actor=lead, campaign=campaign, **values)
    guest = panels.begin_participation(panel=panel, external_id="p1").user
    client.force_login(guest)
    assert "You rated 0 of 7." in client.get("/").content.decode()
    for _number in range(5):
        factories.submit(guest, factories.claim(guest, campaign), seconds_spent=60.0)
    assert "You rated 5 of 7, about 2 minutes left." in client.get("/").content.decode()
    for _number in range(2):
        factories.submit(guest, factories.claim(guest, campaign))
    assert "Show completion code" in client.get("/").content.decode()


@pytest.mark.parametrize("campaigns", [1, 4])
def test_the_home_of_a_lead_takes_ten_queries_and_some_for_each_campaign_that_is_running(
    lead: User, campaigns: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    rater, *others = (factories.make_user() for _number in range(4))
    for _number in range(campaigns):
        campaign = factories.make_campaign(8, actor=lead)
        factories.submit(rater, factories.claim(rater, campaign))
        factories.skip(rater, factories.claim(rater, campaign), kind="flagged")
    Campaign.objects.update(open_to="members")  # the lead rates in none
    for campaign in Campaign.objects.all():
        for person in (rater, *others):
            members.add_member(actor=lead, campaign=campaign, username=person.username)
    with django_assert_num_queries(
        10 + 5 * campaigns + (connection.vendor == "postgresql")
    ):  # the setting for the plan
        home = read_home(lead)
    assert len(home.needs) == campaigns


def test_nobody_but_leads_sees_what_needs_a_lead(lead: User) -> None:
    factories.make_campaign(actor=lead)
    assert read_home(lead).needs
    assert read_home(factories.make_user()).needs == ()
    assert read_home(factories.make_user(role=Role.ENGINEER)).needs


def test_a_home_page_that_is_unchanged_takes_five_queries(
    lead: User, client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    factories.make_campaign(4, actor=lead)
    client.force_login(lead)
    with time_machine.travel(timezone.now(), tick=False):
        first = client.get("/", headers=LIVE)
        assert "<html" not in first.content.decode()
        assert 'id="live-home"' in first.content.decode()
        with django_assert_num_queries(5):
            again = client.get("/", headers=LIVE | {"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_stamp_of_the_home_page_changes_with_what_is_done(lead: User) -> None:
    campaign, rater = factories.make_campaign(6, actor=lead), factories.make_user()
    job = Job.objects.create(kind=IMPORT_CLIPS, arguments={"campaign": campaign.pk})
    with time_machine.travel(timezone.now(), tick=False) as clock:
        stamps = [read_home_stamp(lead)]
        assert read_home_stamp(lead) == stamps[0]
        assert read_home_stamp(rater) != stamps[0]
        slot = factories.claim(rater, campaign)
        stamps.append(read_home_stamp(lead))
        factories.submit(rater, slot)
        stamps.append(read_home_stamp(lead))
        slot = factories.claim(rater, campaign)
        stamps.append(read_home_stamp(lead))
        factories.skip(rater, slot, kind="flagged")
        stamps.append(read_home_stamp(lead))
        set_state(actor=lead, campaign=campaign, state="paused")
        stamps.append(read_home_stamp(lead))
        Job.objects.filter(pk=job.pk).update(state=JobState.RUNNING, progress=0.5)
        stamps.append(read_home_stamp(lead))
        clock.shift(STAMP_SECONDS)
        stamps.append(read_home_stamp(lead))
    assert len(set(stamps)) == len(stamps)
