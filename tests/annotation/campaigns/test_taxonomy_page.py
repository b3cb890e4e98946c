"""The page of a campaign's defects."""

import re

import pytest
from django.test import Client

from annotation.models import Campaign
from tests.annotation.factories import make_campaign, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def custom_campaign() -> Campaign:
    """A campaign with defects of its own."""
    return make_campaign(
        taxonomy=[
            {"id": "blur", "axis": "visual", "label": "blur"},
            {"id": "noise", "axis": "visual", "label": "noise"},
        ]
    )


def list_labels(campaign: Campaign) -> list[tuple[str, bool]]:
    campaign.refresh_from_db()
    return [(entry["label"], bool(entry.get("retired"))) for entry in campaign.taxonomy]


def test_every_change_works_as_a_plain_form(as_lead: Client, custom_campaign: Campaign) -> None:
    path = f"/campaigns/{custom_campaign.name}/defects"
    for post, expected in (
        ({"change": "add", "axis": "visual", "label": "grain"}, [("blur", False), ("noise", False), ("grain", False)]),
        ({"change": "up", "defect": "grain"}, [("blur", False), ("grain", False), ("noise", False)]),
        ({"change": "down", "defect": "blur"}, [("grain", False), ("blur", False), ("noise", False)]),
        (
            {"change": "relabel", "defect": "blur", "label": "soft"},
            [("grain", False), ("soft", False), ("noise", False)],
        ),
        ({"change": "retire", "defect": "noise"}, [("grain", False), ("soft", False), ("noise", True)]),
        ({"change": "restore", "defect": "noise"}, [("grain", False), ("soft", False), ("noise", False)]),
    ):
        answer = as_lead.post(path, post)
        assert answer.status_code == 302
        assert list_labels(custom_campaign) == expected
    assert 'value="restore"' not in as_lead.get(path).content.decode()


@pytest.mark.parametrize(
    "post",
    [
        {"change": "add", "axis": "visual", "label": "Noise"},
        {"change": "add", "axis": "sound", "label": "hiss"},
        {"change": "relabel", "defect": "blur", "label": ""},
        {"change": "retire", "defect": "gone"},
        {"change": "burn", "defect": "blur"},
        {},
    ],
)
def test_a_refused_change_shows_an_error_and_changes_nothing(
    as_lead: Client, custom_campaign: Campaign, post: dict[str, str]
) -> None:
    answer = as_lead.post(f"/campaigns/{custom_campaign.name}/defects", post)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert list_labels(custom_campaign) == [("blur", False), ("noise", False)]


def test_annotators_may_not_open_the_pages(client: Client, custom_campaign: Campaign) -> None:
    client.force_login(make_user())
    assert client.get(f"/campaigns/{custom_campaign.name}/defects").status_code == 403


def test_a_defect_shows_its_id_once_its_name_differs(as_lead: Client, custom_campaign: Campaign) -> None:
    path = f"/campaigns/{custom_campaign.name}/defects"
    assert "In releases" not in as_lead.get(path).content.decode()
    as_lead.post(path, {"change": "relabel", "defect": "blur", "label": "soft"})
    assert re.findall(r"In releases: <code>(.*?)</code>", as_lead.get(path).content.decode()) == ["blur"]
