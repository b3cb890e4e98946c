"""Which database errors are the database's own trouble, and not the fault of the values that were to be stored."""

import sqlite3

from django.db import (
    DatabaseError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)

DATABASE_TROUBLE = (OperationalError, InterfaceError, InternalError, NotSupportedError, ProgrammingError)
"""All but DataError and IntegrityError."""

SQLITE_BUSY_CODES = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
POSTGRESQL_BUSY_STATES = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, lock not available."""


def is_busy(error: BaseException) -> bool:
    """Return whether the statement failed because others held a lock: the same request may succeed a moment later."""
    cause: BaseException | None = error if isinstance(error, DatabaseError) else None
    while cause is not None:
        code = getattr(cause, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in SQLITE_BUSY_CODES:  # the higher bits say more of the same kind
            return True
        if getattr(cause, "sqlstate", None) in POSTGRESQL_BUSY_STATES:
            return True
        cause = cause.__cause__
    return False
