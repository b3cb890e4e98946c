"""Files of real clips are measured in the background, once each, and a lead sees the readings under the timeline."""

from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import Role
from annotation.models import Arm, Slot
from annotation.shared.reading_lanes import read_lanes
from modelassist.models import ClipReadings
from modelassist.services import measuring
from modelassist.services.builtin import register_detectors
from operations import jobs
from operations.models import Job, JobState
from qsave.detectors.measure import measure_clip
from qsave.detectors.readings import SERIES, Readings
from qsave.detectors.strip import NAMES, POINTS, make_strip
from qsave.proposal import AxisProposal, Proposal
from qsave.report_card import Evidence
from tests.annotation import factories

pytestmark = pytest.mark.django_db
BLURRED = Proposal(visual=AxisProposal((Evidence("blur"),), note="Measured."))


@pytest.fixture(autouse=True)
def with_detectors(settings: Settings) -> None:
    settings.DEFAULT_CRITIC = "detectors"


def measure_all() -> Job:
    assert measuring.queue_measuring()
    job = jobs.run(Job.objects.get(kind=measuring.MEASURE_CLIPS, state=JobState.QUEUED).pk)
    assert job is not None
    return job


def test_each_file_of_a_real_clip_is_measured_once() -> None:
    clip = factories.make_clip("real", video=factories.SHORT_VIDEO)
    factories.make_clip("toy", video=factories.LONGER_VIDEO, is_simulated=True)
    assert measure_all().result == {"measured": 1}
    strip = ClipReadings.objects.get().strip
    assert ({*strip}, {len(values) for values in strip.values()}) == ({*NAMES}, {POINTS})
    assert strip == make_strip(measure_clip(Path(settings.MEDIA_ROOT) / clip.original))
    assert not measuring.queue_measuring()


def test_a_file_that_cannot_be_measured_stops_nothing_and_is_not_tried_again() -> None:
    factories.make_clip("good", video=factories.SHORT_VIDEO)
    factories.make_clip("lost")
    assert measure_all().result == {"measured": 2}
    assert sorted(bool(one.strip) for one in ClipReadings.objects.all()) == [False, True]
    assert not measuring.queue_measuring()


def test_a_job_that_waits_is_not_queued_twice_and_a_site_without_detectors_measures_nothing(
    settings: Settings,
) -> None:
    factories.make_clip("one", video=factories.SHORT_VIDEO)
    settings.DEFAULT_CRITIC = "none"
    assert not measuring.queue_measuring()
    settings.DEFAULT_CRITIC = "detectors"
    assert measuring.queue_measuring()
    assert not measuring.queue_measuring()


def test_a_lead_sees_the_readings_and_a_clip_without_them_is_as_before() -> None:
    campaign = factories.make_campaign(name="spring")
    item = factories.make_item(campaign, factories.make_clip("one", video=factories.SHORT_VIDEO))
    client = Client()
    client.force_login(factories.make_user(role=Role.LEAD))
    page = reverse("campaign-item", args=["spring", item.pk])
    assert "clip-reading" not in client.get(page).content.decode()
    measure_all()
    shown = client.get(page).content.decode()
    assert shown.count("<polyline") == len(NAMES)
    assert "Brightness over the clip, from" in shown


def test_a_single_odd_frame_is_seen_in_the_strip() -> None:
    frames = 1000
    series = {name: np.zeros(frames, np.float32) for name in SERIES}
    series["local_change"] = series["local_change"].copy()
    series["local_change"][517] = 80
    readings = Readings(width=64, height=48, duration=10.0, times=np.arange(frames) / 100, **series)
    strip = make_strip(readings)
    assert max(strip["change"]) == 80
    assert strip["change"].index(80) == int(5.17 / 10 * POINTS)


def test_a_clip_of_one_frame_has_a_flat_strip() -> None:
    series = {name: np.full(1, 7, np.float32) for name in SERIES}
    strip = make_strip(Readings(width=64, height=48, duration=0.0, times=np.zeros(1), **series))
    assert strip["brightness"] == [7.0] * POINTS


def test_lanes_stay_inside_their_height() -> None:
    ClipReadings.objects.create(sha256="a" * 64, version=1, strip={name: [0.0, 1e9, 3.0] for name in NAMES})
    lanes = read_lanes("a" * 64)
    heights = [float(point.split(",")[1]) for lane in lanes for point in lane.points.split()]
    assert len(lanes) == len(NAMES)
    assert min(heights) >= 0
    assert max(heights) <= 20


@pytest.mark.parametrize(
    ("arm", "critic", "proposal", "is_sent"),
    [
        (Arm.ASSISTED, "detectors", BLURRED, True),
        (Arm.ASSISTED, "ada@1", BLURRED, False),
        (Arm.ASSISTED, "detectors", Proposal(), False),
        (Arm.BLIND, "detectors", BLURRED, False),
    ],
)
def test_a_rater_gets_the_readings_beside_a_draft_of_the_detectors_only(
    arm: Arm, critic: str, proposal: Proposal, is_sent: bool
) -> None:
    detectors = str(register_detectors())
    campaign = factories.make_campaign(name="spring")
    item = factories.make_item(campaign, factories.make_clip("one", video=factories.SHORT_VIDEO), arm=arm)
    factories.store_draft(item.pk, critic=detectors if critic == "detectors" else critic, proposal=proposal)
    measure_all()
    client = Client()
    client.force_login(factories.make_user())
    desk = client.post("/rate/spring/start", headers={"HX-Request": "true"}).content.decode()
    lease = Slot.objects.get(state=Slot.State.LEASED).lease
    answer = client.get(f"/rate/spring/readings?lease={lease}")
    assert answer.status_code == (200 if is_sent else 204)
    if is_sent:
        assert [lane["name"] for lane in answer.json()["lanes"]] == ["Brightness", "Sharpness", "Change", "Shift"]
        assert len(answer.content) < 8000
    assert ("data-readings-url" in desk) == (arm == Arm.ASSISTED and bool(proposal.axes))
    assert client.get("/rate/spring/readings?lease=").status_code == 204
