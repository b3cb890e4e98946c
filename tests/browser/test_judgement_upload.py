"""A lead uploads ratings made elsewhere, corrects the proposed mapping, and imports them, in a real browser."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from annotation.models import ImportedJudgement, JudgementImport
from operations import jobs
from tests.annotation.factories import make_campaign, make_lead
from tests.annotation.judgements.files import make_judged_clips
from tests.browser.looks import sign_in, violations

TABLE = """clip_id,annotator,visual_quality,smoothness,text_alignment,comment
fox,ann,4,3,5,Good all in all
fox,ben,3,7,4,The tail flickers
sea,ann,2,9,1,Nothing fits
"""


@pytest.mark.django_db(transaction=True)
def test_a_table_is_uploaded_its_mapping_corrected_and_imported(page: Page, live_server: Any, tmp_path: Path) -> None:
    lead = make_lead("lena")
    make_campaign(name="spring", actor=lead)
    make_judged_clips()
    (tmp_path / "ratings.csv").write_text(TABLE)
    sign_in(page.context, lead, live_server.url)

    page.goto("/campaigns/spring/judgements")
    page.get_by_label("File with ratings").set_input_files(tmp_path / "ratings.csv")
    page.get_by_role("button", name="Upload file").click()
    expect(page.get_by_role("heading", name="What the fields mean")).to_be_visible()
    page.get_by_label("Source", exact=False).first.fill("the lab")
    page.get_by_label("Axis of smoothness").select_option("dynamic")
    page.get_by_label("Highest score of smoothness").fill("5")
    page.get_by_role("button", name="Update preview").click()
    expect(page.get_by_text("7, which is outside its scale from 1 to 5")).to_be_visible()
    assert not ImportedJudgement.objects.exists()

    page.get_by_label("Highest score of smoothness").fill("7")
    assert violations(page) == []
    page.get_by_role("button", name="Import ratings").click()
    expect(page.get_by_text("It starts as soon as a worker is free.")).to_be_visible()
    row = JudgementImport.objects.get()
    assert row.job is not None
    jobs.run(row.job.pk)
    page.reload()

    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    expect(page.get_by_role("link", name="Download all refused rows (CSV)")).to_be_visible()
    dynamic = ImportedJudgement.objects.filter(axis="dynamic").order_by("rater")
    assert list(dynamic.values_list("source", "rater", "value", "scale_max")) == [
        ("the lab", "ann", 3, 7),
        ("the lab", "ben", 7, 7),
    ]
