"""Simulate raters and clips. They use the same services as real ones and are stored as simulated.

No function here writes a row itself: clips are imported through a manifest, ratings go through `claim` and `submit`. A
simulated rater knows the faults of a clip, and rates them with a bias, noise and preferences of its own.
"""

import csv
import json
import os
import uuid
from collections.abc import Callable, Iterable, Sequence, Set
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from django.db.models import Count

from accounts.models import Role, User
from accounts.services import create_user
from annotation.campaigns.marking import Mark, mark_item
from annotation.models import AxisAnswer, Campaign, Draft, Slot
from annotation.rating.answers import Answer, AnswersRefused, Submission
from annotation.rating.drafts import (
    find_shown_draft,
    list_items_without_draft,
    read_proposal,
    record_draft,
    set_active_critic,
)
from annotation.rating.queue import claim
from annotation.rating.ratings import submit
from annotation.rating.validation import list_defect_ids
from modelassist.toy.captions import write_caption
from modelassist.toy.raters import SimulatedRater, make_rater
from modelassist.toy.render import render_clip
from modelassist.toy.world import ClipSpec, draw_other_prompt, make_spec
from qsave.axes import AXES, Axis
from qsave.proposal import AxisProposal, Proposal
from qsave.report_card import AxisReport

OnProgress = Callable[[int, int], None]
"""A function that is called with the number done and the total."""

MIN_REASON_LENGTH = 20
"""Length in characters; a shorter draft is never confirmed unedited."""
ATTEMPTS = 20
"""How often a simulated rater rewrites a rating that the site refuses, before giving up."""
SIMULATED_CRITIC = "simulated@1"
_DRAFT_USE = AxisAnswer.DraftUse


@dataclass(frozen=True, slots=True)
class Person:
    """A simulated rater and the account it rates with."""

    user: User
    rater: SimulatedRater


def render_manifest(
    folder: Path, *, seed: int, indices: Sequence[int], on_progress: OnProgress = lambda done, of: None
) -> Path:
    """Render toy clips into `folder` on all cores, and write the manifest to import them."""
    specs = [make_spec(seed, index) for index in indices]
    _render_clips(folder, specs, on_progress)
    manifest = folder / f"manifest-{indices[0]:05d}.csv"
    with manifest.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["clip_id", "video", "prompt", "prompt_group", "generator", "seed"])
        writer.writerows(
            [spec.clip_id, f"{spec.clip_id}.mp4", spec.prompt, spec.prompt, spec.generator, seed] for spec in specs
        )
    return manifest


def render_captions(
    folder: Path,
    *,
    seed: int,
    count: int,
    held_out: Set[str] = frozenset(),
    on_progress: OnProgress = lambda done, of: None,
) -> Path:
    """Render unrated toy clips and write a caption for each: targets of the engine's SFT.

    Of `count` clips, those that were made for a `held_out` prompt, show one or are compared with one are left out.
    Otherwise held-out prompts would leak into training, as a release keeps all clips of a prompt in one split.
    """
    specs = [spec for spec in (make_spec(seed, index) for index in range(count)) if not held_out & _list_prompts(spec)]
    _render_clips(folder, specs, on_progress)
    path = folder / "captions.jsonl"
    path.write_text("".join(f"{json.dumps(_make_caption(spec))}\n" for spec in specs), encoding="utf-8")
    return path


def _list_prompts(spec: ClipSpec) -> Set[str]:
    return {scene.prompt for scene in (spec.requested, spec.visible, draw_other_prompt(spec))}


def _make_caption(spec: ClipSpec) -> dict[str, str]:
    scene = draw_other_prompt(spec)
    return {"video": f"{spec.clip_id}.mp4", "prompt": scene.prompt, "text": write_caption(spec, scene)}


def _render_clips(folder: Path, specs: Sequence[ClipSpec], on_progress: OnProgress) -> None:
    """Render clips as `<clip id>.mp4`, on all cores."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{spec.clip_id}.mp4" for spec in specs]
    # new processes, which share neither the database connection nor the threads of this one
    with ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for done, _ in enumerate(pool.map(render_clip, specs, paths, chunksize=4), start=1):
            on_progress(done, len(specs))


def find_spec(clip_id: str) -> ClipSpec:
    """Return the toy clip with a clip id; raises ValueError if the id is not that of a toy clip."""
    world, seed, index = clip_id.split("-")
    if world != "toy":
        raise ValueError(f"{clip_id} is not a toy clip.")
    return make_spec(int(seed), int(index))


def make_people(*, actor: User, count: int, seed: int = 0) -> list[Person]:
    """Create simulated raters with accounts that nobody can sign in to; existing ones are used again."""
    return [_make_person(actor, seed + number) for number in range(1, count + 1)]


def _make_person(actor: User, seed: int) -> Person:
    name = f"simulated-{seed:02d}"
    user = User.objects.filter(username=name, is_simulated=True).first() or create_user(
        actor=actor,
        username=name,
        password=None,
        role=Role.ANNOTATOR,
        display_name=f"Simulated rater {seed}",
        is_simulated=True,
    )
    return Person(user, make_rater(seed))


def rate(
    *, campaign: Campaign, people: Sequence[Person], limit: int, on_progress: OnProgress = lambda done, of: None
) -> int:
    """Let the raters claim and rate in turn, up to `limit` ratings or until no slot is free; returns how many."""
    done, waiting = 0, list(people)
    while waiting and done < limit:
        person = waiting.pop(0)
        if _rate_one(person, campaign):
            done += 1
            waiting.append(person)
            on_progress(done, limit)
    return done


def draft_all(*, campaign: Campaign, seed: int) -> int:
    """Make the simulated critic the active one and store its draft for each item that needs one; returns how many.

    The draft is the report card of a simulated rater, which needs no model.
    """
    set_active_critic(campaign, SIMULATED_CRITIC)
    rater = make_rater(seed)
    items = list_items_without_draft(campaign=campaign, critic=SIMULATED_CRITIC, limit=campaign.items.count())
    for item in items:
        spec = find_spec(item.clip.clip_id)
        card = rater.rate(spec, rater.make_rng(spec))
        proposal = Proposal.from_card(card)
        record_draft(item_id=item.pk, critic=SIMULATED_CRITIC, proposal=proposal, text="", latency_ms=0)
    return len(items)


def mark_golds(*, actor: User, campaign: Campaign, count: int) -> None:
    """Mark the first `count` items as golds whose known scores are their true quality, in whole levels."""
    for item in campaign.items.select_related("clip").order_by("pk")[:count]:
        spec = find_spec(item.clip.clip_id)
        mark_item(
            actor=actor,
            item=item,
            mark=Mark.GOLD,
            scores={axis.value: round(spec.compute_quality(axis)) for axis in AXES},
        )


def count_free_slots(campaign: Campaign) -> int:
    """Count the rating slots that nobody has taken yet."""
    return Slot.objects.filter(campaign=campaign, kind=Slot.Kind.SEAT, state=Slot.State.FREE).count()


def count_draft_uses(campaign: Campaign) -> dict[str, int]:
    """Count how often drafts were confirmed, edited and cleared, over axes, in the ratings that count."""
    answers = AxisAnswer.objects.filter(revision__is_current=True, revision__rating__item__campaign=campaign)
    return dict(answers.values_list("draft_use").annotate(count=Count("pk")).order_by("draft_use"))


def _rate_one(person: Person, campaign: Campaign) -> bool:
    slot = claim(rater=person.user, campaign=campaign)
    if slot is None:
        return False
    assert slot.lease is not None  # a claimed slot has one
    spec = find_spec(slot.item.clip.clip_id)
    draft, _exposure = find_shown_draft(person.user, slot.item_id)
    answers = _make_answers(person.rater, spec, draft, campaign)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            submit(
                rater=person.user,
                lease=slot.lease,
                item_id=slot.item_id,
                submission=Submission(
                    answers=answers,
                    key=uuid.uuid4(),
                    viewing={"watched_share": 1.0, "plays": 1, "simulated": True},
                    seconds_spent=round(spec.duration * 6, 1),
                ),
            )
        except AnswersRefused as refusal:
            if attempt == ATTEMPTS:
                raise
            answers |= _rewrite(person.rater, spec, draft, {field.split(".")[0] for field in refusal.problems}, attempt)
            continue
        return True
    return False


def _make_answers(rater: SimulatedRater, spec: ClipSpec, draft: Draft | None, campaign: Campaign) -> dict[Axis, Answer]:
    card = rater.rate(spec, rater.make_rng(spec))
    proposed, defects = _list_proposed(draft), list_defect_ids(campaign)
    return {axis: _answer_draft(card.axis(axis), proposed.get(axis), defects[axis]) for axis in AXES}


def _rewrite(
    rater: SimulatedRater, spec: ClipSpec, draft: Draft | None, refused: set[str], attempt: int
) -> dict[Axis, Answer]:
    """Rate the refused axes again in other words, without the critic's reason."""
    card, proposed = rater.rate(spec, rater.make_rng(spec, attempt)), _list_proposed(draft)
    return {axis: _answer_in_own_words(card.axis(axis), proposed.get(axis)) for axis in AXES if axis in refused}


def _list_proposed(draft: Draft | None) -> dict[Axis, AxisProposal]:
    return read_proposal(draft).axes if draft else {}


def _answer_with(report: AxisReport, draft_use: str = _DRAFT_USE.NONE, confirm_ms: int | None = None) -> Answer:
    return Answer(
        score=int(report.score),
        evidence=report.evidence,
        reason=report.reason,
        draft_use=draft_use,
        confirm_ms=confirm_ms,
    )


def _answer_draft(report: AxisReport, draft: AxisProposal | None, defect_ids: Iterable[str]) -> Answer:
    """Confirm a draft that lists the same defects as the rater's report; otherwise use the rater's report.

    The score is always the rater's own: a page shows drafted scores only if the campaign says so.
    """
    if draft is None or len(draft.reason) < MIN_REASON_LENGTH:
        return _answer_in_own_words(report, draft)
    drafted = _list_defects(draft)
    if drafted <= set(defect_ids) and set(report.defects) == drafted:
        confirmed = AxisReport(report.score, draft.evidence or (), draft.reason)
        return _answer_with(confirmed, _DRAFT_USE.CONFIRMED, confirm_ms=_estimate_reading_ms(draft.reason))
    return _answer_with(report, _DRAFT_USE.EDITED)


def _answer_in_own_words(report: AxisReport, draft: AxisProposal | None) -> Answer:
    """Write the reason; confirm the drafted defects if the draft has no reason and they are those of the report."""
    if draft is None or draft.is_score_only:
        return _answer_with(report)
    if not draft.reason and set(report.defects) == _list_defects(draft):
        confirmed = AxisReport(report.score, draft.evidence or (), report.reason)
        return _answer_with(confirmed, _DRAFT_USE.CONFIRMED, confirm_ms=_estimate_reading_ms(""))
    return _answer_with(report, _DRAFT_USE.EDITED if draft.reason else _DRAFT_USE.CLEARED)


def _list_defects(draft: AxisProposal) -> set[str]:
    return {piece.defect for piece in draft.evidence or ()}


def _estimate_reading_ms(text: str) -> int:
    """Estimate how long a rater reads a draft before confirming it: twenty letters per second, and 0.8 s to decide."""
    return 800 + 50 * len(text)
