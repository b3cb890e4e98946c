"""Figures are computed by a job, stored, and read without computing anything."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.audit import record
from accounts.models import AuditEntry
from annotation.agreement import change_marks, reviews, stored
from annotation.agreement.figures import compute_agreement
from annotation.agreement.sections import SECTIONS
from annotation.agreement.stored import FiguresMissing, FiguresState, read_figures
from annotation.models import AgreementFigures, AgreementSection, Campaign, Rating
from operations import jobs
from operations.models import Job
from qsave.axes import AXES
from tests.annotation import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def campaign_key(module_db: None) -> int:
    """Six clips, each with two ratings, and their stored figures."""
    campaign = factories.make_campaign(6, overlap=2, assisted_share=0)
    for number in range(2):
        factories.rate_all(factories.make_user(), campaign, 3 + number)
    read_figures(campaign)
    jobs.run(Job.objects.get(kind=stored.COMPUTE_FIGURES).pk)
    return campaign.pk


@pytest.fixture
def campaign(campaign_key: int) -> Campaign:
    return Campaign.objects.get(pk=campaign_key)


def run_job(campaign: Campaign) -> None:
    row = AgreementFigures.objects.get(campaign=campaign)
    assert row.job is not None
    jobs.run(row.job.pk)


def test_stored_figures_are_those_that_were_computed(campaign: Campaign) -> None:
    computed, figures = compute_agreement(campaign), read_figures(campaign)
    for section in SECTIONS:
        assert figures.read(section) == section.compute(computed), section.name
    assert (figures.ratings, figures.overview.clips, figures.raters) == (12, 6, computed.raters)
    assert [one.axis for one in figures.axes] == list(AXES)


def test_reading_current_figures_costs_five_queries_and_one_for_each_section(
    campaign: Campaign, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(5):
        figures = read_figures(campaign)
    assert (figures.state, figures.is_settled) == (FiguresState.CURRENT, True)
    with django_assert_num_queries(1):
        assert figures.axes[0].blind.basis.ratings == 12
    with django_assert_num_queries(0):
        assert figures.axes


def test_a_campaign_without_figures_queues_one_job_and_says_so() -> None:
    campaign = factories.make_campaign(1)
    for figures in (read_figures(campaign), read_figures(campaign)):
        assert (figures.state, figures.exists, figures.is_settled) == (FiguresState.NONE, False, False)
        with pytest.raises(FiguresMissing, match="no figures 'axes' yet"):
            _ = figures.axes
    assert Job.objects.filter(kind=stored.COMPUTE_FIGURES, arguments={"campaign": campaign.pk}).count() == 1
    run_job(campaign)
    assert read_figures(campaign).state == FiguresState.CURRENT
    assert read_figures(campaign).raters == ()


def test_every_kind_of_change_is_noticed_and_computed_by_the_same_job(campaign: Campaign) -> None:
    rating = Rating.objects.filter(item__campaign=campaign).earliest("pk")
    changes: dict[str, Callable[[], object]] = {
        "an edit": lambda: factories.revise(rating, answers=factories.make_answers(5)),
        "a screened rater": lambda: reviews.screen(
            actor=factories.make_lead(), campaign=campaign, rater=rating.rater, verdict="screened", reason="gone astray"
        ),
        "a draft": lambda: factories.store_draft(rating.item_id),
    }
    AgreementFigures.objects.update(seconds=0)
    for name, change in changes.items():
        before = read_figures(campaign)
        assert before.state == FiguresState.CURRENT, name
        change()
        older = read_figures(campaign)
        assert (older.state, older.computed_at, older.ratings) == ("computing", before.computed_at, before.ratings)
        run_job(campaign)
        AgreementFigures.objects.update(seconds=0)
    assert read_figures(campaign).ratings == 6
    assert Job.objects.filter(kind=stored.COMPUTE_FIGURES).count() == 1
    assert AuditEntry.objects.filter(action="job.queued", data__kind=stored.COMPUTE_FIGURES).count() == 1


def test_figures_of_the_same_inputs_are_not_computed_again(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    """The audit trail grew, but nothing that a figure rests on changed."""
    lead = factories.make_lead()
    record(actor=lead, action="campaign.guidelines", target=campaign)
    before = read_figures(campaign)
    monkeypatch.setattr(stored, "compute_from", lambda inputs: 1 / 0)
    assert before.computed_at is not None
    assert stored.compute_figures(campaign) is False
    after = read_figures(campaign)
    assert (before.state, after.state) == ("computing", "current")
    assert after.computed_at is not None
    assert after.computed_at > before.computed_at


def test_what_happens_elsewhere_changes_nothing(campaign: Campaign) -> None:
    factories.rate_all(factories.make_user(), factories.make_campaign(1))
    assert read_figures(campaign).state == FiguresState.CURRENT


def test_a_row_that_becomes_visible_after_newer_ones_is_noticed(campaign: Campaign) -> None:
    """So it is on PostgreSQL if two are stored at once and the one with the lower key is committed last."""
    entry = AuditEntry.objects.filter(campaign=campaign.name).earliest("pk")
    AuditEntry.objects.filter(pk=entry.pk).delete()
    AgreementFigures.objects.update(marks=change_marks.take_marks(campaign))
    assert read_figures(campaign).state == FiguresState.CURRENT
    entry.save(force_insert=True)
    assert read_figures(campaign).state == FiguresState.COMPUTING


def test_after_a_long_computation_the_next_one_waits(campaign: Campaign) -> None:
    AgreementFigures.objects.update(seconds=100, marks={})
    assert read_figures(campaign).state == FiguresState.COMPUTING
    assert not Job.objects.filter(state="queued", kind=stored.COMPUTE_FIGURES).exists()
    Job.objects.update(finished_at=timezone.now() - timedelta(seconds=100 * stored.REST_FACTOR))
    read_figures(campaign)
    assert Job.objects.filter(state="queued", kind=stored.COMPUTE_FIGURES).exists()


def test_a_failed_computation_is_told_and_repeated_later(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    AgreementFigures.objects.update(seconds=0, marks={})
    read_figures(campaign)
    monkeypatch.setattr(stored, "read_inputs", lambda campaign: 1 / 0)
    run_job(campaign)
    failed = read_figures(campaign)
    assert (failed.state, failed.exists, failed.error) == ("failed", True, "ZeroDivisionError: division by zero")
    assert not Job.objects.filter(state="queued", kind=stored.COMPUTE_FIGURES).exists()
    Job.objects.update(finished_at=timezone.now() - timedelta(seconds=stored.SECONDS_AFTER_FAILURE))
    assert read_figures(campaign).state == FiguresState.COMPUTING


def test_figures_of_another_version_are_not_shown(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    AgreementSection.objects.create(campaign=campaign, name="dropped", content=[])
    AgreementFigures.objects.update(version="0", seconds=0)
    assert read_figures(campaign).state == FiguresState.NONE
    run_job(campaign)
    assert read_figures(campaign).state == FiguresState.CURRENT
    assert set(AgreementSection.objects.values_list("name", flat=True)) == {section.name for section in SECTIONS}


def test_marks_move_past_many_rows_of_others(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_marks, "MOST_PASSED", 0)
    before = AgreementFigures.objects.get(campaign=campaign).marks
    factories.rate_all(factories.make_user(), factories.make_campaign(1))
    assert read_figures(campaign).state == FiguresState.CURRENT
    after = AgreementFigures.objects.get(campaign=campaign).marks
    assert after["revisions"][0] > before["revisions"][0]  # PostgreSQL leaves keys out
    assert read_figures(campaign).state == FiguresState.CURRENT
