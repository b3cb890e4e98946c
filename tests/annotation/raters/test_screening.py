"""Whose ratings count."""

import pytest

from accounts.models import Role
from annotation.models import Screening
from annotation.raters.screening import is_screened, read_screened_raters, read_verdicts
from tests.annotation import factories

pytestmark = pytest.mark.django_db


def test_the_newest_verdict_in_the_campaign_decides() -> None:
    lead = factories.make_user(role=Role.LEAD)
    campaign, other = factories.make_campaign(1), factories.make_campaign(1)
    out, again, elsewhere = (factories.make_user() for _ in range(3))
    for where, rater, verdict in (
        (campaign, out, "kept"),
        (campaign, out, "screened"),
        (campaign, again, "screened"),
        (campaign, again, "kept"),
        (other, elsewhere, "screened"),
    ):
        Screening.objects.create(campaign=where, rater=rater, verdict=verdict, reason="Why", decided_by=lead)
    assert read_screened_raters(campaign) == {out.pk}
    verdicts = read_verdicts(campaign)
    assert {rater: verdict.verdict for rater, verdict in verdicts.items()} == {out.pk: "screened", again.pk: "kept"}
    assert not is_screened(verdicts.get(elsewhere.pk))
