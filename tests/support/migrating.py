"""An empty database that a test migrates forward to an earlier version of the tables, and from there on.

Walking the test database back from the newest tables and forward again takes ten times as long.
"""

import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps

Target = tuple[str, str]
"""An app and one of its migrations."""


@contextmanager
def use_empty_database() -> Iterator[None]:
    """Use a database without tables while the body runs. The test itself must be in no transaction."""
    usual = connection.settings_dict["NAME"]
    name = f"{usual}-{uuid.uuid4().hex}"
    if connection.vendor == "postgresql":
        execute_outside(f'CREATE DATABASE "{name}"')
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual
        delete_database(name)


def delete_database(name: str) -> None:
    if connection.vendor == "postgresql":
        execute_outside(f'DROP DATABASE "{name}"')
        return
    for ending in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.unlink(f"{name}{ending}")


def execute_outside(statement: str) -> None:
    """Execute a statement on the server, in none of the test's databases."""
    with connection._nodb_cursor() as cursor:
        cursor.execute(statement)


def migrate(targets: Iterable[Target]) -> StateApps:
    """Migrate the database to these migrations and what they need; return its models as they were then."""
    executor = MigrationExecutor(connection)
    executor.migrate(list(targets))
    return executor.loader.project_state(list(targets)).apps


def list_newest(*apps: str) -> list[Target]:
    """Return the newest migration of each of these apps."""
    return [node for app in apps for node in MigrationExecutor(connection).loader.graph.leaf_nodes(app)]
