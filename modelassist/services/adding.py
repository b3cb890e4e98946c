"""Add a critic from a model folder, a hub id or an endpoint. A job tries it on clips before it is registered."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Role, User
from annotation.models import Campaign, Item, Split
from annotation.shared.permissions import require_role
from modelassist.bridge import make_questions, resolve_critic, resolve_model, shorten_model_path
from modelassist.engine.models.folder import check_model
from modelassist.kinds.base import ClipAnswer, ClipQuestion, CriticUnavailable
from modelassist.kinds.endpoint.settings import EndpointSettings
from modelassist.kinds.endpoint.usage import Usage
from modelassist.models import Critic
from modelassist.services.builtin import NAME as DETECTORS
from modelassist.services.consent import find_host, has_consent
from modelassist.services.critics import Papers, register_critic, store_version
from modelassist.services.proposers import choose_proposer, name_served_model
from modelassist.services.usage import CountedEndpoint, record_usage
from modelassist.services.versions import compute_prompt_version
from operations import jobs
from operations.jobs import JobError, JobRun
from operations.models import Job
from qsave.proposal import proposal_to_json
from qsave.taxonomy import DEFAULT_TAXONOMY
from qsave.words import isolate

KIND = "add_critic"
TRIAL_CLIPS = {Critic.Kind.ENGINE: 1, Critic.Kind.ENDPOINT: 3}
"""How many clips a critic of each kind is tried on."""
_TRIAL_SEED = 17
NO_PAPERS = Papers()


class CannotAdd(ValueError):
    """The critic cannot be added; the message says why."""


@dataclass(frozen=True, slots=True)
class NewCritic:
    """What to add: a model, or an endpoint."""

    name: str
    model: str = ""
    """A model folder or a hub id; empty for an endpoint."""
    endpoint: EndpointSettings | None = None
    papers: Papers = NO_PAPERS


def request_critic(*, actor: User, new: NewCritic, campaign: Campaign | None = None) -> Job:
    """Queue the trial of a critic, on clips of `campaign` or on made clips.

    Raises ModelError at once for a folder that cannot be loaded here, and CannotAdd for a name that is taken, or for
    clips that may not be sent to the endpoint.
    """
    require_role(actor, Role.ENGINEER)
    critic = _build(new)
    if new.name == DETECTORS:
        raise CannotAdd(_("The name detectors is that of the built-in critic. Choose another."))
    if new.endpoint is None:
        check_model(new.model)
    elif campaign is not None and not has_consent(campaign, find_host(critic)):
        raise CannotAdd(
            _("No lead has agreed that clips of %(campaign)s are sent to %(host)s. Try it on made clips first.")
            % {"campaign": isolate(campaign), "host": isolate(find_host(critic))}
        )
    arguments = {
        "name": critic.name,
        "kind": critic.kind,
        "model": critic.model,
        "settings": critic.settings,
        "card": new.papers.card,
        "licence": new.papers.licence,
        "campaign": campaign.pk if campaign else None,
    }
    return jobs.enqueue(actor=actor, kind=KIND, arguments=arguments)


def _build(new: NewCritic) -> Critic:
    """Build the row of a critic, without storing it."""
    if new.endpoint is None:
        return Critic(name=new.name, kind=Critic.Kind.ENGINE, model=shorten_model_path(new.model))
    return Critic(
        name=new.name,
        kind=Critic.Kind.ENDPOINT,
        origin=Critic.Origin.ENDPOINT,
        settings=new.endpoint.to_json(),
        prompt_version=compute_prompt_version(),
        card=new.papers.card,
        licence=new.papers.licence,
    )


def add_critic(job: JobRun) -> tuple[Critic, list[dict[str, Any]]]:
    """Run the job: try the critic, then register it, once. Returns it with the lines of its trial."""
    arguments, actor = job.arguments, job.job.created_by
    if actor is None:
        raise JobError("The user who asked for this critic does not exist any more. Add the critic again.")
    critic = _read_critic(arguments)
    campaign = Campaign.objects.filter(pk=arguments.get("campaign") or 0).first()
    trial = try_critic(critic, campaign, lambda: job.report_progress(0.0, f"trying {critic.model or critic.name}"))
    with transaction.atomic():
        existing = Critic.objects.filter(
            name=critic.name, kind=critic.kind, model=critic.model, created_at__gte=job.job.created_at
        )
        stored = existing.first() or _register(actor, critic)
        record_usage(critic=stored, usage=trial.usage)
        return stored, trial.lines


def _read_critic(arguments: dict[str, Any]) -> Critic:
    """Read the critic from the arguments of a job; a job of an older version has a name and a model alone."""
    kind = arguments.get("kind", Critic.Kind.ENGINE)
    return Critic(
        name=arguments["name"],
        kind=kind,
        origin=Critic.Origin.ENDPOINT if kind == Critic.Kind.ENDPOINT else Critic.Origin.FOLDER,
        model=arguments["model"],
        settings=arguments.get("settings", {}),
        prompt_version=compute_prompt_version(),
        card=arguments.get("card", ""),
        licence=arguments.get("licence", ""),
    )


def _register(actor: User, critic: Critic) -> Critic:
    if critic.kind == Critic.Kind.ENDPOINT:
        require_role(actor, Role.ENGINEER)
        return store_version(actor=actor, critic=critic)
    papers = Papers(card=critic.card, licence=critic.licence)
    return register_critic(actor=actor, name=critic.name, model=resolve_model(critic.model), papers=papers)


@dataclass(frozen=True, slots=True)
class Trial:
    """What a critic answered when it was tried."""

    lines: list[dict[str, Any]]
    usage: Usage
    """What it was asked, if it is an endpoint."""


def try_critic(critic: Critic, campaign: Campaign | None, on_wait: Callable[[], None]) -> Trial:
    """Ask a critic about a few clips. Raises JobError if it cannot answer.

    An endpoint must answer with a proposal at least once. A local model may write something else: it is untrained.
    """
    on_wait()
    with _make_trial_questions(campaign, TRIAL_CLIPS[Critic.Kind(critic.kind)]) as questions:
        try:
            name_served_model(critic)
            proposer = choose_proposer(critic, on_wait)
            answers = proposer.propose(questions)
        except CriticUnavailable as error:
            raise JobError(str(error)) from None
        finally:
            _end_trial(critic)
    lines = [_write_line(question, answer) for question, answer in zip(questions, answers, strict=True)]
    if critic.kind == Critic.Kind.ENDPOINT and not any(answer.proposal for answer in answers):
        raise JobError(f"The endpoint answered, but none of its {len(answers)} answers is usable. {answers[0].error}")
    return Trial(lines, proposer.uncounted if isinstance(proposer, CountedEndpoint) else Usage())


def _end_trial(critic: Critic) -> None:
    """End the process of a model that was tried, so that its memory is free for the one that drafts."""
    if critic.kind == Critic.Kind.ENGINE:
        from modelassist.kinds.engine import end_model

        end_model(resolve_critic(critic))


@contextmanager
def _make_trial_questions(campaign: Campaign | None, count: int) -> Iterator[list[ClipQuestion]]:
    """Yield questions about the first train clips of a campaign, or about made clips without a campaign."""
    items: list[Item] = []
    if campaign is not None:
        ready = Item.objects.filter(campaign=campaign, availability=Item.Availability.AVAILABLE)
        train = ready.filter(clip__prompt_group__split=Split.TRAIN)
        items = list(train.select_related("clip").order_by("pk")[:count])
    if campaign is not None and items:
        yield make_questions(campaign, items)
        return
    with TemporaryDirectory(dir=settings.VAR_DIR, prefix="trial-") as folder:
        yield [_make_clip(Path(folder), index) for index in range(count)]


def _make_clip(folder: Path, index: int) -> ClipQuestion:
    from modelassist.toy.render import render_clip
    from modelassist.toy.world import make_spec

    spec = make_spec(_TRIAL_SEED, index)
    path = folder / f"made-{index + 1}.mp4"
    render_clip(spec, path)
    return ClipQuestion(path, spec.prompt, DEFAULT_TAXONOMY)


def _write_line(question: ClipQuestion, answer: ClipAnswer) -> dict[str, Any]:
    """Write one answer of a trial as pages, the command and the API show it."""
    proposal = proposal_to_json(answer.proposal) if answer.proposal else None
    return {"prompt": question.prompt, "proposal": proposal, "error": answer.error}
