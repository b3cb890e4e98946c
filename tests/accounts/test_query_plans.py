"""PostgreSQL plans by the values only within the block, and SQLite can still write."""

import pytest
from django.db import connection

from accounts.query_plans import plan_by_values

pytestmark = pytest.mark.django_db(transaction=True)


def read_setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return str(cursor.fetchone()[0])


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has this setting")
def test_the_setting_holds_within_the_block_alone() -> None:
    assert read_setting("plan_cache_mode") == "auto"
    with plan_by_values():
        assert read_setting("plan_cache_mode") == "force_custom_plan"
    assert read_setting("plan_cache_mode") == "auto"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL compiles queries")
def test_no_query_is_compiled() -> None:
    assert read_setting("jit") == "off"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has a single write lock")
def test_reading_takes_no_write_lock_of_sqlite() -> None:
    with plan_by_values():
        assert not connection.in_atomic_block
