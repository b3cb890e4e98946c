"""The frame of every page: who sees which way on, and what errors look like."""

import pytest
from django.test import Client, RequestFactory
from django.views.defaults import server_error

from accounts.models import Role, User


@pytest.mark.parametrize(
    ("role", "seen", "unseen"),
    [
        (Role.ANNOTATOR, {"Rate"}, {"Campaigns", "People", "Releases", "Critics"}),
        (Role.LEAD, {"Rate", "Campaigns", "People"}, {"Releases", "Critics"}),
        (Role.ENGINEER, {"Rate", "Campaigns", "People", "Releases", "Training", "Critics"}, set()),
    ],
)
def test_each_role_sees_its_own_ways(client: Client, db: None, role: Role, seen: set[str], unseen: set[str]) -> None:
    client.force_login(User.objects.create_user("ada", None, role=role))
    page = client.get("/").content.decode()
    nav = page[page.index("<nav") : page.index("</nav>")]
    assert all(f">{name}</a>" in nav for name in seen)
    assert not any(f">{name}</a>" in nav for name in unseen)


def test_a_page_above_ones_role_says_so_in_words(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("ada", None))
    answer = client.get("/people")
    assert answer.status_code == 403
    assert "people with the role lead or above" in answer.content.decode()


def test_what_is_not_there_has_a_page_of_its_own(client: Client, db: None) -> None:
    answer = client.get("/no-such-page")
    assert answer.status_code == 404
    assert "Page not found" in answer.content.decode()


def test_the_page_for_a_defect_needs_neither_a_person_nor_a_database() -> None:
    answer = server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert "Something went wrong on the site" in answer.content.decode()


def test_a_form_without_its_token_gets_a_page_that_says_how_to_go_on(db: None) -> None:
    answer = Client(enforce_csrf_checks=True).post("/sign-in", {"username": "a", "password": "b"})
    assert answer.status_code == 403
    assert "The page has expired" in answer.content.decode()


def test_an_htmx_call_of_somebody_signed_out_leads_the_whole_page_to_sign_in(client: Client, db: None) -> None:
    answer = client.get("/people", headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == "/sign-in"


def test_no_page_carries_an_inline_script_or_style(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("ada", None, role=Role.ENGINEER))
    for path in ("/", "/account", "/people", "/campaigns", "/releases", "/runs", "/critics"):
        page = client.get(path).content.decode()
        assert "<style" not in page
        assert ' style="' not in page
        tags = page.split("<script")[1:]
        assert tags
        assert all("src=" in tag for tag in tags), path
