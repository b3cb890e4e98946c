"""PostgreSQL plans by the values only within the block, and SQLite can go on writing."""

import pytest
from django.db import connection

from accounts.query_plans import plan_by_values

pytestmark = pytest.mark.django_db(transaction=True)


def read_settings() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('plan_cache_mode'), current_setting('jit')")
        return list(cursor.fetchone())


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has these settings")
def test_the_settings_hold_within_the_block_alone() -> None:
    before = read_settings()
    with plan_by_values():
        assert read_settings() == ["force_custom_plan", "off"]
    assert read_settings() == before == ["auto", "on"]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has a single write lock")
def test_reading_takes_no_write_lock_of_sqlite() -> None:
    with plan_by_values():
        assert not connection.in_atomic_block
