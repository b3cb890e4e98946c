"""Cards on the home page."""

from django.test import Client

from accounts.models import Role
from tests.annotation.factories import make_campaign, make_user


def test_home_sends_raters_to_open_campaigns_and_leads_to_those_that_wait(client: Client, db: None) -> None:
    make_campaign(1, title="Ready to rate")
    make_campaign(title="Without clips", state="draft")
    client.force_login(make_user())
    page = client.get("/").content.decode()
    assert "Ready to rate" in page
    assert "Without clips" not in page
    client.force_login(make_user(role=Role.LEAD))
    assert "Without clips" in client.get("/").content.decode()
