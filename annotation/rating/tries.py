"""A lead's try of a campaign: the clips in seeded order, and answers validated by the same rules.

Nothing here writes: a try makes no slot, lease, offer, rating or saved work.
"""

from collections.abc import Mapping
from typing import Any

from accounts.models import Role, User
from annotation.campaigns.overlap import draw_arm
from annotation.models import Campaign, Draft, Exposure, Item, Slot
from annotation.rating.answers import Answer
from annotation.rating.draft_use import decide_uses
from annotation.rating.validation import adding_problems, clean_viewing, validate_answers, validate_viewing
from annotation.shared.draws import draw_position
from annotation.shared.permissions import require_role
from qsave.axes import Axis


def list_try_order(campaign: Campaign) -> list[int]:
    """Return the items of a campaign in its seeded order, without withdrawn and unready ones. One query."""
    items = Item.objects.filter(campaign=campaign, clip__is_ready=True)
    items = items.exclude(availability=Item.Availability.WITHDRAWN)
    names = items.values_list("pk", "clip__clip_id")
    return [pk for pk, _name in sorted(names, key=lambda row: (draw_position(campaign.seed, row[1], "place"), row[0]))]


def make_try_slot(campaign: Campaign, item_id: int) -> Slot:
    """Return the item's first rating slot as it would be, with its arm; it is never saved."""
    item = Item.objects.select_related("clip__prompt_group").get(pk=item_id, campaign=campaign)
    arm = draw_arm(campaign, item.clip.clip_id, 1, item.clip.prompt_group.split)
    return Slot(item=item, campaign=campaign, number=1, arm=arm)


def check_try(
    *,
    actor: User,
    slot: Slot,
    answers: Mapping[Axis, Answer],
    viewing: Mapping[str, Any],
    draft: Draft | None,
    last_reasons: Mapping[Axis, str],
) -> None:
    """Raise AnswersRefused where `ratings.submit` would; `last_reasons` are those of the clip tried before."""
    require_role(actor, Role.LEAD)
    clip = slot.item.clip
    answers, unconfirmed = decide_uses(slot.campaign, answers, draft, Exposure.FROM_START)
    validate_viewing(slot.campaign, clean_viewing(viewing))
    with adding_problems(unconfirmed):
        validate_answers(
            slot.campaign, answers, draft, prompt=clip.prompt, duration=clip.duration, last_reasons=last_reasons
        )
