"""`manage.py import_ratings` imports by the proposed mapping or by a file, and prints what was refused."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from annotation.models import ImportedJudgement, JudgementImport
from tests.annotation.judgements.files import make_judged_clips
from tests.support.foreign_ratings import LONG_CSV, WIDE_CSV

pytestmark = pytest.mark.django_db


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "ratings.csv"
    path.write_text(LONG_CSV)
    return path


def run(*words: object) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("import_ratings", *map(str, words), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_a_file_is_imported_by_the_proposed_mapping_and_stays(lead: User, table: Path) -> None:
    make_judged_clips()
    out, err = run(table, "--source", "lab")
    assert out == "4 rows: 3 judgements added, 0 stored already (0 of them with another value), 1 rows refused\n"
    assert err == "refused, row 4: axis is 'physical consistency', which no axis is mapped to.\n"
    assert table.exists()
    assert "3 stored already" in run(table, "--source", "lab")[0]
    assert ImportedJudgement.objects.filter(source="lab").count() == 3


def test_refused_rows_are_grouped_and_all_are_written_to_a_file(lead: User, tmp_path: Path) -> None:
    make_judged_clips()
    header, *lines = LONG_CSV.splitlines()
    table = tmp_path / "ratings.csv"
    table.write_text("\n".join([header, *lines, *[lines[-1]] * 11]))
    refused = tmp_path / "refused.csv"
    _out, err = run(table, "--source", "lab", "--refused", refused)
    assert len(err.splitlines()) <= 3
    assert len(refused.read_text("utf-8-sig").splitlines()) == 1 + 12


def test_the_proposal_is_a_mapping_that_can_be_changed_and_given_back(lead: User, table: Path, tmp_path: Path) -> None:
    mapping = json.loads(run(table, "--source", "lab", "--propose")[0])
    assert not JudgementImport.objects.exists()
    mapping["axes"]["physical consistency"] = {"axis": "dynamic", "scale_min": 1, "scale_max": 4}
    own = tmp_path / "mapping.json"
    own.write_text(json.dumps(mapping))
    assert "4 judgements added" in run(table, "--source", "lab", "--mapping", own)[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--source", ""], "Name the source"),
        (["--source", "lab", "--campaign", "none"], "There is no campaign 'none'"),
        (["--source", "lab", "--as", "nobody"], "no active lead named 'nobody'"),
        (["--source", "lab", "--mapping", "no-such-file"], "cannot be read as a mapping"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    lead: User, table: Path, words: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        run(table, *words)
    assert not JudgementImport.objects.exists()


@pytest.mark.parametrize(
    ("mapping", "message"), [("[]", "one JSON object"), ("{", "cannot be read"), ('{"colour": 1}', "no entry colour")]
)
def test_a_mapping_that_cannot_be_used_is_refused(
    lead: User, table: Path, tmp_path: Path, mapping: str, message: str
) -> None:
    own = tmp_path / "mapping.json"
    own.write_text(mapping)
    with pytest.raises(CommandError, match=message):
        run(table, "--source", "lab", "--mapping", own)
    assert not JudgementImport.objects.exists()


def test_a_file_that_is_no_table_is_refused(lead: User, tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text("")
    with pytest.raises(CommandError, match="has no rows"):
        run(path, "--source", "lab")
    with pytest.raises(CommandError, match="cannot be read"):
        run(tmp_path / "none.csv", "--source", "lab")


def test_a_file_without_scores_needs_a_mapping(lead: User, tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text(WIDE_CSV.replace("visual_quality,temporal_consistency,text_alignment", "a,b,c"))
    with pytest.raises(CommandError, match="No field is mapped to an axis"):
        run(path, "--source", "lab")
