"""The lines that get a release from this site and load it, for its page."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from datasets.models import Release


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines to copy: `key` names them on the page."""

    key: str
    title: Promise
    help: Promise
    code: str


def list_ways(request: HttpRequest, release: Release) -> list[Lines]:
    """Return the ways to get a frozen release and to load it, with the address that the person used for this site."""
    page = request.build_absolute_uri(reverse("release", args=[release.number]))
    archive = request.build_absolute_uri(reverse("api-release-archive", args=[release.number]))
    folder = release.folder
    return [
        Lines(
            "pull",
            _("Pull the folder"),
            _(
                "Checks every file and resumes after an interruption. Add --split val for one split, --no-media to "
                "leave the clips out, --preset trl for a preset. The token is from your account page."
            ),
            f"export QSAVE_TOKEN=...\npython -m qsave.release pull {page} {folder}",
        ),
        Lines(
            "curl",
            _("Download one archive"),
            _("The same line resumes. Add ?split=val or ?media=false to the address for a part."),
            f'curl -C - -fo {folder}.tar -H "Authorization: Bearer $QSAVE_TOKEN" \\\n  {archive}\ntar -xf {folder}.tar',
        ),
        Lines(
            "load",
            _("Load it with Hugging Face datasets"),
            _("The second line gives the file of a clip: paths are relative to the folder."),
            f'rows = datasets.load_dataset("{folder}", "sft")  # or rl, cooldown\n'
            f'clip = "{folder}/" + rows["train"][0]["media"]["path"]\n'
            f'targets = datasets.load_dataset("parquet", data_files="{folder}/targets.parquet")  # or clips, ratings',
        ),
        Lines(
            "read",
            _("Read it with this project"),
            _("Rows as dataclasses, and the path of each clip; or frames as tensors, decoded once for all runs."),
            f'reader = ReleaseReader(Path("{folder}"))  # from qsave.release.reader\n'
            'paths = [reader.media_path(row) for row in reader.rows("sft", "train")]\n'
            f'items = load_release(Path("{folder}"), "sft", "train")  # from modelassist.engine.inputs.dataset',
        ),
    ]
