"""Errors that are the database's own and not caused by values, and how long a request waits for a lock."""

import sqlite3

from django.db import (
    DatabaseError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from django.db.backends.base.base import BaseDatabaseWrapper

DATABASE_TROUBLE = (OperationalError, InterfaceError, InternalError, NotSupportedError, ProgrammingError)
"""All but DataError and IntegrityError."""

SQLITE_BUSY_CODES = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
POSTGRESQL_BUSY_STATES = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, lock not available."""
LOCK_SECONDS = 10


def limit_lock_waits(*, connection: BaseDatabaseWrapper, **_: object) -> None:
    """Let PostgreSQL end a wait for a lock after LOCK_SECONDS, as `config.env.configure_sqlite` makes SQLite do.

    A receiver of `connection_created` in the processes that serve requests. Workers and commands wait longer: nobody
    watches them, and they may lock many rows.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{LOCK_SECONDS * 1000:.0f}ms'")


def is_busy(error: BaseException) -> bool:
    """Return whether the statement failed because others held a lock: the same request may succeed a moment later."""
    cause: BaseException | None = error if isinstance(error, DatabaseError) else None
    while cause is not None:
        code = getattr(cause, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in SQLITE_BUSY_CODES:  # the higher bits are details
            return True
        if getattr(cause, "sqlstate", None) in POSTGRESQL_BUSY_STATES:
            return True
        cause = cause.__cause__
    return False
