"""Read what the pages of critics show: critics, their evaluation, where they draft, and how many drafts failed."""

from dataclasses import dataclass

from django.db.models import Count, QuerySet

from annotation.models import Campaign, Draft
from modelassist.models import Activation, Critic, FailedDraft
from modelassist.reads.evaluation import read_headline
from modelassist.services.drafting import KIND, select_next_items
from operations.models import Job
from qsave.run.evaluation import Evaluation
from qsave.statistics.figures import Estimate

NEWEST = 100


@dataclass(frozen=True, slots=True)
class CriticLine:
    """A critic in the list."""

    critic: Critic
    active_in: list[Campaign]
    drafts: int
    """Answers that propose something."""
    silent: int
    """Answers about clips in which it found nothing to propose."""
    failed: int
    srcc: dict[str, Estimate]
    """axis -> SRCC with people on held-out clips; NOT_MEASURED without an evaluation."""

    @property
    def unusable_share(self) -> float | None:
        """Return the share of its attempts without a usable report card; None before its first attempt."""
        tries = self.drafts + self.silent + self.failed
        return self.failed / tries if tries else None


@dataclass(frozen=True, slots=True)
class DraftingStatus:
    """The state of drafting in one campaign."""

    activation: Activation | None
    drafts: int
    silent: int
    failed: int
    waiting: bool
    """Whether items still need a draft by the active critic."""
    last_job: Job | None


def list_critics() -> list[CriticLine]:
    """List the critics, newest version of each name first, in five queries."""
    critics = list(Critic.objects.select_related("run__release", "created_by")[:NEWEST])
    active: dict[int, list[Campaign]] = {}
    for activation in Activation.objects.select_related("campaign"):
        active.setdefault(activation.critic_id, []).append(activation.campaign)
    names = list(map(str, critics))
    drafts, silent = (_count_by_critic(answers.filter(critic__in=names)) for answers in _split_answers())
    failed = dict(FailedDraft.objects.values_list("critic").annotate(count=Count("pk")).order_by())
    return [
        CriticLine(
            critic=critic,
            active_in=active.get(critic.pk, []),
            drafts=drafts.get(str(critic), 0),
            silent=silent.get(str(critic), 0),
            failed=failed.get(critic.pk, 0),
            srcc=read_headline(Evaluation.from_json(critic.evaluation)),
        )
        for critic in critics
    ]


def read_critic_line(critic: Critic) -> CriticLine:
    """Read one critic, for its own page."""
    drafts, silent = (answers.filter(critic=str(critic)).count() for answers in _split_answers())
    return CriticLine(
        critic=critic,
        active_in=[activation.campaign for activation in critic.activations.select_related("campaign")],
        drafts=drafts,
        silent=silent,
        failed=critic.failed_drafts.count(),
        srcc=read_headline(Evaluation.from_json(critic.evaluation)),
    )


def read_drafting_status(campaign: Campaign) -> DraftingStatus:
    """Read the state of drafting in a campaign: the critic, and how many of its answers propose something, propose
    nothing, or failed."""
    activation = Activation.objects.filter(campaign=campaign).select_related("critic", "activated_by").first()
    last = Job.objects.filter(kind=KIND, arguments__campaign=campaign.pk).order_by("-created_at").first()
    if activation is None:
        return DraftingStatus(None, 0, 0, 0, waiting=False, last_job=last)
    own = {"item__campaign": campaign, "critic": str(activation.critic)}
    drafts, silent = (answers.filter(**own).count() for answers in _split_answers())
    return DraftingStatus(
        activation=activation,
        drafts=drafts,
        silent=silent,
        failed=FailedDraft.objects.filter(item__campaign=campaign, critic=activation.critic).count(),
        waiting=bool(select_next_items(activation, limit=1)),
        last_job=last,
    )


def _split_answers() -> tuple[QuerySet[Draft], QuerySet[Draft]]:
    """Return the drafts that propose something, and those that propose nothing."""
    return Draft.objects.exclude(proposal={}), Draft.objects.filter(proposal={})


def _count_by_critic(drafts: QuerySet[Draft]) -> dict[str, int]:
    return dict(drafts.values_list("critic").annotate(count=Count("pk")).order_by())
