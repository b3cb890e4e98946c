"""Members of a campaign: who may rate, and how they become members."""

import csv
import io
import re
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import Invitation, Role, User
from annotation.models import Campaign, CampaignMember, Qualification
from annotation.rating import queue
from tests.annotation import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def members_campaign() -> Campaign:
    return factories.make_campaign(2, open_to="members", title="Closed circle")


def find_links(page: str) -> list[str]:
    return re.findall(r"/join/([^<\s]+)", page)


def test_only_members_get_clips_and_others_read_why(client: Client, members_campaign: Campaign) -> None:
    member, stranger = factories.make_user(), factories.make_user()
    CampaignMember.objects.create(campaign=members_campaign, user=member)
    assert queue.claim(rater=stranger, campaign=members_campaign) is None
    assert queue.claim(rater=member, campaign=members_campaign) is not None
    client.force_login(stranger)
    assert "members only" in client.get(f"/rate/{members_campaign.name}/").content.decode()
    assert "Closed circle" not in client.get("/rate/").content.decode()
    assert "Closed circle" not in client.get("/").content.decode()
    client.force_login(member)
    assert "Closed circle" in client.get("/rate/").content.decode()


def test_a_lead_adds_and_removes_who_has_an_account(as_lead: Client, members_campaign: Campaign) -> None:
    rater = factories.make_user("Ida")
    page = as_lead.post(
        f"/campaigns/{members_campaign.name}/members/add", {"username": "ida"}, follow=True
    ).content.decode()
    assert "Ida" in page
    assert queue.claim(rater=rater, campaign=members_campaign) is not None
    factories.rate_all(rater, members_campaign)
    as_lead.post(f"/campaigns/{members_campaign.name}/members/{rater.pk}/remove")
    assert not CampaignMember.objects.exists()
    assert rater.ratings.count() == 2
    assert "no account with the name" in (
        as_lead.post(
            f"/campaigns/{members_campaign.name}/members/add", {"username": "nix"}, follow=True
        ).content.decode()
    )


def test_an_invitation_makes_an_account_that_is_a_member(as_lead: Client, members_campaign: Campaign) -> None:
    page = as_lead.post(f"/campaigns/{members_campaign.name}/members/invite", {"names": "Ann\nBo"}).content.decode()
    first, second = find_links(page)
    assert first != second
    stranger = Client()
    words = "a long password of mine"
    answer = stranger.post(f"/join/{first}", {"username": "ann", "password": words, "again": words})
    assert answer.status_code == 302
    user = User.objects.get(username="ann")
    assert user.role == Role.ANNOTATOR
    assert CampaignMember.objects.get().user == user
    address = f"/campaigns/{members_campaign.name}/members"
    assert "1 link has not been used yet" in as_lead.get(address).content.decode()
    Invitation.objects.update(expires_at=timezone.now())
    assert "not been used yet" not in as_lead.get(address).content.decode()


def test_a_file_of_names_gives_links_that_can_be_downloaded_and_opened_safely(
    as_lead: Client, members_campaign: Campaign
) -> None:
    file = SimpleUploadedFile("names.csv", b"\xef\xbb\xbfname;note\r\nAnn;red team\r\n;lost\r\n=HYPERLINK();\r\n")
    page = as_lead.post(f"/campaigns/{members_campaign.name}/members/invite", {"file": file}).content.decode()
    download = re.search(r'href="data:text/csv;charset=utf-8,([^"]+)"', page)
    assert download
    rows = list(csv.reader(io.StringIO(unquote(download[1]))))
    assert [row[0] for row in rows] == ["\ufeffname", "Ann", "'=HYPERLINK()"]
    assert all(find_links(row[1]) for row in rows[1:])
    assert "Row 3" in page
    assert set(Invitation.objects.values_list("note", flat=True)) == {
        "Ann, red team, Closed circle",
        "=HYPERLINK(), Closed circle",
    }


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"names": "  \n"}, "There is no name to invite"),
        ({"file": SimpleUploadedFile("a.csv", b"x" * 1_000_001)}, "larger than 1 MB"),
        ({"file": SimpleUploadedFile("a.csv", b"x" * 200_000)}, "the heading is not a row of a table"),
        ({"file": SimpleUploadedFile("a.xlsx", b"PK")}, "must end in .csv"),
        ({"file": SimpleUploadedFile("a.csv", b"Ann"), "names": "Bo"}, "or choose a file, not both"),
    ],
)
def test_a_list_without_names_is_refused_and_invites_nobody(
    as_lead: Client, members_campaign: Campaign, sent: dict[str, Any], words: str
) -> None:
    answer = as_lead.post(f"/campaigns/{members_campaign.name}/members/invite", sent)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Invitation.objects.exists()


def test_the_campaign_is_opened_to_all_and_shut_again_on_the_page(as_lead: Client, members_campaign: Campaign) -> None:
    path = f"/campaigns/{members_campaign.name}/members/open-to"
    assert "Now open to: every annotator" in as_lead.post(path, {"open_to": "everyone"}, follow=True).content.decode()
    assert queue.claim(rater=factories.make_user(), campaign=Campaign.objects.get()) is not None
    as_lead.post(path, {"open_to": "members"})
    assert queue.claim(rater=factories.make_user(), campaign=Campaign.objects.get()) is None
    assert as_lead.post(path, {"open_to": "nobody"}).status_code == 400


def test_a_lead_can_admit_a_rater_who_did_not_qualify(as_lead: Client) -> None:
    campaign, rater = factories.make_campaign(1, qualification_mark=0.9), factories.make_user()
    Qualification.objects.create(campaign=campaign, rater=rater, share=0.5, passed=False)
    page = as_lead.get(f"/campaigns/{campaign.name}/members").content.decode()
    assert "not passed" in page
    as_lead.post(f"/campaigns/{campaign.name}/members/{rater.pk}/let-in")
    assert Qualification.objects.get().let_in_by is not None


def test_annotators_may_not_manage_members(client: Client, members_campaign: Campaign) -> None:
    client.force_login(factories.make_user())
    assert client.get(f"/campaigns/{members_campaign.name}/members").status_code == 403
    for path in ("add", "invite", "open-to", "1/remove", "1/let-in"):
        assert client.post(f"/campaigns/{members_campaign.name}/members/{path}").status_code == 403
