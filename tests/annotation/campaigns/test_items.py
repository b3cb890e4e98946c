"""The lists and counts of a campaign's items, and their queries' cost."""

import pytest
from django.db import connection

from annotation.campaigns.items import KINDS, count_by_kind, filter_by_kind
from tests.annotation import factories

pytestmark = pytest.mark.django_db


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans by statistics; SQLite without them")
@pytest.mark.parametrize("kind", ["unrated", "rated"])
def test_slots_of_an_item_are_looked_up_by_item_and_not_among_all_of_a_state(kind: str) -> None:
    campaign = factories.make_campaign(2, overlap=1)
    plan = filter_by_kind(campaign, kind).order_by().explain()
    lookups = [line for line in plan.splitlines() if "annotation_slot" in line or " U0 " in line]
    assert len(lookups) == 2
    assert all("(item_id=?" in line for line in lookups), plan


def test_every_kind_is_counted() -> None:
    campaign = factories.make_campaign(3, overlap=1)
    factories.rate_all(factories.make_user(), factories.make_campaign(2))
    rater = factories.make_user()
    slot = factories.claim(rater, campaign)
    factories.submit(rater, slot)
    expected = dict.fromkeys(KINDS, 0) | {"all": 3, "unrated": 2, "rated": 1}
    assert count_by_kind(campaign) == expected
