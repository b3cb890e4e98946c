"""Simulated raters use the same services as people, are stored as simulated, and use drafts as people may."""

import json
from collections import Counter
from pathlib import Path

import pytest

from accounts.models import User
from annotation.campaigns.campaigns import create_campaign, set_state
from annotation.intake.clips import import_manifest
from annotation.intake.manifests import Row
from annotation.intake.prompt_groups import find_group, group_prompts
from annotation.models import Arm, AxisAnswer, Campaign, Clip, Exposure, Rating
from annotation.rating.drafts import record_draft, set_active_critic
from modelassist.services import simulation
from modelassist.services.loop import NEW_CLIPS
from modelassist.toy.world import make_spec
from qsave.axes import AXES, Axis
from qsave.groups import SPLIT_SHARES
from qsave.proposal import Proposal
from qsave.report_card import AxisReport, Evidence, ReportCard

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulation.render_manifest(tmp_path_factory.mktemp("toy"), seed=3, indices=range(6))


@pytest.fixture
def campaign(engineer: User, manifest: Path) -> Campaign:
    campaign = create_campaign(
        actor=engineer, name="toy", title="Toy", overlap=2, assisted_share=1.0, is_simulated=True
    )
    set_state(actor=engineer, campaign=campaign, state=Campaign.State.OPEN)
    report = import_manifest(actor=engineer, campaign=campaign, manifest=manifest, simulated=True)
    assert (report.added, report.problems) == (6, [])
    return campaign


def test_clips_and_ratings_are_stored_as_simulated(engineer: User, campaign: Campaign) -> None:
    people = simulation.make_people(actor=engineer, count=3)
    assert simulation.count_free_slots(campaign) == 12
    assert simulation.rate(campaign=campaign, people=people, limit=99) == 12
    assert simulation.count_free_slots(campaign) == 0
    assert set(Clip.objects.values_list("is_simulated", flat=True)) == {True}
    assert set(Rating.objects.values_list("is_simulated", flat=True)) == {True}
    assert not any(person.user.has_usable_password() for person in people)


@pytest.mark.parametrize("first", [72, 108, 600])
def test_toy_prompts_fill_every_split_and_bridge_none_over_three_imports(first: int) -> None:
    start, rows = 0, []
    for count in (first, NEW_CLIPS, NEW_CLIPS):
        specs = [make_spec(0, index) for index in range(start, start + count)]
        rows += [Row(video="", prompt=spec.prompt, generator=spec.generator) for spec in specs]
        group_prompts(rows, seed=0)
        start += count

    assert not any(find_group(row)[1] for row in rows)
    groups = {find_group(row)[0] for row in rows}
    assert len(groups) == len({row.prompt for row in rows})
    counts = Counter(group.split for group in groups)
    assert all(abs(counts[split] - share * len(groups)) <= 1 for split, share in SPLIT_SHARES.items())


def test_captions_leave_out_what_the_critic_is_measured_on(tmp_path: Path) -> None:
    whole = simulation.render_captions(tmp_path / "whole", seed=4, count=12)
    lines = [json.loads(line) for line in whole.read_text().splitlines()]
    shown = {line["prompt"] for line in lines[:3]}
    kept = simulation.render_captions(tmp_path / "kept", seed=4, count=12, held_out=shown).read_text().splitlines()
    assert 0 < len(kept) <= 9
    for line in map(json.loads, kept):
        assert line in lines
        assert line["prompt"] not in shown
        assert not any(f"{prompt}." in line["text"] for prompt in shown)
        assert (tmp_path / "kept" / line["video"]).is_file()
    assert len(list((tmp_path / "kept").glob("*.mp4"))) == len(kept)


def test_the_same_people_are_taken_again(engineer: User) -> None:
    first = simulation.make_people(actor=engineer, count=2)
    assert [person.user for person in simulation.make_people(actor=engineer, count=2)] == [p.user for p in first]


def test_no_more_ratings_are_made_than_asked_for(engineer: User, campaign: Campaign) -> None:
    people = simulation.make_people(actor=engineer, count=3)
    assert simulation.rate(campaign=campaign, people=people, limit=5) == 5
    assert Rating.objects.count() == 5


def test_drafts_that_say_what_the_rater_saw_are_confirmed_and_others_give_way(
    engineer: User, campaign: Campaign
) -> None:
    (person,) = simulation.make_people(actor=engineer, count=1)
    items = {item.clip.clip_id: item for item in campaign.items.select_related("clip__prompt_group")}
    for clip_id, item in items.items():
        if item.clip.prompt_group.split == "train":
            spec = simulation.find_spec(clip_id)
            seen = person.rater.rate(spec, person.rater.make_rng(spec))
            told = {axis.value: seen.axis(axis) for axis in AXES}
            told["dynamic"] = AxisReport(1, (Evidence("unnatural-gait"),), "The gait is not that of a living thing.")
            proposal = Proposal.from_card(ReportCard(**told))
            record_draft(item_id=item.pk, critic="ada@1", proposal=proposal, text="", latency_ms=1)
    set_active_critic(campaign, "ada@1")
    simulation.rate(campaign=campaign, people=[person], limit=99)
    assisted = Rating.objects.filter(arm=Arm.ASSISTED)
    assert assisted.exists()
    assert set(assisted.values_list("exposure", flat=True)) == {Exposure.FROM_START}
    uses = AxisAnswer.objects.filter(revision__rating__in=assisted)
    assert set(uses.filter(axis=Axis.DYNAMIC).values_list("draft_use", flat=True)) == {"edited"}
    confirmed = uses.filter(axis=Axis.VISUAL)
    assert set(confirmed.values_list("draft_use", flat=True)) == {"confirmed"}
    assert set(confirmed.values_list("draft_edit_distance", flat=True)) == {0}
    assert simulation.count_draft_uses(campaign).keys() >= {"confirmed", "edited"}


def test_a_clip_of_another_world_has_no_known_truth() -> None:
    with pytest.raises(ValueError, match="not a toy clip"):
        simulation.find_spec("wan22-1-2")
