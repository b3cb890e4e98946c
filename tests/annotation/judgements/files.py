"""Import files of ratings made elsewhere in tests, without a page."""

from pathlib import Path
from typing import Any

from accounts.models import User
from annotation.judgements.importing import open_import, start_import
from annotation.judgements.running import run_import
from annotation.models import Campaign, Clip, ImportedJudgement, JudgementImport
from tests.annotation.factories import make_clip
from tests.support.foreign_ratings import PROMPTS

FIELDS = ("axis", "rater", "value", "scale_min", "scale_max", "reason")


def make_judged_clips(**fields: Any) -> dict[str, Clip]:
    """Make the clips that the files of tests.support.foreign_ratings judge."""
    return {name: make_clip(name, prompt=prompt, generator="sora", **fields) for name, prompt in PROMPTS.items()}


def import_file(
    lead: User,
    folder: Path,
    content: bytes | str,
    name: str = "ratings.csv",
    *,
    campaign: Campaign | None = None,
    **changes: Any,
) -> JudgementImport:
    """Import a file by the proposed mapping, with these changes, and return the finished import."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    judgement_import = open_import(actor=lead, campaign=campaign, path=path, source="lab")
    mapping = judgement_import.mapping | changes
    running = start_import(actor=lead, judgement_import=judgement_import, mapping=mapping)
    run_import(running)
    running.refresh_from_db()
    return running


def list_judgements(clip: Clip) -> list[tuple[Any, ...]]:
    return list(ImportedJudgement.objects.filter(clip=clip).order_by("axis", "rater", "pk").values_list(*FIELDS))
