"""Names are unique in their folded form (NFKC, case folding): the same rule on every database."""

import sys

from django.db import migrations, models

import accounts.models
from accounts.names import KEY_LENGTH, clean_name, fold_name


def give_keys(apps, schema_editor):
    """Gives each account its key. Of accounts whose names fold to the same, the active and then the oldest keeps its
    name; the others get a number behind it, keep the old name as the one that others see, and are named on the screen.
    """
    User = apps.get_model("accounts", "User")
    users = list(User.objects.order_by("-is_active", "date_joined", "pk"))
    taken = {fold_name(user.username) for user in users}
    owners = set()
    for user in users:
        key = fold_name(user.username)
        if key in owners or not 0 < len(key) <= KEY_LENGTH:
            name = free_name(user.username, taken)
            print(
                f"The name {user.username!r} of account {user.pk} is that of an older account, or cannot be typed: "
                f"account {user.pk} signs in as {name!r} from now on.",
                file=sys.stderr,
            )
            user.display_name = user.display_name or user.username
            user.username, key = name, fold_name(name)
            taken.add(key)
        owners.add(key)
        user.name_key = key
        User.objects.filter(pk=user.pk).update(
            username=user.username, display_name=user.display_name, name_key=user.name_key
        )


def free_name(name, taken):
    base = clean_name(name)[:70]
    number = 2
    while fold_name(f"{base}-{number}") in taken:
        number += 1
    return f"{base}-{number}"


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_attempts_by_deed'),
    ]

    operations = [
        migrations.RemoveConstraint(model_name='user', name='username_unique_in_any_case'),
        migrations.AddField(
            model_name='user',
            name='name_key',
            field=models.CharField(blank=True, default='', editable=False, max_length=KEY_LENGTH),
            preserve_default=False,
        ),
        migrations.RunPython(give_keys, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='user',
            name='name_key',
            field=accounts.models.NameKeyField(blank=True, editable=False, max_length=KEY_LENGTH, unique=True),
        ),
    ]
