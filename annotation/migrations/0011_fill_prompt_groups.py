"""Record the prompts of stored clips, with the groups that they have, and the generator that opened each group."""

import hashlib

from django.db import migrations

from qsave.groups import normalise

BATCH = 1000


def fill(apps, schema_editor):
    clips = apps.get_model("annotation", "Clip").objects.order_by("pk")
    grouped_prompt = apps.get_model("annotation", "GroupedPrompt")
    prompt_group = apps.get_model("annotation", "PromptGroup")
    prompts, generators = {}, {}
    fields = ("prompt", "generator", "prompt_group_id", "bridges_splits")
    for text, generator, group, bridges in clips.values_list(*fields).iterator(chunk_size=BATCH):
        digest = hashlib.sha256(normalise(text).encode()).hexdigest()
        prompt = prompts.setdefault(digest, grouped_prompt(digest=digest, text=text, group_id=group))
        prompt.bridges_splits |= bridges
        generators.setdefault(group, generator)
    grouped_prompt.objects.bulk_create(prompts.values(), batch_size=BATCH)
    groups = [prompt_group(pk=pk, generator=generator) for pk, generator in generators.items()]
    prompt_group.objects.bulk_update(groups, ["generator"], batch_size=BATCH)


class Migration(migrations.Migration):
    dependencies = [("annotation", "0010_prompt_groups")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
