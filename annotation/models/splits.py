"""Settings of the whole site on splits: the shares of new prompt groups, and the generators that are held out."""

from typing import ClassVar

from django.conf import settings
from django.db import models

WHOLE = 100


class SplitShares(models.Model):
    """The percentage of new prompt groups that each split gets. One row with the key 1; without it 80, 10 and 10."""

    train = models.PositiveSmallIntegerField(default=80)
    val = models.PositiveSmallIntegerField(default=10)
    test = models.PositiveSmallIntegerField(default=10)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(pk=1), name="split_shares_one_row"),
            models.CheckConstraint(
                condition=models.Q(test=models.Value(WHOLE) - models.F("train") - models.F("val")),
                name="split_shares_are_whole",
            ),
            models.CheckConstraint(condition=models.Q(train__gte=1), name="split_shares_train_not_empty"),
        ]


class HeldOutGenerator(models.Model):
    """A generator whose clips are for the test split only: releases leave them out of train and val."""

    generator = models.CharField(max_length=120, unique=True)
    reason = models.TextField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~models.Q(generator=""), name="held_out_generator_not_empty"),
        ]

    def __str__(self) -> str:
        return self.generator
