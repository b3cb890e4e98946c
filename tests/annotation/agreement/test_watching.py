"""A worker notices by itself that figures must be computed."""

import pytest
from pytest_django import DjangoAssertNumQueries

from annotation.agreement.stored import COMPUTE_FIGURES, read_figures
from annotation.agreement.watching import FiguresWatch
from annotation.models import AgreementFigures, Campaign, Rating
from operations import jobs
from operations.models import Job
from tests.annotation import factories

pytestmark = pytest.mark.django_db


def run_waiting() -> int:
    """Run the computations that wait, and return how many there were."""
    waiting = list(Job.objects.filter(kind=COMPUTE_FIGURES, state="queued"))
    for job in waiting:
        jobs.run(job.pk)
    AgreementFigures.objects.update(seconds=0)
    return len(waiting)


@pytest.fixture
def two_campaigns() -> tuple[Campaign, Campaign]:
    """Two campaigns with a rating each and current figures."""
    first, second = factories.make_campaign(1, overlap=2), factories.make_campaign(1)
    for campaign in (first, second):
        factories.rate_all(factories.make_user(), campaign)
        read_figures(campaign)
    run_waiting()
    return first, second


def test_changed_figures_are_computed_and_others_are_not(
    two_campaigns: tuple[Campaign, Campaign], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    watch = FiguresWatch()
    watch.look()
    assert run_waiting() == 0
    with django_assert_num_queries(1):
        watch.look()
    factories.rate_all(factories.make_user(), two_campaigns[0])
    watch.look()
    assert run_waiting() == 1
    assert read_figures(two_campaigns[0]).ratings == 2
    watch.look()
    with django_assert_num_queries(1):
        watch.look()


def test_a_new_watch_finds_what_changed_before_it_started(two_campaigns: tuple[Campaign, Campaign]) -> None:
    factories.revise(Rating.objects.get(slot__campaign=two_campaigns[1]), answers=factories.make_answers(5))
    FiguresWatch().look()
    assert run_waiting() == 1


def test_what_had_to_wait_is_computed_later(two_campaigns: tuple[Campaign, Campaign]) -> None:
    watch = FiguresWatch()
    watch.look()
    AgreementFigures.objects.update(seconds=1000)
    factories.rate_all(factories.make_user(), two_campaigns[0])
    watch.look()
    assert run_waiting() == 0
    watch.look()
    assert run_waiting() == 1


def test_figures_that_nobody_asked_for_are_not_computed() -> None:
    watch = FiguresWatch()
    watch.look()
    factories.rate_all(factories.make_user(), factories.make_campaign(1))
    watch.look()
    assert run_waiting() == 0
