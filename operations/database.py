"""Which database errors are the database's own trouble, and not the fault of the values that were to be stored."""

from django.db import InterfaceError, InternalError, NotSupportedError, OperationalError, ProgrammingError

DATABASE_TROUBLE = (OperationalError, InterfaceError, InternalError, NotSupportedError, ProgrammingError)
"""All but DataError and IntegrityError."""
