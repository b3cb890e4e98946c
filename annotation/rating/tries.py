"""A lead's try of a campaign: the clips in seeded order, answers held against the same rules, and nothing stored.

Nothing here writes: no slot, lease, offer, rating or saved work comes of a try, before the campaign opens or after.
"""

from collections.abc import Mapping
from typing import Any

from accounts.models import Role, User
from annotation.campaigns.overlap import draw_arm
from annotation.models import Campaign, Draft, Exposure, Item, Slot
from annotation.rating.answers import Answer
from annotation.rating.draft_use import decide_uses
from annotation.rating.validation import adding_problems, check_watching, check_words, checked_viewing
from annotation.shared.draws import draw_position
from annotation.shared.permissions import require
from qsave.axes import Axis


def try_order(campaign: Campaign) -> list[int]:
    """The items of a campaign by their place in its seeded order. One query."""
    items = Item.objects.filter(campaign=campaign).values_list("pk", "clip__clip_id")
    return [pk for pk, _name in sorted(items, key=lambda row: (draw_position(campaign.seed, row[1], "place"), row[0]))]


def seat_to_try(campaign: Campaign, item_id: int) -> Slot:
    """What the item's first seat would be, in its arm; never saved."""
    item = Item.objects.select_related("clip__prompt_group").get(pk=item_id, campaign=campaign)
    arm = draw_arm(campaign, item.clip.clip_id, 1, item.clip.prompt_group.split)
    return Slot(item=item, campaign=campaign, number=1, arm=arm)


def check_try(
    *,
    actor: User,
    seat: Slot,
    answers: Mapping[Axis, Answer],
    viewing: Mapping[str, Any],
    draft: Draft | None,
    last_reasons: Mapping[Axis, str],
) -> None:
    """Raises AnswersRefused where `ratings.submit` would; `last_reasons` are those of the clip tried before."""
    require(actor, Role.LEAD)
    clip = seat.item.clip
    decided, unconfirmed = decide_uses(seat.campaign, answers, draft, Exposure.FROM_START)
    check_watching(seat.campaign, checked_viewing(viewing))
    with adding_problems(unconfirmed):
        check_words(
            seat.campaign, decided, draft, prompt=clip.prompt, duration=clip.duration, last_reasons=last_reasons
        )
