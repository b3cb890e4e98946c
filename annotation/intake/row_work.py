"""Work through the rows of an import in one process: claim some, store their clips, prepare their files, and repeat."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from annotation.intake.bucket_videos import BucketFolder
from annotation.intake.media_store import open_incoming_folder
from annotation.intake.row_claims import State, claim_rows, name_worker
from annotation.intake.row_preparing import Prepared, finish_rows, prepare_row
from annotation.intake.row_release import release_rows
from annotation.intake.row_storing import store_rows
from annotation.intake.upload_folders import name_owner
from annotation.intake.video_folder import VideoFolder, VideoSource
from annotation.models import ClipImport, ImportRow

CLAIM_SIZE = 8
"""Rows that a worker claims at a time. Their clips are stored in one transaction."""
FLUSH_SECONDS = 1.0
"""A prepared clip waits at most this long, and for the row at work, until it is given out."""
Report = Callable[[], None]


def work_through_rows(clip_import: ClipImport, *, report: Report = lambda: None, worker: str = "") -> None:
    """Work until no row can be claimed. `report` is called after each batch, and may end the work by an exception."""
    worker = worker or name_worker()
    videos = open_videos(clip_import)
    try:
        with open_incoming_folder(name_owner(clip_import.pk)) as work_folder:
            while rows := claim_rows(clip_import, worker, CLAIM_SIZE):
                waiting = [row for row in rows if row.state == State.WORKING]
                store_rows(clip_import, waiting, videos, work_folder)
                prepare_rows(rows, work_folder)
                report()
    finally:
        release_rows(clip_import, [worker])


def prepare_rows(rows: Sequence[ImportRow], work_folder: Path) -> None:
    """Prepare the clips of the stored rows that this worker has."""
    with _flush_in_time() as add:
        for stored in rows:
            if stored.state == State.STORED and stored.worker:
                with TemporaryDirectory(dir=work_folder) as folder:
                    add(prepare_row(stored, Path(folder)))


def open_videos(clip_import: ClipImport) -> VideoSource:
    """Return where the videos of an import are."""
    if clip_import.source == ClipImport.Source.BUCKET:
        return BucketFolder(clip_import.videos, name_owner(clip_import.pk))
    return open_folder(clip_import)[0]


def open_folder(clip_import: ClipImport) -> tuple[VideoFolder, Path]:
    """Return the folder of an import that is on this host, and its path. An operator's own folder is trusted."""
    is_trusted = clip_import.source == ClipImport.Source.FOLDER and bool(clip_import.videos)
    path = Path(clip_import.videos) if clip_import.videos else Path(clip_import.manifest).parent
    root = Path(clip_import.root) if clip_import.root else None
    return VideoFolder(path, _list_names(clip_import), trusted=is_trusted, root=root), path


def _list_names(clip_import: ClipImport) -> Iterator[str]:
    rows = clip_import.rows.exclude(values={}).order_by("number")
    return rows.values_list("values__video", flat=True).iterator()


@contextmanager
def _flush_in_time() -> Iterator[Callable[[Prepared], None]]:
    """Yield a function that collects prepared rows; they are finished together, the last of them after the block."""
    prepared: list[Prepared] = []
    begin = time.monotonic()

    def add(one: Prepared) -> None:
        nonlocal begin
        prepared.append(one)
        if time.monotonic() - begin > FLUSH_SECONDS:
            finish_rows(prepared)
            prepared.clear()
            begin = time.monotonic()

    try:
        yield add
    finally:  # an error of the machine in the next clip costs none of these
        if prepared:
            finish_rows(prepared)
