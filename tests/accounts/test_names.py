"""One person, one name: however it is written, and on every database."""

import unicodedata

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts import services
from accounts.models import Role, User
from accounts.names import fold_name
from tests.accounts.passwords import PASSWORD
from tests.support.migrating import list_newest, migrate, use_empty_database

BEFORE = [("accounts", "0003_attempts_by_deed")]
# Each line is one person, written in several ways.
SAME = [
    ("Élodie", "élodie", "ÉLODIE", unicodedata.normalize("NFD", "Élodie"), "  élodie "),
    ("Straße", "STRASSE", "strasse"),
    ("Žofie", "žOFIE"),
    ("Σοφός", "ΣΟΦΌΣ"),
    ("Ада", "АДА"),
    ("Ada", "Ａｄａ", "a\u200bda", "A\u00adda"),
    ("Mary Ann", "mary\u00a0ann", "Mary  Ann"),
    ("नीला", "नी\u200dला"),
]
DIFFERENT = [("Elodie", "Élodie"), ("नीला", "नाला"), ("ada1", "ada2"), ("Mary Ann", "MaryAnn")]


@pytest.mark.parametrize("ways", SAME)
def test_ways_to_write_one_name_are_the_same(ways: tuple[str, ...]) -> None:
    assert len({fold_name(way) for way in ways}) == 1


@pytest.mark.parametrize("pair", DIFFERENT)
def test_different_names_stay_different(pair: tuple[str, str]) -> None:
    assert fold_name(pair[0]) != fold_name(pair[1])


@given(st.text(max_size=80))
def test_folding_twice_changes_nothing(name: str) -> None:
    assert fold_name(fold_name(name)) == fold_name(name)


@pytest.mark.parametrize("ways", SAME)
def test_a_person_signs_in_by_any_way_to_write_their_name(db: None, client: Client, ways: tuple[str, ...]) -> None:
    services.create_user(actor=None, username=ways[0], password=PASSWORD)
    for way in ways:
        answer = Client().post("/sign-in", {"username": way, "password": PASSWORD})
        assert answer.status_code == 302, way


@pytest.mark.parametrize("ways", SAME)
def test_a_name_is_taken_in_every_way_to_write_it(db: None, ways: tuple[str, ...]) -> None:
    services.create_user(actor=None, username=ways[0], password=PASSWORD)
    for way in ways:
        with pytest.raises(services.AccountError, match="is taken"):
            services.create_user(actor=None, username=way, password=PASSWORD)


def test_an_invitation_refuses_a_name_that_is_taken_in_another_case(db: None, client: Client) -> None:
    lead = User.objects.create_user("Élodie", PASSWORD, role=Role.LEAD)
    _, secret = services.invite(actor=lead, role=Role.ANNOTATOR)
    typed = {"username": "éLODIE", "display_name": "", "password": PASSWORD, "again": PASSWORD}
    assert "is taken" in client.post(f"/join/{secret}", typed).content.decode()
    assert User.objects.count() == 1


def test_the_database_itself_refuses_a_second_one(db: None) -> None:
    User.objects.create_user("Élodie", PASSWORD)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.bulk_create([User(username="élodie")])


@pytest.mark.parametrize("name", ["\u200b", "a\nb\x00", "\ufdfa" * 80])
def test_a_name_that_cannot_be_typed_is_refused_in_words(db: None, name: str) -> None:
    with pytest.raises(services.AccountError):
        services.create_user(actor=None, username=name, password=PASSWORD)
    with pytest.raises(ValidationError):
        User.objects.create_user(name, PASSWORD)


@pytest.mark.django_db(transaction=True)
def test_accounts_that_share_a_name_from_before_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    with use_empty_database():
        old = migrate(BEFORE).get_model("accounts", "User")
        pks = [old.objects.create(username=name).pk for name in ("ÉLODIE", "élodie", "élodie-2", "Ada")]
        old.objects.filter(pk=pks[0]).update(is_active=False)
        migrate(list_newest("accounts"))
        names = [User.objects.get(pk=pk).username for pk in pks]
        assert names == ["ÉLODIE-3", "élodie", "élodie-2", "Ada"]
        assert User.objects.get(pk=pks[0]).display_name == "ÉLODIE"
        assert [User.objects.named(name).get().pk for name in names] == pks
    assert "signs in as 'ÉLODIE-3' from now on" in capsys.readouterr().err
