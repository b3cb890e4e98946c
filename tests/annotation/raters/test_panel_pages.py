"""Outside panels: participants begin by a link, rate their part and leave with the code; strangers are refused."""

import re
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import services, throttle
from accounts.models import ApiToken, AuditEntry, Role, SignInAttempt, User
from annotation.models import Campaign, CampaignMember, Item, Panel, PanelParticipant, Slot
from annotation.raters import panels
from annotation.raters.admission import explain_refusal, list_visible_clips
from annotation.raters.panel_pages import BEGIN_LIMITS
from annotation.rating import queue
from qsave.words import isolate
from tests.annotation import factories
from tests.support.threads import run_at_once

pytestmark = pytest.mark.django_db
CODE = "GREEN-OWL-7"


def make(campaign: Campaign, *, quota: int = 2) -> tuple[Panel, str]:
    values = {"name": "Acme", "quota": quota, "completion_code": CODE, "return_url": "https://panel.example/done"}
    return panels.make_panel(actor=campaign.created_by, campaign=campaign, **values)


def begin(client: Client, secret: str, number: str = "p-17") -> int:
    return client.post(f"/panel/{secret}/", {"participant": number}).status_code


def test_opening_the_link_changes_nothing_and_describes_the_work(client: Client, campaign: Campaign) -> None:
    _, secret = make(campaign)
    page = client.get(f"/panel/{secret}/?PROLIFIC_PID=5f1").content.decode()
    assert "You will watch 2 short generated videos, one at a time" in page
    assert 'value="5f1"' in page
    assert not PanelParticipant.objects.exists()
    assert not User.objects.filter(is_guest=True).exists()


@pytest.mark.parametrize("state", [Campaign.State.PAUSED, Campaign.State.CLOSED])
def test_a_paused_or_closed_campaign_does_not_complete_a_participant(
    client: Client, campaign: Campaign, state: str
) -> None:
    _, secret = make(campaign)
    begin(client, secret)
    guest = User.objects.get(is_guest=True)
    slot = factories.claim(guest, campaign)
    factories.submit(guest, slot)
    Campaign.objects.update(state=state)
    assert CODE not in client.post(f"/rate/{campaign.name}/start").content.decode()
    assert PanelParticipant.objects.get().completed_at is None


def test_a_participant_rates_their_part_and_gets_the_code(client: Client, campaign: Campaign) -> None:
    _, secret = make(campaign)
    assert begin(client, secret) == 302
    guest = User.objects.get(is_guest=True)
    assert not guest.has_usable_password()
    assert "p-17" not in guest.username
    assert CODE not in client.get("/panel/done").content.decode()
    for _ in range(2):
        slot = factories.claim(guest, campaign)
        factories.submit(guest, slot)
    assert PanelParticipant.objects.get().completed_at is not None
    assert queue.claim(rater=guest, campaign=campaign) is None
    page = client.get(f"/rate/{campaign.name}/").content.decode()
    assert "You have rated all" in page
    assert CODE in page
    home = client.get("/").content.decode()
    assert "You have rated your part: 2 clips." in home
    assert 'href="/panel/done"' in home
    done = client.get("/panel/done").content.decode()
    assert CODE in done
    assert "https://panel.example/done" in done


def test_the_same_number_finds_the_same_account_on_another_machine(client: Client, campaign: Campaign) -> None:
    _, secret = make(campaign)
    begin(client, secret)
    begin(Client(), secret)
    begin(Client(), secret, "p-18")
    assert User.objects.filter(is_guest=True).count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_who_begin_at_once_with_one_number_share_one_account(campaign: Campaign) -> None:
    panel, _ = make(campaign)
    outcomes = run_at_once(*[lambda: panels.begin_participation(panel=panel, external_id="p-1")] * 4)
    assert {outcome.pk for outcome in outcomes if isinstance(outcome, PanelParticipant)} == {
        PanelParticipant.objects.get().pk
    }
    assert User.objects.filter(is_guest=True).count() == 1


def test_a_guest_sees_their_campaign_and_nothing_else(client: Client, campaign: Campaign) -> None:
    other = factories.make_campaign(1, title="Another one")
    _, secret = make(campaign)
    begin(client, secret)
    guest = User.objects.get(is_guest=True)
    assert "another campaign" in explain_refusal(user=guest, campaign=other)
    assert queue.claim(rater=guest, campaign=other) is None
    for path in ("/", "/rate/"):
        page = client.get(path).content.decode()
        assert "Spring clips" in page
        assert "Another one" not in page
    clip = Item.objects.get(campaign=other).clip
    for path in (f"/rate/{other.name}/", f"/rate/{other.name}/guidelines", f"/media/video/{clip.pk}"):
        assert client.get(path).status_code == 404
    assert client.post(f"/rate/{other.name}/start").status_code == 404
    for path in ("/people", "/campaigns", "/releases", "/account", "/api/campaigns"):
        assert client.get(path).status_code == 403
    for path in ("/account/tokens", "/account/password", "/account/name", f"/api/campaigns/{campaign.name}/claim"):
        assert client.post(path, {"name": "script"}).status_code == 403
    assert not ApiToken.objects.exists()


def test_the_clips_of_a_members_campaign_are_for_its_members(client: Client) -> None:
    closed = factories.make_campaign(1, open_to="members")
    clip, member = Item.objects.get().clip, factories.make_user()
    CampaignMember.objects.create(campaign=closed, user=member)
    assert list_visible_clips(member).filter(pk=clip.pk).exists()
    assert not list_visible_clips(factories.make_user()).filter(pk=clip.pk).exists()
    client.force_login(factories.make_user())
    assert closed.name not in client.get("/api/campaigns").content.decode()
    client.force_login(member)
    assert closed.name in client.get("/api/campaigns").content.decode()


def test_a_closed_panel_shows_its_guests_nothing_more_and_keeps_what_was_rated(
    client: Client, campaign: Campaign
) -> None:
    panel, secret = make(campaign)
    begin(client, secret)
    guest = User.objects.get(is_guest=True)
    slot = factories.claim(guest, campaign)
    factories.submit(guest, slot)
    clip = Item.objects.filter(campaign=campaign, slots__rater=guest).get().clip
    pages = (f"/rate/{campaign.name}/", "/panel/done", "/")
    assert [client.get(path).status_code for path in pages] == [200, 200, 200]
    assert list_visible_clips(guest).filter(pk=clip.pk).exists()
    panels.close_panel(actor=campaign.created_by, panel=panel)
    for path in (*pages, f"/media/video/{clip.pk}", f"/media/poster/{clip.pk}"):
        assert client.get(path).status_code == 302, path
    assert client.get("/api/campaigns").status_code == 401
    assert client.post(f"/api/campaigns/{campaign.name}/claim").status_code == 401
    assert client.post(f"/rate/{campaign.name}/start")["Location"].startswith("/sign-in")
    assert Client().get(f"/panel/{secret}/").status_code == 410
    assert begin(Client(), secret) == 410
    assert guest.ratings.count() == 1


def test_a_guest_who_is_let_in_again_has_no_session_left(client: Client, campaign: Campaign) -> None:
    panel, secret = make(campaign)
    begin(client, secret)
    panels.close_panel(actor=campaign.created_by, panel=panel)
    services.reactivate(actor=campaign.created_by, user=User.objects.get(is_guest=True))
    assert client.get("/").status_code == 302


def test_guests_of_panels_that_were_closed_before_are_shut_out(client: Client, campaign: Campaign) -> None:
    migration = import_module("annotation.migrations.0009_guests_of_closed_panels")
    for closed_at in (None, timezone.now()):
        panel, secret = make(campaign)
        begin(Client(), secret)
        Panel.objects.filter(pk=panel.pk).update(closed_at=closed_at, name=f"closed {closed_at}")
    migration.shut_out(apps, connection.schema_editor())
    active = PanelParticipant.objects.filter(user__is_active=True)
    assert [participant.panel.closed_at for participant in active] == [None]


@pytest.mark.parametrize("gone", [{"is_active": False}, {"role": Role.ANNOTATOR}])
def test_a_panel_outlives_its_lead_and_another_takes_it_over(
    client: Client, campaign: Campaign, gone: dict[str, Any]
) -> None:
    panel, secret = make(campaign)
    other = factories.make_lead()
    client.force_login(other)
    assert "Take over the panel" not in client.get("/").content.decode()
    User.objects.filter(pk=panel.created_by.pk).update(**gone)
    assert begin(Client(), secret) == 302
    assert f"the panel {isolate('Acme')}" in client.get("/").content.decode()
    assert "Take over the panel" in client.get(f"/campaigns/{campaign.name}/panels").content.decode()
    client.post(f"/panels/{panel.pk}/take-over")
    panel.refresh_from_db()
    assert panel.created_by == other
    assert "Take over the panel" not in client.get("/").content.decode()
    assert AuditEntry.objects.filter(action="panel.taken_over", actor=other).exists()


def test_nobody_takes_over_a_panel_that_has_its_lead(client: Client, campaign: Campaign) -> None:
    panel, _ = make(campaign)
    client.force_login(factories.make_lead())
    assert "looks after this panel" in client.post(f"/panels/{panel.pk}/take-over", follow=True).content.decode()
    panel.refresh_from_db()
    assert panel.created_by == campaign.created_by


def test_a_participant_who_finds_nothing_left_gets_the_code_if_they_rated_anything(client: Client) -> None:
    campaign = factories.make_campaign(1)
    _, secret = make(campaign, quota=5)
    begin(client, secret)
    assert CODE not in client.post(f"/rate/{campaign.name}/start").content.decode()
    factories.rate_all(User.objects.get(is_guest=True), campaign)
    assert CODE in client.post(f"/rate/{campaign.name}/start").content.decode()
    assert PanelParticipant.objects.get().completed_at is not None


def test_a_participant_who_finds_nothing_left_reads_whom_to_ask(client: Client) -> None:
    campaign = factories.make_campaign(0)
    _, secret = make(campaign, quota=5)
    begin(client, secret)
    page = client.post(f"/rate/{campaign.name}/start").content.decode()
    assert "tell the people who invited you" in page
    assert CODE not in page


def test_only_leads_manage_panels(client: Client, campaign: Campaign) -> None:
    panel, _ = make(campaign)
    rater = factories.make_user()
    for path in (
        f"/campaigns/{campaign.name}/panels",
        f"/panels/{panel.pk}/new-link",
        f"/panels/{panel.pk}/close",
        f"/panels/{panel.pk}/take-over",
    ):
        assert Client().post(path)["Location"].startswith("/sign-in")
        client.force_login(rater)
        assert client.post(path, {"name": "Mine", "quota": "1", "completion_code": "X"}).status_code == 403
    assert client.get("/panel/done").status_code == 404
    panel.refresh_from_db()
    assert Panel.objects.get().closed_at is None
    for deed in (panels.renew_link, panels.close_panel, panels.take_over):
        with pytest.raises(PermissionDenied):
            deed(actor=rater, panel=panel)


def test_a_new_link_ends_the_old_one(client: Client, campaign: Campaign) -> None:
    panel, old = make(campaign)
    client.force_login(campaign.created_by)
    page = client.post(f"/panels/{panel.pk}/new-link").content.decode()
    match = re.search(r"/panel/([^/]+)/\?participant=", page)
    assert match
    assert Client().get(f"/panel/{old}/").status_code == 410
    assert Client().get(f"/panel/{match[1]}/").status_code == 200


@pytest.mark.parametrize("number", ["", "x" * 121, "<script>alert(1)</script>", "a b", "ü", "\x00"])
def test_invalid_participant_numbers_are_refused(client: Client, campaign: Campaign, number: str) -> None:
    _, secret = make(campaign)
    answer = client.post(f"/panel/{secret}/", {"participant": number})
    assert answer.status_code == 422
    assert "<script>" not in answer.content.decode()
    assert not PanelParticipant.objects.exists()


def test_a_lead_who_opens_the_link_keeps_their_session_until_they_begin(client: Client, campaign: Campaign) -> None:
    _, secret = make(campaign)
    client.force_login(campaign.created_by)
    assert "signed in as" in client.get(f"/panel/{secret}/").content.decode()
    assert client.get("/campaigns").status_code == 200


def test_an_unknown_link_answers_as_a_closed_one(client: Client) -> None:
    assert client.get("/panel/nonsense/").status_code == 410
    assert client.post("/panel/nonsense/", {"participant": "1"}).status_code == 410


def test_very_many_who_begin_from_one_network_have_to_wait_and_can_still_sign_in(
    client: Client, campaign: Campaign
) -> None:
    panel, secret = make(campaign)
    most = BEGIN_LIMITS.by_name_and_address
    tries = [SignInAttempt(deed="panel", username=panel.pk, address="127.0.0.1") for _ in range(most - 1)]
    SignInAttempt.objects.bulk_create(tries)
    assert [begin(Client(), secret, number) for number in ("p-1", "p-2")] == [302, 429]
    assert throttle.admit("ada", "127.0.0.1")


def test_participants_behind_a_proxy_are_counted_by_their_own_address(
    client: Client, campaign: Campaign, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = 1
    _, secret = make(campaign)

    def begin_from(address: str, number: int) -> int:
        headers = {"X-Forwarded-For": f"203.0.113.{number % 200}, {address}"}
        return Client().post(f"/panel/{secret}/", {"participant": f"p-{number}"}, headers=headers).status_code

    most = BEGIN_LIMITS.by_name_and_address
    assert [begin_from("198.51.100.7", number) for number in range(most + 1)] == [302] * most + [429]
    assert begin_from("198.51.100.8", most + 1) == 302


def test_qualification_clips_are_not_part_of_the_work(campaign: Campaign) -> None:
    panel, _ = make(campaign, quota=1)
    participant = panels.begin_participation(panel=panel, external_id="1")
    slot = Slot.objects.filter(campaign=campaign).first()
    assert slot is not None
    Slot.objects.filter(pk=slot.pk).update(kind="qualification", state="done", rater=participant.user)
    panels.complete_if_due(participant.user)
    assert PanelParticipant.objects.get().completed_at is None


def test_a_panel_is_made_on_its_page_and_the_link_is_shown_once(client: Client, campaign: Campaign) -> None:
    client.force_login(campaign.created_by)
    values = {"name": "Acme", "quota": "5", "completion_code": CODE, "return_url": ""}
    page = client.post(f"/campaigns/{campaign.name}/panels", values).content.decode()
    assert "shown only once" in page
    again = client.get(f"/campaigns/{campaign.name}/panels").content.decode()
    assert CODE in again
    assert "/panel/" not in again
    twice = client.post(f"/campaigns/{campaign.name}/panels", values | {"name": "ACME"})
    assert twice.status_code == 422
    assert "a panel with this name" in twice.content.decode()
    refused = client.post(
        f"/campaigns/{campaign.name}/panels", values | {"name": "B", "return_url": "http://panel.example/"}
    )
    assert refused.status_code == 422
    assert Panel.objects.count() == 1
