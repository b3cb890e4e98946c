"""A site with data for every page, and the addresses of its pages."""

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from accounts import services as accounts
from accounts.models import AuditEntry, Role, User
from annotation.agreement import stored
from annotation.campaigns import campaigns
from annotation.campaigns.guidelines import Example, set_guidelines
from annotation.campaigns.marking import mark_item
from annotation.campaigns.more_ratings import request_ratings
from annotation.campaigns.reports import exclude
from annotation.corrections.item_acts_page import ACTS, UNDOS
from annotation.intake.manifests import Row
from annotation.intake.prompt_groups import group_prompts
from annotation.judgements.importing import open_import
from annotation.models import FILE_FIELDS, Arm, Campaign, ClipImport, Item, PromptGroup
from annotation.raters import members, panels
from annotation.raters.name_lists import Invitee
from annotation.rating import queue
from datasets.models import Release
from datasets.services.policy import ReleasePolicy
from datasets.services.releases import build_release
from modelassist.models import Activation, ClipReadings, Critic, Prediction, PredictionSet, Run, Scoring
from modelassist.reads.prediction_figures import compute_figures
from modelassist.services.scoring import ORIGINAL, get_folder
from operations.models import Job, JobState
from qsave.axes import AXES, Axis
from qsave.detectors.strip import NAMES, POINTS, STRIP_VERSION
from qsave.proposal import proposal_to_json
from tests.annotation import factories
from tests.annotation.disputed_item import make_disputed_item
from tests.annotation.judgements.files import import_file
from tests.datasets.world import rated_campaign
from tests.modelassist.fake_critics import PROPOSAL, make_endpoint
from tests.modelassist.test_views import FIGURES
from tests.support.foreign_ratings import encode, make_label_studio_export

CARD = Path(settings.BASE_DIR, "modelassist", "starter", "README.md")
STRANGER, GUEST = "stranger", "guest"
KNOWN = {axis.value: 4.0 for axis in AXES}
NO_PAGES = {
    "release-preview": "a part of the page that freezes a release",
    "clip-media": "a video or a picture",
    "clip-version-media": "a video or a picture",
    "timesheet-file": "a file",
    "agreement-file": "a file",
    "generator-pair-file": "a file",
    "agreement-state": "a part of the agreement page",
    "audit-file": "a file",
    "release-diff-file": "a file",
    "mos-file": "a file",
    "import-rows-file": "a file",
    "import-unnamed-file": "a file",
    "refused-judgements-file": "a file",
    "import-template": "a file",
    "run-file": "a file",
    "scoring-video": "a video",
    "prediction-file": "a file",
    "rate-draft": "a part of the desk, as JSON",
    "rate-upcoming": "a part of the desk, as JSON",
    "rate-readings": "a part of the desk",
    "item-keys": "a part of the list of clips, as JSON",
    "healthz": "JSON for a load balancer",
    "job": "a part of other pages",
    "clip-news": "a part of the list of clips",
    "words-of-scripts": "a script",
}
"""Addresses that answer a GET but show no page, each with what they are."""
PLAIN_CAMPAIGN_PAGES = (
    "campaign",
    "campaign-settings",
    "campaign-taxonomy",
    "campaign-guidelines",
    "campaign-duplicate",
    "campaign-items",
    "campaign-imports",
    "import-clips",
    "import-server-folder",
    "import-bucket",
    "members",
    "panels",
    "timesheet",
    "agreement",
    "review-queue",
    "generator-pair",
    "drafting",
    "rate-try",
)
"""A lead's pages of a campaign whose address needs only its name."""


class Pages:
    """Addresses by route, each with the person who opens it. Several of one route show different content."""

    def __init__(self) -> None:
        self.by_route: dict[str, list[tuple[str, str]]] = defaultdict(list)

    def add(self, who: str, route: str, *args: object, query: str = "") -> None:
        self.by_route[route].append((str(who), reverse(route, args=args) + query))

    def list_paths(self, who: str) -> list[str]:
        return [path for pages in self.by_route.values() for opened_by, path in pages if opened_by == who]


@dataclass(frozen=True, slots=True)
class World:
    people: dict[str, User]
    """by role, and the guest of a panel"""
    pages: Pages


def build_world() -> World:
    """Make people of every role and at least one page of each kind."""
    people: dict[str, User] = {role.value: factories.make_user(f"{role.value}-ines", role=role) for role in Role}
    lead, engineer, rater = people[Role.LEAD], people[Role.ENGINEER], people[Role.ANNOTATOR]
    pages = Pages()
    for role in Role:
        pages.add(role, "home")
        pages.add(role, "rate-home")
        pages.add(role, "account")
    disputed = make_disputed_item(lead)
    pages.add(Role.LEAD, "campaign-item", disputed.campaign.name, disputed.pk)
    pages.add(Role.LEAD, "review-clip", disputed.campaign.name, disputed.pk)
    strip = {name: [float(number % 9) for number in range(POINTS)] for name in NAMES}
    ClipReadings.objects.create(sha256=disputed.clip.sha256, version=STRIP_VERSION, strip=strip)
    rated, desk = _add_rated_campaign(pages, lead, rater), _add_desk(pages, lead, rater)
    _add_closed_desks(pages, lead)
    people[GUEST] = _add_panel(pages, lead, desk)
    _add_sign_in_pages(pages, lead)
    _add_training_loop(pages, engineer, rated)
    _add_scorings(pages, lead)
    _add_predictions(pages, lead, rated)
    for campaign in (rated, disputed.campaign):
        stored.compute_figures(campaign)
        pages.add(Role.LEAD, "agreement-section", campaign.name, "raters")
    pages.add(Role.ANNOTATOR, "my-ratings")
    pages.add(Role.ANNOTATOR, "my-hours")
    return World(people, pages)


def _add_rated_campaign(pages: Pages, lead: User, rater: User) -> Campaign:
    """Add a rated campaign with guidelines, examples, a gold, a qualification clip and members."""
    campaign = rated_campaign(4, 2, 2, raters=3, name="spring", title="Spring clips", overlap=5, assisted_share=0.0)
    slot = factories.claim(rater, campaign)
    rating = factories.submit(rater, slot)
    first, *_rest, last = Item.objects.filter(campaign=campaign).select_related("clip").order_by("pk")
    examples = [Example(Axis.VISUAL, 1, first.clip, "Look at the edge"), Example(Axis.VISUAL, 5, last.clip)]
    set_guidelines(actor=lead, campaign=campaign, text="# Look twice\n\nAt **hands**.\n\n- eyes", examples=examples)
    mark_item(actor=lead, item=first, mark="gold", scores=KNOWN)
    campaigns.add_clips(
        actor=lead, campaign=campaign, clips=[factories.make_clip("asked-first", video=factories.SHORT_VIDEO)]
    )
    asked = Item.objects.get(clip__clip_id="asked-first")
    mark_item(actor=lead, item=asked, mark="qualification", scores=KNOWN, feedback="The fox has five legs.")
    members.add_member(actor=lead, campaign=campaign, username=rater.username)
    members.invite_members(actor=lead, campaign=campaign, people=[Invitee("Gita", "north")])
    for route in PLAIN_CAMPAIGN_PAGES:
        pages.add(Role.LEAD, route, campaign.name)
    for state in ClipImport.State.values:
        pages.add(Role.LEAD, "clip-import", factories.make_import(campaign, state=state).pk)
    job = Job.objects.create(kind="stage_import", state=JobState.RUNNING, progress=0.4, message="Unpacking, 4 of 9 GB")
    unpacked = ClipImport.objects.create(
        campaign=campaign, state=ClipImport.State.PREVIEWED, name="batch.zip", created_by=campaign.created_by, job=job
    )
    pages.add(Role.LEAD, "clip-import", unpacked.pk)
    for item in (first, asked, last):
        pages.add(Role.LEAD, "campaign-item", campaign.name, item.pk)
    pages.add(Role.LEAD, "review-clip", campaign.name, last.pk)
    for route in ("correct-clip", "withdraw-clip"):
        pages.add(Role.LEAD, route, campaign.name, first.pk)
    for act in ACTS:
        pages.add(Role.LEAD, "act-on-items", campaign.name, query=f"?act={act}&item={first.pk}&item={last.pk}")
    for act, undo in UNDOS.items():
        if undo.undoes:
            _add_undo(pages, campaign, act, undo.undoes)
        else:
            pages.add(Role.LEAD, "act-on-items", campaign.name, query=f"?act={act}&item={first.pk}")
    _add_ratings_made_elsewhere(pages, lead, campaign)
    _add_prompt_groups(pages, campaign)
    pages.add(Role.LEAD, "campaigns")
    pages.add(Role.LEAD, "campaign-new")
    pages.add(Role.LEAD, "components")
    pages.add(Role.ANNOTATOR, "rate", campaign.name)
    pages.add(Role.ANNOTATOR, "rate-guidelines", campaign.name)
    pages.add(Role.ANNOTATOR, "my-rating", rating.pk)
    return campaign


def _add_ratings_made_elsewhere(pages: Pages, lead: User, campaign: Campaign) -> None:
    """Add a file that waits for its mapping, and an import with judgements of clips of the campaign."""
    folder = Path(settings.MEDIA_ROOT).parent
    export = folder / "export.json"
    export.write_bytes(encode(make_label_studio_export()))
    waiting = open_import(actor=lead, campaign=campaign, path=export)
    clips = campaign.items.order_by("pk").values_list("clip__clip_id", flat=True)[:4]
    lines = [f"{clip},ann,{number % 4 + 1},{number % 5 + 1},Sharp edges" for number, clip in enumerate(clips)]
    content = "\n".join(["clip_id,rater,visual,alignment,comment", *lines, "elsewhere,ann,3,9,Off the scale", ""])
    done = import_file(lead, folder, content, campaign=campaign)
    pages.add(Role.LEAD, "judgements", campaign.name)
    for row in (waiting, done):
        pages.add(Role.LEAD, "judgement-import", campaign.name, row.pk)


def _add_prompt_groups(pages: Pages, campaign: Campaign) -> None:
    """Add the groups of rated clips, which are fixed, and two groups that can change."""
    prompts = ["A paper boat drifts down a stream", "A paper boat drifts down a narrow stream", "Rain on a tin roof"]
    group_prompts([Row("a.mp4", prompt, "toy-2") for prompt in prompts], seed=0)
    fixed = PromptGroup.objects.filter(clips__items__campaign=campaign).order_by("pk")[0]
    for group in (fixed, PromptGroup.objects.get(prompts__text=prompts[0])):
        pages.add(Role.LEAD, "prompt-group", group.pk)
    pages.add(Role.LEAD, "prompt-groups")
    pages.add(Role.LEAD, "fill-splits")
    pages.add(Role.LEAD, "fill-splits", query=f"?campaign={campaign.name}")
    pages.add(Role.ENGINEER, "split-settings")


def _add_undo(pages: Pages, campaign: Campaign, act: str, undoes: str) -> None:
    """Add the page that takes back what an entry of the audit trail says."""
    item = Item.objects.filter(campaign=campaign, is_qualification=False).order_by("pk")[1]
    if undoes == "item.priority":
        mark_item(actor=campaign.created_by, item=item, priority=1)
    elif undoes == "item.excluded":
        exclude(actor=campaign.created_by, item=item, reason="It repeats another clip.")
    else:
        request_ratings(actor=campaign.created_by, items=[item], ratings=campaign.overlap + 1)
    entry = AuditEntry.objects.filter(action=undoes).latest("pk")
    pages.add(Role.LEAD, "act-on-items", campaign.name, query=f"?act={act}&entries={entry.pk}")


def _add_desk(pages: Pages, lead: User, rater: User) -> Campaign:
    """Add a campaign with a draft, and its clip on the rater's desk."""
    campaign = factories.make_campaign(name="autumn", actor=lead)
    for name, arm in (("one", Arm.ASSISTED), ("two", Arm.BLIND)):
        item = factories.make_item(campaign, factories.make_clip(name, video=factories.LONGER_VIDEO), arm=arm)
        if arm == Arm.ASSISTED:
            factories.make_draft(item)
            pages.add(Role.LEAD, "campaign-item", campaign.name, item.pk)
    assert queue.claim(rater=rater, campaign=campaign)
    pages.add(Role.ANNOTATOR, "rate", campaign.name)
    pages.add(Role.ANNOTATOR, "rate-guidelines", campaign.name)
    pages.add(Role.LEAD, "rate", campaign.name)
    pages.add(Role.LEAD, "rate-try", campaign.name)
    return campaign


def _add_closed_desks(pages: Pages, lead: User) -> None:
    """Add desks that give out nothing and say why."""
    for state in (Campaign.State.PAUSED, Campaign.State.CLOSED):
        campaign = campaigns.set_state(
            actor=lead, campaign=factories.make_campaign(name=f"all-{state}", actor=lead), state=state
        )
        pages.add(Role.ANNOTATOR, "rate", campaign.name)
    members_only = factories.make_campaign(name="few", actor=lead, open_to=Campaign.OpenTo.MEMBERS)
    pages.add(Role.ANNOTATOR, "rate", members_only.name)
    draft = factories.make_campaign(name="soon", actor=lead, state=Campaign.State.DRAFT)
    pages.add(Role.LEAD, "rate", draft.name)
    pages.add(Role.LEAD, "campaign", draft.name)


def _add_panel(pages: Pages, lead: User, campaign: Campaign) -> User:
    values = {"name": "Acme", "quota": 2, "completion_code": "OWL-7", "return_url": "https://panel.example/done"}
    panel, secret = panels.make_panel(actor=lead, campaign=campaign, **values)
    pages.add(STRANGER, "panel-begin", secret)
    pages.add(STRANGER, "panel-begin", "a-link-that-is-closed")
    pages.add(GUEST, "panel-done")
    pages.add(GUEST, "rate", campaign.name)
    pages.add(Role.LEAD, "panels", campaign.name)
    return panels.begin_participation(panel=panel, external_id="p-17").user


def _add_sign_in_pages(pages: Pages, lead: User) -> None:
    _, invitation = accounts.invite(actor=lead, role=Role.LEAD, note="Gita, from the north")
    accounts.issue_token(actor=lead, name="nightly export")
    reset = accounts.start_password_reset(actor=lead, user=factories.make_user("forgetful"))
    factories.make_user("gone", is_active=False)
    pages.add(STRANGER, "sign-in")
    for route, secret in (("accept-invitation", invitation), ("set-password", reset)):
        pages.add(STRANGER, route, secret)
        pages.add(STRANGER, route, "spent")
    pages.add(Role.LEAD, "people")
    pages.add(Role.LEAD, "people", query="?kind=guests")
    pages.add(Role.LEAD, "audit")
    pages.add(Role.LEAD, "audit", query="?person=nobody&action=item.excluded")


def _add_training_loop(pages: Pages, engineer: User, campaign: Campaign) -> None:
    """Add a frozen release, a run with curves and figures, and its critic, which drafts."""
    release = build_release(
        actor=engineer, campaign=campaign, name="spring", policy=ReleasePolicy(allow_small_splits=True)
    )
    Release.objects.create(number=2, name="next", campaign=campaign, created_by=engineer)
    policy = ReleasePolicy(allow_small_splits=True, target="bias_corrected", media="none")
    corrected = build_release(actor=engineer, campaign=campaign, name="corrected", policy=policy)
    picture = "plots/test-predicted.png"
    evaluation = {"splits": {"test": FIGURES | {"plots": {"predicted": picture}}}}
    run = Run.objects.create(
        release=release, base_model="a/b", folder="run-1", created_by=engineer, evaluation=evaluation
    )
    run.job = Job.objects.create(kind="train_critic", state=JobState.FAILED, error="0 of 20 answers could be read.")
    run.save()
    folder = Path(settings.RUN_ROOT) / "run-1"
    (folder / "plots").mkdir(parents=True)
    Image.new("RGB", (1210, 484), "white").save(folder / picture)
    (folder / "metrics.jsonl").write_text(
        "\n".join(json.dumps({"stage": "sft", "step": n, "loss": 2 / n}) for n in range(1, 6))
    )
    critic = Critic.objects.create(
        name="starter",
        version=1,
        model="a/b",
        origin=Critic.Origin.RUN,
        run=run,
        evaluation=run.evaluation,
        card=CARD.read_text(encoding="utf-8"),
    )
    Activation.objects.create(
        campaign=campaign,
        critic=critic,
        activated_by=engineer,
        paused_reason="/models/starter: there is no such model folder.",
        failures=2,
        retry_at=timezone.now() + timedelta(hours=1),
    )
    Campaign.objects.filter(pk=campaign.pk).update(active_critic="starter@1")
    for route, args in (
        ("releases", ()),
        ("release-new", ()),
        ("release", (release.number,)),
        ("release", (2,)),
        ("release-rows", (release.number,)),
        ("release-diff", (corrected.number,)),
        ("runs", ()),
        ("run", (run.pk,)),
        ("critics", ()),
        ("critic", (critic.pk,)),
        ("campaign", (campaign.name,)),
        ("drafting", (campaign.name,)),
    ):
        pages.add(Role.ENGINEER, route, *args)
    item = Item.objects.filter(campaign=campaign).order_by("pk")[0]
    pages.add(Role.ENGINEER, "release-clip", release.number, query=f"?id={item.clip.clip_id}")
    pages.add(Role.LEAD, "clip-releases", campaign.name, item.pk)
    for way in ("folder", "hub", "endpoint"):
        pages.add(Role.ENGINEER, "critic-add", query=f"?way={way}")


def _add_scorings(pages: Pages, lead: User) -> None:
    """Add clips that were sent to be scored: one for each state."""
    starter = Critic.objects.get(name="starter")
    values = {"prompt": "A red fox jumps over a fence", "file_name": "fox.mp4", "created_by": lead}
    asked = Scoring.objects.create(key="asked", critic=make_endpoint(), **values)
    rows = [asked]
    for state in (JobState.QUEUED, JobState.FAILED, JobState.DONE):
        job = Job.objects.create(kind="score_clip", state=state, error="The file is empty (0 bytes).")
        rows.append(Scoring.objects.create(key=state, critic=starter, job=job, **values))
    clip = factories.make_clip("scored", video=factories.LONGER_VIDEO)
    done = rows[-1]
    get_folder(done).mkdir(parents=True)
    (get_folder(done) / ORIGINAL).write_bytes((Path(settings.MEDIA_ROOT) / clip.original).read_bytes())
    done.facts = {field: getattr(clip, field) for field in FILE_FIELDS} | {"original": ORIGINAL}
    done.proposal, done.seconds = proposal_to_json(PROPOSAL), 2.5
    done.save()
    for row in rows:
        pages.add(Role.LEAD, "scoring", row.pk)
    pages.add(Role.LEAD, "score")


def _add_predictions(pages: Pages, lead: User, campaign: Campaign) -> None:
    """Add predictions that are done, with figures, a clip that failed, and plots; and some that wait."""
    starter = Critic.objects.get(name="starter")
    values = {"campaign": campaign, "critic": starter, "created_by": lead, "clips": campaign.items.count()}
    done = PredictionSet.objects.create(**values, finished_at=timezone.now())
    first, *others = campaign.items.order_by("pk")
    Prediction.objects.create(prediction_set=done, item=first, clip_version=1, error="The critic gave no report card.")
    for item in others:
        Prediction.objects.create(prediction_set=done, item=item, clip_version=1, proposal=proposal_to_json(PROPOSAL))
    done.figures = compute_figures(done)
    done.save()
    job = Job.objects.create(kind="predict_clips", state=JobState.RUNNING, progress=0.5, message="2 of 9 clips")
    waiting = PredictionSet.objects.create(**values, job=job, only_rated=True)
    pages.add(Role.LEAD, "predictions", campaign.name)
    for row in (done, waiting):
        pages.add(Role.LEAD, "prediction-set", campaign.name, row.pk)
