"""Which campaigns and jobs a person may see: the pages and the API agree."""

from itertools import product

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from annotation.models import Campaign
from annotation.raters import members
from operations.models import Job
from tests.annotation import factories
from tests.annotation.api.scripts import make_script

pytestmark = pytest.mark.django_db
State, OpenTo = Campaign.State, Campaign.OpenTo
KINDS = (*product(State.values, [OpenTo.EVERYONE]), *product(State.values, [OpenTo.MEMBERS]))
LISTED_FOR = {
    Role.ANNOTATOR: {(State.OPEN, OpenTo.EVERYONE)},
    Role.LEAD: set(KINDS),
    "member": {(State.OPEN, OpenTo.EVERYONE), (State.OPEN, OpenTo.MEMBERS)},
}
READABLE_FOR = {
    Role.ANNOTATOR: {kind for kind in KINDS if kind[0] != State.DRAFT},
    Role.LEAD: set(KINDS),
    "member": {kind for kind in KINDS if kind[0] != State.DRAFT},
}


def make_campaigns() -> dict[str, tuple[str, str]]:
    """Make a campaign of each kind; return the kinds by name."""
    kinds: dict[str, tuple[str, str]] = {f"{state}-{open_to}": (state, open_to) for state, open_to in KINDS}
    for name, (state, open_to) in kinds.items():
        factories.make_item(factories.make_campaign(name=name, state=state, open_to=open_to))
    return kinds


def make_person(who: str) -> User:
    person = factories.make_user(role=Role.LEAD if who == Role.LEAD else Role.ANNOTATOR)
    if who == "member":
        for campaign in Campaign.objects.all():
            members.add_member(actor=factories.make_lead(), campaign=campaign, username=person.username)
    return person


def sign_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.mark.parametrize("who", LISTED_FOR)
def test_a_page_and_the_api_list_the_same_campaigns(who: str) -> None:
    kinds = make_campaigns()
    person = make_person(who)

    page = sign_in(person).get(reverse("campaigns" if who == Role.LEAD else "rate-home")).content.decode()
    route = "campaign" if who == Role.LEAD else "rate"
    on_page = {name for name in kinds if f'"{reverse(route, args=[name])}"' in page}
    in_api = {row["name"] for row in make_script(person).get("/api/campaigns").json()["results"]}

    assert {kinds[name] for name in on_page} == {kinds[name] for name in in_api} == LISTED_FOR[who]


@pytest.mark.parametrize("who", READABLE_FOR)
def test_pages_and_the_api_open_the_same_campaigns(who: str) -> None:
    kinds = make_campaigns()
    person = make_person(who)
    client, script = sign_in(person), make_script(person)

    paths = {"desk": "/rate/{}/", "guidelines": "/rate/{}/guidelines", "api": "/api/campaigns/{}"}
    opened = {
        place: {
            kinds[name]
            for name in kinds
            if (script if place == "api" else client).get(path.format(name)).status_code == 200
        }
        for place, path in paths.items()
    }

    assert opened == dict.fromkeys(paths, READABLE_FOR[who])


@pytest.mark.parametrize(("who", "status"), [("owner", 200), (Role.LEAD, 200), (Role.ANNOTATOR, 404)])
def test_a_page_and_the_api_show_a_job_to_its_owner_and_to_leads(who: str, status: int) -> None:
    owner = factories.make_user("owner")
    job = Job.objects.create(kind="count", created_by=owner)
    person = owner if who == "owner" else factories.make_user(role=Role(who))

    page = sign_in(person).get(reverse("job", args=[job.pk]))
    answer = make_script(person).get(reverse("api-job", args=[job.pk]))

    assert (page.status_code, answer.status_code) == (status, status)
