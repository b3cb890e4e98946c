"""All that a campaign's figures of agreement depend on, read once, and a digest of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from django.db.models import Count, Max

from annotation.agreement.answers import (
    CountedAnswers,
    RatedItems,
    ShownDrafts,
    read_counted_answers,
    read_items,
    read_shown_drafts,
)
from annotation.agreement.imported import SourceLevels, read_source_levels
from annotation.agreement.rater_inputs import RaterInputs, read_rater_inputs
from annotation.models import Campaign, Draft, RatingRevision
from annotation.raters.screening import read_screened_raters
from qsave.statistics.figures import Bools


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """The answers of all raters, those of the `screened` ones too, and what the figures compare them with."""

    campaign: Campaign
    answers: CountedAnswers
    items: RatedItems
    drafts: ShownDrafts
    raters: RaterInputs
    screened: frozenset[int]
    source_levels: SourceLevels
    drafted: tuple[int, int]
    """The number and the newest key of all drafts of the campaign, shown or not."""
    newest_revision: int
    """Key of the newest revision of a rating: an edit may change defects alone, which no column here holds."""

    @property
    def counts(self) -> Bools:
        """Mark the answers of raters who are not screened out (answers,)."""
        return ~np.isin(self.answers.rater, sorted(self.screened))

    def compute_digest(self, version: str) -> str:
        """Return a SHA-256 of everything that the figures depend on, with the version of the code that computes them.

        Pages also show rows of the campaign that no column here holds (its taxonomy, say); they read them live.
        """
        digest = sha256(version.encode())
        for part in self._list_parts():
            digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
        return digest.hexdigest()

    def _list_parts(self) -> Iterator[Any]:
        answers, ratings, items, drafts = self.answers, self.answers.ratings, self.items, self.drafts
        yield from (ratings.key, ratings.item, ratings.rater, ratings.draft, ratings.is_assisted, ratings.is_blind)
        yield from (answers.rating, answers.axis, answers.score)
        yield from (answers.is_exposed, answers.is_confirmed, answers.edits)
        yield from (items.key, items.clip, items.group, items.generator, items.generators)
        yield from (drafts.key, drafts.item, drafts.proposes, drafts.scores)
        yield from self.raters.list_parts()
        yield from (sorted(self.screened), self.source_levels, self.drafted, self.newest_revision)


def read_inputs(campaign: Campaign) -> Inputs:
    """Read all inputs of a campaign's figures. Thirteen queries, whatever its size."""
    revisions = RatingRevision.objects.filter(rating__slot__campaign=campaign)
    drafts = Draft.objects.filter(item__campaign=campaign).aggregate(count=Count("pk"), newest=Max("pk"))
    return Inputs(
        campaign=campaign,
        answers=read_counted_answers(campaign),
        items=read_items(campaign),
        drafts=read_shown_drafts(campaign),
        raters=read_rater_inputs(campaign),
        screened=frozenset(read_screened_raters(campaign)),
        source_levels=read_source_levels(campaign),
        drafted=(drafts["count"], drafts["newest"] or 0),
        newest_revision=revisions.aggregate(newest=Max("pk"))["newest"] or 0,
    )
