"""Let the database plan a query by its values."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

_SETTING = "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)"


@contextmanager
def plan_by_values() -> Iterator[None]:
    """Let PostgreSQL plan the queries of this block by their values, in one transaction. One query.

    A prepared statement gets a plan for average values, which takes long for values that are far from the average.

    SQLite plans each statement each time. It gets no transaction, because a transaction takes its only write lock.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic(savepoint=False):
        with connection.cursor() as cursor:
            cursor.execute(_SETTING)
        yield
