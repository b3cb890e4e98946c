"""An index of the letters in names and prompts of clips, for the search in a campaign's clips on PostgreSQL."""

from django.apps.registry import Apps
from django.db import DatabaseError, migrations, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

INDEXES = {"clip_prompt_letters": "prompt", "clip_name_letters": "clip_id"}


def create_indexes(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Create the indexes. A database that does not allow the extension is searched without them, only slower."""
    if editor.connection.vendor != "postgresql":
        return
    with editor.connection.cursor() as cursor:
        try:
            with transaction.atomic(using=editor.connection.alias):
                cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        except DatabaseError:
            return
        for name, column in INDEXES.items():  # the expression of Django's `icontains`
            cursor.execute(f'CREATE INDEX {name} ON annotation_clip USING gin (UPPER("{column}"::text) gin_trgm_ops)')


def drop_indexes(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    with editor.connection.cursor() as cursor:
        for name in INDEXES:
            cursor.execute(f"DROP INDEX IF EXISTS {name}")


class Migration(migrations.Migration):
    dependencies = [("annotation", "0017_slot_time_done")]

    operations = [migrations.RunPython(create_indexes, drop_indexes)]
