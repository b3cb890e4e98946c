"""The active critic drafts once, for the next items only; unusable answers are counted and not stored as drafts."""

from pathlib import Path

import pytest

from accounts.models import User
from annotation.campaigns.campaigns import add_clips, create_campaign, set_state
from annotation.models import FILE_FIELDS, Arm, Campaign, ClipVersion, Draft, Item, Slot, Split
from annotation.rating.drafts import DraftRefused, record_draft
from modelassist.kinds.base import ClipAnswer, ClipQuestion
from modelassist.models import Activation, Critic, DraftingStop, FailedDraft
from modelassist.reads.critics import list_critics, read_critic_line, read_drafting_status
from modelassist.services import drafting
from modelassist.services.critics import activate, register_critic
from modelassist.toy.raters import make_rater
from modelassist.toy.world import make_spec
from operations import jobs
from operations.models import Job, JobState
from qsave import scratch
from qsave.axes import AXES
from qsave.grammar import render
from qsave.proposal import Proposal
from qsave.report_card import AxisReport, ReportCard
from tests.annotation.factories import SHORT_VIDEO, make_clip
from tests.modelassist.fake_critics import Answering

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_process")]

CARD = ReportCard(*[AxisReport(3, (), "A reason of enough letters to count.")] * 3)


@pytest.fixture
def campaign(engineer: User) -> Campaign:
    """Two train clips with assisted slots only, one clip of val and one of test."""
    campaign = create_campaign(actor=engineer, name="spring", title="Spring", overlap=1, assisted_share=1.0)
    clips = [make_clip(name, video=SHORT_VIDEO) for name in ("one", "two")]
    clips += [
        make_clip(split.value, split=split, prompt=f"a {split} square", video=SHORT_VIDEO)
        for split in (Split.VAL, Split.TEST)
    ]
    add_clips(actor=engineer, campaign=campaign, clips=clips)
    return set_state(actor=engineer, campaign=campaign, state=Campaign.State.OPEN)


@pytest.fixture
def critic(engineer: User, tiny_model: Path) -> Critic:
    """A critic that knows nothing: what it generates is no report card."""
    return register_critic(actor=engineer, name="ada", model=str(tiny_model))


def do_next_job() -> Job:
    job = jobs.run(Job.objects.filter(kind=drafting.KIND, state=JobState.QUEUED).earliest("created_at").pk)
    assert job is not None
    return job


def test_what_does_not_parse_is_counted_shown_and_never_a_draft(
    engineer: User, campaign: Campaign, critic: Critic
) -> None:
    activate(actor=engineer, critic=critic, campaign=campaign)
    job = do_next_job()
    assert (job.state, job.error) == (JobState.DONE, "")
    assert job.result == {"critic": "ada@1", "drafted": 0, "failed": 2, "more": False, "paused": ""}
    assert not Draft.objects.exists()
    assert {failed.item.clip.clip_id for failed in FailedDraft.objects.all()} == {"one", "two"}
    assert all(failed.error for failed in FailedDraft.objects.all())
    assert (read_critic_line(critic).drafts, read_critic_line(critic).failed) == (0, 2)
    assert read_critic_line(critic).unusable_share == 1.0
    assert [line.failed for line in list_critics()] == [2]


def test_a_critic_does_not_try_again_where_it_failed(engineer: User, campaign: Campaign, critic: Critic) -> None:
    activate(actor=engineer, critic=critic, campaign=campaign)
    do_next_job()
    assert drafting.queue_missing_drafts() == 0
    assert not read_drafting_status(campaign).waiting


def test_a_critic_tries_again_where_the_file_was_replaced_and_once_only(
    engineer: User, campaign: Campaign, critic: Critic
) -> None:
    activation = activate(actor=engineer, critic=critic, campaign=campaign)
    item = campaign.items.select_related("clip").earliest("pk")
    drafting._record(activation, item, ClipAnswer(error="No report card."), 1)
    assert item not in drafting.select_next_items(activation, limit=9)
    files = {name: getattr(item.clip, name) for name in FILE_FIELDS}
    ClipVersion.objects.create(clip=item.clip, number=1, replaced_by=engineer, reason="Blurred.", **files)
    assert item in drafting.select_next_items(activation, limit=9)
    drafting._record(activation, item, ClipAnswer(error="No report card."), 1)
    assert item not in drafting.select_next_items(activation, limit=9)
    assert FailedDraft.objects.count() == 1


def test_another_critic_may_try_where_one_failed(
    engineer: User, campaign: Campaign, critic: Critic, tiny_model: Path
) -> None:
    FailedDraft.objects.create(critic=critic, item=campaign.items.earliest("pk"), error="no report card")
    other = register_critic(actor=engineer, name="bob", model=str(tiny_model))
    activation = Activation(campaign=campaign, critic=other)
    assert {item.clip.clip_id for item in drafting.select_next_items(activation, limit=9)} == {"one", "two"}


def test_val_and_test_items_are_never_offered_and_refused(campaign: Campaign, critic: Critic) -> None:
    offered = drafting.select_next_items(Activation(campaign=campaign, critic=critic), limit=9)
    assert {item.clip.prompt_group.split for item in offered} == {Split.TRAIN}
    for item in Item.objects.exclude(clip__prompt_group__split=Split.TRAIN):
        with pytest.raises(DraftRefused):
            record_draft(item_id=item.pk, critic=str(critic), proposal=Proposal.from_card(CARD), text="", latency_ms=1)


def test_items_without_an_open_assisted_slot_get_no_draft(campaign: Campaign, critic: Critic) -> None:
    Slot.objects.filter(item__clip__clip_id="one").update(arm=Arm.BLIND)
    offered = drafting.select_next_items(Activation(campaign=campaign, critic=critic), limit=9)
    assert [item.clip.clip_id for item in offered] == ["two"]


def test_topping_up_asks_once_until_the_job_is_done(engineer: User, campaign: Campaign, critic: Critic) -> None:
    Activation.objects.create(campaign=campaign, critic=critic, activated_by=engineer)
    assert [drafting.queue_missing_drafts(), drafting.queue_missing_drafts()] == [1, 0]
    do_next_job()
    add_clips(actor=engineer, campaign=campaign, clips=[make_clip("three", video=SHORT_VIDEO)])
    assert drafting.queue_missing_drafts() == 1


@pytest.mark.parametrize(("state", "jobs"), list(zip(Campaign.State, [1, 1, 0, 0, 0], strict=True)))
def test_a_campaign_is_topped_up_in_preparation_and_while_it_is_open(
    engineer: User, campaign: Campaign, critic: Critic, state: str, jobs: int
) -> None:
    Activation.objects.create(campaign=campaign, critic=critic, activated_by=engineer)
    Campaign.objects.filter(pk=campaign.pk).update(state=state)
    assert drafting.queue_missing_drafts() == jobs


def test_a_critic_deactivated_meanwhile_drafts_nothing(engineer: User, campaign: Campaign, critic: Critic) -> None:
    activate(actor=engineer, critic=critic, campaign=campaign)
    Activation.objects.all().delete()
    assert do_next_job().result == {"critic": "", "drafted": 0, "failed": 0, "more": False, "paused": ""}


def test_a_clip_that_cannot_be_read_costs_its_own_draft_only(
    engineer: User, campaign: Campaign, critic: Critic, settings: object
) -> None:
    clip = campaign.items.get(clip__clip_id="one").clip
    (Path(settings.MEDIA_ROOT) / clip.original).write_bytes(b"no video")  # type: ignore[attr-defined]
    activate(actor=engineer, critic=critic, campaign=campaign)
    job = do_next_job()
    assert job.state == JobState.DONE
    assert FailedDraft.objects.get(item__clip=clip).error.startswith("The file is not a video")
    assert FailedDraft.objects.count() == 2


def test_a_full_round_is_cut_into_jobs(
    engineer: User, campaign: Campaign, critic: Critic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafting, "ITEMS_A_JOB", 1)
    activate(actor=engineer, critic=critic, campaign=campaign)
    assert do_next_job().result["more"] is True
    assert do_next_job().result["more"] is False
    assert FailedDraft.objects.count() == 2


def test_a_slow_job_ends_after_a_batch_and_queues_the_next(
    monkeypatch: pytest.MonkeyPatch, engineer: User, campaign: Campaign, critic: Critic
) -> None:
    monkeypatch.setattr(drafting, "BATCH", 1)
    monkeypatch.setattr(drafting, "SECONDS_A_JOB", 0)
    activate(actor=engineer, critic=critic, campaign=campaign)
    result = do_next_job().result
    assert (result["failed"], result["more"]) == (1, True)
    assert Job.objects.filter(kind=drafting.KIND, state=JobState.QUEUED).count() == 1


@pytest.mark.parametrize("spoil", ["tag", "codec", "cut"])
def test_a_clip_that_went_bad_is_a_failed_draft_and_is_not_tried_again(
    engineer: User, campaign: Campaign, critic: Critic, settings: object, spoil: str
) -> None:
    clip = campaign.items.get(clip__clip_id="one").clip
    path = Path(settings.MEDIA_ROOT) / clip.original  # type: ignore[attr-defined]
    content = path.read_bytes()
    start = content.index(b"stsd")
    changed = {
        "tag": content.replace(b"VideoHandler", b"Vid\xe9oHandle\0"),
        "codec": content[:start] + content[start:].replace(b"avc1", b"zzz1"),
        "cut": content[:500],
    }
    path.write_bytes(changed[spoil])
    activate(actor=engineer, critic=critic, campaign=campaign)

    assert do_next_job().state == JobState.DONE

    error = FailedDraft.objects.get(item__clip=clip).error
    reason = {"tag": "the output", "codec": "There is no decoder", "cut": "The file is corrupt or cut off"}[spoil]
    assert error.startswith(reason)  # the tag goes in: what then fails is the tiny critic
    assert FailedDraft.objects.count() == 2
    assert drafting.queue_missing_drafts() == 0


@pytest.mark.parametrize("text", ["nul \x00 inside", "half \ud800 a pair", "long " * 10_000])
def test_what_no_database_stores_of_one_draft_costs_no_other(
    engineer: User, campaign: Campaign, critic: Critic, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    class Babbler:
        def propose(self, questions: list[ClipQuestion]) -> list[ClipAnswer]:
            return [ClipAnswer(text=text, error=text) for _ in questions]

    monkeypatch.setattr(drafting, "make_proposer", lambda *_, **__: Babbler())
    activate(actor=engineer, critic=critic, campaign=campaign)

    assert do_next_job().state == JobState.DONE
    assert FailedDraft.objects.count() == 2


def test_a_draft_that_cannot_be_stored_is_a_failed_draft(
    engineer: User, campaign: Campaign, critic: Critic, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = record_draft

    def fails_for_first(*, item_id: int, **values: object) -> Draft:
        if item_id == campaign.items.earliest("pk").pk:
            raise ValueError("A card of another shape")
        return real(item_id=item_id, **values)  # type: ignore[arg-type]

    class Fluent:
        def propose(self, questions: list[ClipQuestion]) -> list[ClipAnswer]:
            return [ClipAnswer(Proposal.from_card(CARD)) for _ in questions]

    monkeypatch.setattr(drafting, "make_proposer", lambda *_, **__: Fluent())
    monkeypatch.setattr(drafting, "record_draft", fails_for_first)
    activate(actor=engineer, critic=critic, campaign=campaign)

    assert do_next_job().result == {"critic": "ada@1", "drafted": 1, "failed": 1, "more": False, "paused": ""}
    assert (Draft.objects.count(), FailedDraft.objects.count()) == (1, 1)
    assert FailedDraft.objects.get().error == "The draft cannot be stored (ValueError: A card of another shape)."


def test_a_draft_holds_no_word_that_the_toy_critic_writes_for_itself(campaign: Campaign, critic: Critic) -> None:
    item = campaign.items.filter(clip__prompt_group__split=Split.TRAIN).earliest("pk")
    rater = make_rater(3)
    for index in range(40):
        spec = make_spec(5, index)
        card = rater.rate(spec, rater.make_rng(spec))
        proposal, text = Proposal.from_card(card), render(card)
        draft = record_draft(item_id=item.pk, critic=f"toy@{index}", proposal=proposal, text=text, latency_ms=1)
        for axis in AXES:
            reason = draft.proposal[axis]["reason"]
            assert reason
            assert card.axis(axis).reason.endswith(reason)
            assert not any(mark in reason for mark in (scratch.MAP, scratch.COMPARISON, "moments:"))


def test_a_card_of_scratch_text_alone_is_no_draft(campaign: Campaign, critic: Critic) -> None:
    item = campaign.items.filter(clip__prompt_group__split=Split.TRAIN).earliest("pk")
    proposal = Proposal.from_card(ReportCard(*[AxisReport(3, (), f"{scratch.MAP} - red -")] * 3))
    with pytest.raises(DraftRefused, match="only described"):
        record_draft(item_id=item.pk, critic=str(critic), proposal=proposal, text="", latency_ms=1)


def test_the_stop_rules_are_applied_again_while_a_long_job_drafts(
    engineer: User, campaign: Campaign, critic: Critic, monkeypatch: pytest.MonkeyPatch
) -> None:
    activate(actor=engineer, critic=critic, campaign=campaign)
    answering = Answering()
    monkeypatch.setattr(drafting, "make_proposer", answering)
    monkeypatch.setattr(drafting, "BATCH", 1)
    monkeypatch.setattr(drafting, "SECONDS_BETWEEN_STOPS", 0.0)
    stop = DraftingStop(campaign=campaign, critic=critic, rule=DraftingStop.Rule.ANCHORING, reason="They pull.")
    monkeypatch.setattr(drafting, "apply_stop_rules", lambda activation: stop if answering.questions else None)
    drafted = drafting.draft_next(campaign=campaign, limit=9)
    assert (drafted.drafted, drafted.paused) == (1, "They pull.")
