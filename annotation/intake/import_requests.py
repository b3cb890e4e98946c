"""Request the import of a folder of the server, or of a bucket. Pages and the API call these."""

from pathlib import Path

from django.conf import settings

from accounts.models import Role, User
from annotation.intake.bucket_manifests import prepare_bucket
from annotation.intake.folder_manifests import prepare_manifest
from annotation.intake.server_folders import find_folder, refuse_links_outside
from annotation.intake.uploads import import_folder, open_upload_folder
from annotation.models import Campaign, ClipImport
from annotation.shared.permissions import require_role


def request_server_import(
    *,
    actor: User,
    campaign: Campaign,
    root: int,
    path: str,
    generator: str = "",
    has_preview: bool = True,
    group_column: str = "",
) -> ClipImport:
    """Request the import of a folder below one of the operator's roots.

    Raises UploadRefused, and GeneratorMissing if a video in no folder needs `generator`.
    """
    require_role(actor, Role.LEAD)
    folder, top = find_folder(root, path), Path(settings.IMPORT_ROOTS[root])
    refuse_links_outside(root, folder)
    with open_upload_folder() as work_folder:
        manifest = prepare_manifest(folder, generator=generator, work_folder=work_folder, follow_links=True, root=top)
        source = ClipImport.Source.FOLDER
        return import_folder(
            actor=actor,
            campaign=campaign,
            source=source,
            manifest=manifest,
            root=top,
            has_preview=has_preview,
            group_column=group_column,
        )


def request_bucket_import(
    *,
    actor: User,
    campaign: Campaign,
    address: str,
    generator: str = "",
    has_preview: bool = True,
    group_column: str = "",
) -> ClipImport:
    """Request the import of an address such as `s3://bucket/folder`. Raises as `request_server_import` does."""
    require_role(actor, Role.LEAD)
    with open_upload_folder() as work_folder:
        manifest = prepare_bucket(address, work_folder, generator=generator)
        source = ClipImport.Source.BUCKET
        return import_folder(
            actor=actor,
            campaign=campaign,
            source=source,
            manifest=manifest,
            has_preview=has_preview,
            group_column=group_column,
        )
