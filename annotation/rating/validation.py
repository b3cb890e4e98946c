"""What answers are held against before they are stored, and in a lead's try, where they are not. No writes here."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.utils.translation import gettext as _

from annotation.models import Campaign, Draft
from annotation.rating.answers import Answer, AnswersRefused, Problems, check_answers, rules_for
from annotation.shared.text import clean_json
from qsave.axes import AXES, Axis
from qsave.report_card import card_from_json

VIEWING_BYTES = 8_192


def check_words(
    campaign: Campaign,
    answers: Mapping[Axis, Answer],
    draft: Draft | None,
    *,
    prompt: str,
    duration: float,
    last_reasons: Mapping[Axis, str],
) -> None:
    """Raises AnswersRefused when answers to a clip break a rule of the campaign."""
    rules = rules_for(
        campaign,
        prompt=prompt,
        duration=duration,
        last_reasons=last_reasons,
        drafted_reasons=drafted_reasons(draft),
    )
    check_answers(answers, rules)


def drafted_reasons(draft: Draft | None) -> dict[Axis, str]:
    """The critic's words by axis; none without a draft."""
    if draft is None:
        return {}
    card = card_from_json(draft.card)
    return {axis: card.axis(axis).reason for axis in AXES}


@contextmanager
def adding_problems(problems: Problems) -> Iterator[None]:
    """Raise AnswersRefused with `problems` and those that the body finds, all at once."""
    try:
        yield
    except AnswersRefused as refusal:
        raise AnswersRefused({**refusal.problems, **problems}) from None
    if problems:
        raise AnswersRefused(problems)


def check_watching(campaign: Campaign, viewing: Mapping[str, Any]) -> None:
    """Holds the viewing record against what the campaign asks of it."""
    problems = []
    if campaign.requires_watched and viewing.get("watched_to_end") is not True:
        problems.append(_("Watch the clip to its end once before you submit."))
    least = (campaign.min_viewport_width, campaign.min_viewport_height)
    if any(least) and not _is_as_large(viewing.get("viewport"), least):
        problems.append(
            _("Make the window larger: this campaign asks for at least %(width)s x %(height)s pixels.")
            % {"width": least[0], "height": least[1]}
        )
    if problems:
        raise AnswersRefused({"viewing": problems})


def _is_as_large(viewport: object, least: tuple[int, int]) -> bool:
    if not isinstance(viewport, list) or len(viewport) != 2:
        return False
    return all(isinstance(side, int | float) and side >= bound for side, bound in zip(viewport, least, strict=True))


def checked_viewing(viewing: Mapping[str, Any]) -> dict[str, Any]:
    """The viewing record as it can be stored; raises AnswersRefused for one that is no JSON or too large."""
    try:
        checked: dict[str, Any] = clean_json(dict(viewing), max_bytes=VIEWING_BYTES)
    except (ValueError, TypeError) as error:
        raise AnswersRefused({"viewing": [f"The viewing record {error}."]}) from None
    return checked
