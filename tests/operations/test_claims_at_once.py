"""Two workers that claim jobs at the same moment."""

from functools import partial

import pytest

from accounts.models import Role
from operations import jobs
from operations.models import Job, JobState
from tests.annotation.factories import make_user
from tests.support.threads import run_at_once

KIND = "at_once"
ROUNDS = 10


@pytest.mark.django_db(transaction=True)
def test_of_a_kind_that_runs_alone_one_claim_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(jobs._kinds, KIND, jobs.JobKind(lambda _run: None, "short", alone=True))
    actor = make_user("emil", role=Role.ENGINEER)
    for _round in range(ROUNDS):
        pair = [jobs.enqueue(kind=KIND, arguments={}, actor=actor).pk for _job in range(2)]
        claims = run_at_once(*(partial(jobs._claim, pk) for pk in pair))
        assert [type(claim) for claim in sorted(claims, key=bool)] == [type(None), Job]
        Job.objects.update(state=JobState.DONE)
