"""What an act on many items of one campaign did.

Each act has one function for a list of items, which holds the rule, and one for a single item, which calls it. An item
that breaks the rule is left as it is and does not stop the others. Every changed item gets its own audit entry, so that
its history is complete however it was changed. The number of queries does not grow with the number of items.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from annotation.models import Campaign, Item

MAX_ITEMS = 500
"""An act on more items than this would hold its locks for too long."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The items that an act changed, and by key why it left others as they are.

    An item that needs no change is in neither. `entries` has the keys of the audit entries by which
    `annotation.campaigns.undo` takes the act back; empty if it does not.
    """

    changed: list[Item]
    left: dict[int, ValidationError] = field(default_factory=dict)
    entries: list[int] = field(default_factory=list)

    def apply_to(self, item: Item, fields: Sequence[str]) -> None:
        """Copy the changed fields to the only item of the act; raise ValidationError if it was left as it is."""
        if item.pk in self.left:
            raise self.left[item.pk]
        for changed in self.changed:
            for name in fields:
                setattr(item, name, getattr(changed, name))

    def describe_left(self) -> dict[int, str]:
        """Return, by key, the sentences that say why an item was left as it is."""
        return {key: " ".join(refusal.messages) for key, refusal in self.left.items()}


def act_on_keys(campaign: Campaign, keys: Collection[int], act: Callable[[list[Item]], Outcome]) -> Outcome:
    """Do `act` on the items of the campaign with these keys. A key of no item there is left, with a sentence.

    Raises ValidationError if there are too many.
    """
    if len(keys) > MAX_ITEMS:
        message = _("Choose at most %(most)s clips at once.") % {"most": MAX_ITEMS}
        raise ValidationError({"items": message})
    items = list(Item.objects.filter(campaign=campaign, pk__in=keys).order_by("pk"))
    missing = set(keys) - {item.pk for item in items}
    outcome = act(items) if items else Outcome([])
    strangers = {key: ValidationError(_("There is no such clip in this campaign.")) for key in sorted(missing)}
    return replace(outcome, left=outcome.left | strangers)
