"""A preview in words and plots: the effect of each option, the steps, the levels of targets, and the agreement."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from annotation.shared.plots import Mark, Plot, Scale, Side
from datasets.services import filters
from datasets.services.card import render_alpha
from datasets.services.preview import Preview, Steps
from datasets.services.targets import explain_no_target

STEPS: dict[str, tuple[str | Promise, str | Promise]] = {
    "clips": (gettext_lazy("Clips of the campaign"), gettext_lazy("Clips of the release")),
    "ratings": (gettext_lazy("Ratings of the campaign"), gettext_lazy("Ratings that count")),
    "sft": (gettext_lazy("Clips of the release"), gettext_lazy("Clips with an sft row")),
    "cooldown": (gettext_lazy("Sft rows of train"), gettext_lazy("Rows of the cool-down")),
}
"""What each count of a preview starts with, and what is left."""


@dataclass(frozen=True, slots=True)
class StepLines:
    """A count of the preview: the first number, what is dropped and why, and what is left."""

    start: str
    end: str
    steps: Steps


def list_steps(preview: Preview) -> list[StepLines]:
    return [StepLines(str(start), str(end), getattr(preview, name)) for name, (start, end) in STEPS.items()]


def list_effects(preview: Preview) -> dict[str, str]:
    """Return what each option leaves out, in words, by the name of the option; empty if it leaves out nothing."""
    policy = preview.policy
    ratings = {
        "keep_screened": filters.SCREENED,
        "simulated_ratings": filters.SIMULATED,
        "blind_train": filters.ASSISTED,
        "guideline_version": filters.GUIDELINE,
        "minimum_watched": filters.WATCHED,
    }
    without_target = {explain_no_target(split, policy) for split in ("train", "val")}
    clips = {
        "target": sum(preview.clips.dropped[reason] for reason in without_target),
        "minimum_ratings": preview.clips.dropped[filters.explain_few_ratings(policy)],
        "left_out_generators": preview.clips.dropped[filters.GENERATOR],
    }
    cooldown = {
        "cooldown_range": preview.cooldown.dropped[filters.explain_disagreement(policy)],
        "cooldown_ratings": preview.cooldown.dropped[filters.explain_few_blind(policy)],
    }
    return (
        {name: _count_ratings(preview.ratings.dropped[reason]) for name, reason in ratings.items()}
        | {name: _count_clips(number) for name, number in clips.items()}
        | {"reasons_from": _count_undescribed(preview.sft.dropped.total())}
        | {name: _count_not_agreed(number) for name, number in cooldown.items()}
    )


def _count_ratings(number: int) -> str:
    return _say(number, ngettext("Leaves out %(n)s rating.", "Leaves out %(n)s ratings.", number))


def _count_clips(number: int) -> str:
    return _say(number, ngettext("Leaves out %(n)s clip.", "Leaves out %(n)s clips.", number))


def _count_undescribed(number: int) -> str:
    return _say(number, ngettext("%(n)s clip has no sft row.", "%(n)s clips have no sft row.", number))


def _count_not_agreed(number: int) -> str:
    words = ngettext("Keeps %(n)s clip out of the cool-down.", "Keeps %(n)s clips out of the cool-down.", number)
    return _say(number, words)


def _say(number: int, words: str) -> str:
    return words % {"n": number} if number else ""


def list_alphas(preview: Preview) -> list[tuple[str, str]]:
    """Return each axis with the agreement of its blind ratings."""
    return [(axis, render_alpha(figures)) for axis, figures in preview.agreement.items()]


def list_plots(preview: Preview) -> Iterator[Plot]:
    """Yield a plot of each axis: how many clips have a target of each level."""
    for axis, levels in preview.levels.items():
        if not any(levels.values()):
            continue
        counts = ", ".join(f"{level}: {number}" for level, number in levels.items())
        yield Plot(
            id=f"plot-targets-{axis}",
            title=_("Targets of %(axis)s by level") % {"axis": axis},
            summary=_("Clips by the level of their target on the axis %(axis)s. %(counts)s.")
            % {"axis": axis, "counts": counts},
            mark=Mark.BAR,
            columns={"label": _("Level"), "y": _("Clips")},
            rows=tuple((str(level), number) for level, number in levels.items()),
            x=Side(_("Level"), Scale.NAMES),
            y=Side(_("Clips"), low=0),
            is_simulated=preview.counts["ratings_counted_simulated"] > 0,
        )
