"""A lead uploads a file, checks the proposed mapping beside a preview, imports it, and can delete what came of it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from annotation.judgements import importing
from annotation.models import Campaign, ImportedJudgement, JudgementImport
from operations import jobs
from tests.annotation.api.scripts import make_script
from tests.annotation.factories import make_campaign
from tests.annotation.judgements.files import import_file, make_judged_clips
from tests.support.foreign_ratings import LONG_CSV, WIDE_CSV, encode, make_label_studio_export
from tests.support.markup import collapse_space

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(lead: User, settings: "Settings", tmp_path: Path) -> Campaign:
    settings.VAR_DIR = tmp_path
    return make_campaign(actor=lead, name="spring")


def upload(client: Client, content: str | bytes, name: str = "ratings.csv") -> Any:
    content = content.encode() if isinstance(content, str) else content
    return client.post("/campaigns/spring/judgements", {"file": SimpleUploadedFile(name, content)})


def read_form(client: Client, address: str) -> dict[str, str]:
    """Return what a browser would send of the mapping as the page shows it."""
    page = client.get(address)
    return {bound.html_name: bound.value() or "" for bound in page.context["form"]}


def test_an_upload_is_previewed_and_stores_nothing_before_it_is_confirmed(as_lead: Client, campaign: Campaign) -> None:
    make_judged_clips()
    answer = upload(as_lead, WIDE_CSV)
    page = collapse_space(as_lead.get(answer.url).content.decode())
    assert '<dt>Rows about a clip of this site</dt><dd class="number">3</dd>' in page
    assert '<dt class="axis-name">dynamic</dt><dd>2</dd>' in page
    assert "Sharp fur and clean edges" in page
    assert not ImportedJudgement.objects.exists()


def test_a_confirmed_mapping_is_imported_by_a_job(as_lead: Client, campaign: Campaign, tmp_path: Path) -> None:
    make_judged_clips()
    address = upload(as_lead, WIDE_CSV).url
    as_lead.post(address, read_form(as_lead, address) | {"act": "import", "source": "the lab"})
    row = JudgementImport.objects.get()
    assert row.job is not None
    assert "It starts as soon as a worker is free." in as_lead.get(address).content.decode()
    jobs.run(row.job.pk)
    page = collapse_space(as_lead.get(address).content.decode())
    assert '<dt>New judgements</dt><dd class="number">8</dd>' in page
    assert set(ImportedJudgement.objects.values_list("source", flat=True)) == {"the lab"}
    assert not any((tmp_path / "judgements").iterdir())


def test_all_refused_rows_are_a_file_and_a_list_of_the_api(
    as_lead: Client, lead: User, campaign: Campaign, tmp_path: Path
) -> None:
    make_judged_clips()
    rows = "clip_id,visual\nfox,4\nsea,=9\n"
    row = import_file(lead, tmp_path, rows, campaign=campaign, axes={"visual": {"axis": "visual"}})
    address = f"/campaigns/{campaign.name}/judgements/{row.pk}"
    assert f"{address}/refused.csv" in as_lead.get(address).content.decode()
    answer = as_lead.get(f"{address}/refused.csv")
    content = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    assert content.splitlines()[0] == "row,reason"
    assert content.splitlines()[1].startswith("2,")
    listed = make_script(lead).get(f"/api/judgement-imports/{row.pk}/refused").json()["results"]
    assert [one["number"] for one in listed] == [2]


def test_a_changed_mapping_changes_the_preview(as_lead: Client, campaign: Campaign) -> None:
    make_judged_clips()
    address = upload(as_lead, LONG_CSV).url
    form = read_form(as_lead, address)
    words = re.findall(r'id="field-\d"><bdi>(.*?)</bdi>', as_lead.get(address).content.decode())
    changed = form | {f"axis-{words.index('physical consistency')}": "dynamic", "act": "preview"}
    assert as_lead.post(address, changed).status_code == 302
    preview = as_lead.get(address).context["preview"]
    assert (preview.refused, preview.judgements["dynamic"]) == (0, 2)


def test_labels_lead_to_the_defects_of_the_campaign(as_lead: Client, campaign: Campaign) -> None:
    make_judged_clips()
    address = upload(as_lead, encode(make_label_studio_export()), "export.json").url
    page = as_lead.get(address)
    rows = {row.label: row.defect for row in page.context["form"].list_labels()}
    assert {label: field.value() for label, field in rows.items()} == {
        "Flicker": "flicker",
        "blur": "blur",
        "Odd colours": "",
    }
    sent = read_form(as_lead, address) | {rows["Odd colours"].html_name: "colour-cast", "act": "preview"}
    as_lead.post(address, sent)
    assert JudgementImport.objects.get().mapping["defects"]["Odd colours"] == "colour-cast"
    assert "colour-cast" in as_lead.get(address).content.decode()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": ""}, "This field is required."),
        ({"scale_min-0": "5", "scale_max-0": "1"}, "the scale must end above its beginning"),
        ({"scale_min-0": "low"}, "Enter a number."),
        ({"axis-0": "", "axis-1": "", "axis-2": ""}, "No field is mapped to an axis."),
        ({"clip-clip_id": ""}, "No field says which clip a row is about."),
        ({"axis-0": "beauty"}, "Select a valid choice."),
        ({"scale_min-0": "nan"}, "Enter a number."),
    ],
)
def test_a_mapping_that_cannot_be_used_is_shown_again_with_the_reason(
    as_lead: Client, campaign: Campaign, change: dict[str, str], message: str
) -> None:
    address = upload(as_lead, WIDE_CSV).url
    answer = as_lead.post(address, read_form(as_lead, address) | change | {"act": "import"})
    assert message in answer.content.decode()
    assert JudgementImport.objects.get().state == "previewed"


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("", "a.csv", "Choose a file that has rows."),
        ("no table", "a.pdf", "its name must end in"),
        ("{", "a.json", "cannot be read as JSON"),
        (b"\x00\x01\x02", "a.parquet", "cannot be read as Parquet"),
        ("x" * 10, "a.zip", "its name must end in"),
    ],
)
def test_a_file_that_is_no_table_is_refused_and_leaves_nothing(
    as_lead: Client, campaign: Campaign, tmp_path: Path, content: str | bytes, name: str, message: str
) -> None:
    assert message in upload(as_lead, content, name).content.decode()
    assert not JudgementImport.objects.exists()
    folder = tmp_path / "judgements"
    assert not folder.exists() or not any(folder.iterdir())


def test_a_file_that_is_too_large_is_refused(
    as_lead: Client, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MAX_BYTES", 10)
    assert "larger than 0 MB" in upload(as_lead, WIDE_CSV).content.decode()


def test_scripts_in_a_file_are_shown_as_text(as_lead: Client, campaign: Campaign) -> None:
    bad = "<script>alert(1)</script>"
    address = upload(as_lead, f"clip_id,visual,rater,comment\n{bad},4,{bad},{bad}\n", f"{bad}.csv").url
    assert bad not in as_lead.get(address).content.decode()
    assert bad not in as_lead.get("/campaigns/spring/judgements").content.decode()


def test_a_file_without_scores_says_so(as_lead: Client, campaign: Campaign) -> None:
    address = upload(as_lead, "clip_id,comment\nfox,Fine\n").url
    page = as_lead.get(address).content.decode()
    assert "No field of this file holds scores." in page


def test_a_waiting_file_that_is_lost_is_said_and_can_be_discarded(as_lead: Client, campaign: Campaign) -> None:
    address = upload(as_lead, WIDE_CSV).url
    Path(JudgementImport.objects.get().file).unlink()
    assert "Discard the file and upload it again." in as_lead.get(address).content.decode()
    assert as_lead.post(f"{address}/delete").status_code == 302
    assert not JudgementImport.objects.exists()


def test_an_import_is_deleted_with_its_judgements(
    as_lead: Client,
    campaign: Campaign,
    lead: User,
    tmp_path: Path,
) -> None:
    make_judged_clips()
    row = import_file(lead, tmp_path, WIDE_CSV, campaign=campaign)
    page = as_lead.post(f"/campaigns/spring/judgements/{row.pk}/delete", follow=True).content.decode()
    assert "8 judgements deleted." in page
    assert not ImportedJudgement.objects.exists()


def test_videos_that_came_in_later_are_matched(as_lead: Client, campaign: Campaign, lead: User, tmp_path: Path) -> None:
    import_file(lead, tmp_path, WIDE_CSV, campaign=campaign)
    assert (
        "2 videos that were judged are not on this site."
        in as_lead.get("/campaigns/spring/judgements").content.decode()
    )
    answer = as_lead.post("/campaigns/spring/judgements/match", follow=True)
    assert "None of these clips has come in yet." in answer.content.decode()
    make_judged_clips()
    answer = as_lead.post("/campaigns/spring/judgements/match", follow=True)
    assert "2 clips got their judgements." in answer.content.decode()
    assert "Match clips" not in answer.content.decode()


def test_a_damaged_file_fails_the_import_with_the_reason(as_lead: Client, campaign: Campaign) -> None:
    address = upload(as_lead, WIDE_CSV).url
    as_lead.post(address, read_form(as_lead, address) | {"act": "import"})
    row = JudgementImport.objects.get()
    Path(row.file).unlink()
    assert row.job is not None
    jobs.run(row.job.pk)
    assert "cannot be read" in as_lead.get(address).content.decode()
    assert JudgementImport.objects.get().state == "failed"


def test_an_import_whose_job_ended_otherwise_can_be_deleted(as_lead: Client, campaign: Campaign, lead: User) -> None:
    address = upload(as_lead, WIDE_CSV).url
    as_lead.post(address, read_form(as_lead, address) | {"act": "import"})
    row = JudgementImport.objects.get()
    assert row.job is not None
    assert "Delete judgements" not in as_lead.get(address).content.decode()
    jobs.cancel(job=row.job, actor=lead)
    assert "Delete judgements" in as_lead.get(address).content.decode()


def test_an_import_starts_once(as_lead: Client, campaign: Campaign) -> None:
    address = upload(as_lead, WIDE_CSV).url
    form = read_form(as_lead, address) | {"act": "import"}
    as_lead.post(address, form)
    as_lead.post(address, form)
    assert JudgementImport.objects.get().job is not None
    assert not JudgementImport.objects.exclude(state="running").exists()


def test_an_import_of_another_campaign_does_not_exist_here(
    as_lead: Client, campaign: Campaign, lead: User, tmp_path: Path
) -> None:
    other = make_campaign(actor=lead, name="autumn")
    row = import_file(lead, tmp_path, WIDE_CSV, campaign=other)
    for path in (f"{row.pk}", f"{row.pk}/delete"):
        assert as_lead.post(f"/campaigns/spring/judgements/{path}").status_code == 404


def test_a_file_that_nobody_confirms_goes_after_a_month(as_lead: Client, campaign: Campaign, tmp_path: Path) -> None:
    upload(as_lead, WIDE_CSV)
    old = JudgementImport.objects.get()
    JudgementImport.objects.update(created_at=old.created_at - importing.LONGEST_WAIT)
    upload(as_lead, LONG_CSV)
    assert JudgementImport.objects.get().pk != old.pk
    assert len(list((tmp_path / "judgements").iterdir())) == 1
