"""Read and change the site's settings on splits. They hold for new prompt groups; a stored group keeps its split."""

from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.intake.prompt_groups import lock_clips
from annotation.intake.split_draw import read_shares
from annotation.models import SplitShares
from annotation.models.splits import WHOLE
from annotation.shared.permissions import require_role
from qsave.splits import SPLITS


@transaction.atomic
def change_shares(*, actor: User, shares: Mapping[str, int]) -> None:
    """Set the percentages that new prompt groups get. Raises ValidationError by split."""
    require_role(actor, Role.ENGINEER)
    _check(shares)
    lock_clips()
    before = read_shares()
    if before == shares:
        return
    row, _created = SplitShares.objects.update_or_create(pk=1, defaults=dict(shares))
    texts = {"before": describe_shares(before), "after": describe_shares(shares)}
    audit.record(actor=actor, action="splits.shares", target=row, **texts)


def describe_shares(shares: Mapping[str, int]) -> str:
    """Write the shares in words: `train 80%, val 10%, test 10%`."""
    return ", ".join(f"{split} {shares[split]}%" for split in SPLITS)


def _check(shares: Mapping[str, int]) -> None:
    if any(not 0 <= shares[split] <= WHOLE for split in SPLITS):
        raise ValidationError(_("Each share is a percentage from 0 to 100."))
    if sum(shares[split] for split in SPLITS) != WHOLE:
        raise ValidationError(
            _("The shares add up to %(total)s%%. They must add up to 100%%.")
            % {"total": sum(shares[split] for split in SPLITS)}
        )
    if shares["train"] == 0:
        raise ValidationError({"train": _("Without a train split nothing can be trained. Enter at least 1.")})
