"""Which ratings count, and which clips are in a release: pure rules over facts, for the build and its preview alike.

Each function returns why a rating or a clip is left out, and an empty text if it is not. The first rule that applies
gives the reason, so the counts of all reasons add up.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from datasets.services.policy import ReleasePolicy
from qsave.axes import Axis

CHECK_SLOT_REASONS = {
    "gold": "a check against known scores",
    "repeat": "a repeat of the rater's own",
    "qualification": "given to qualify",
    "earlier": "of an earlier file of the clip",
}
"""Why a rating in a check slot of each kind does not count. Ratings in rating slots (kind `seat`) count."""
SCREENED = "rater screened out"
SIMULATED = "simulated"
ASSISTED = "not blind, and the policy trains on blind ratings only"
GUIDELINE = "under a guideline version that the policy leaves out"
WATCHED = "the rater watched less of the clip than the policy asks for"
GENERATOR = "the policy leaves its generator out"


class RatingFacts(Protocol):
    """What decides whether a rating counts."""

    @property
    def kind(self) -> str: ...
    @property
    def screened(self) -> bool: ...
    @property
    def simulated(self) -> bool: ...
    @property
    def blind(self) -> bool: ...
    @property
    def guideline(self) -> int:
        """Number of the guidelines' version that the rater saw; 0 if the campaign had no guidelines yet."""
        ...

    @property
    def share_watched(self) -> float | None: ...


class ClipFacts(Protocol):
    """What decides whether a clip can be in a release, without its ratings."""

    @property
    def sha256(self) -> str: ...
    @property
    def split(self) -> str: ...
    @property
    def generator(self) -> str: ...
    @property
    def excluded(self) -> str: ...
    @property
    def bridges(self) -> bool: ...
    @property
    def held_out(self) -> bool: ...


def explain_rating(rating: RatingFacts, split: str, policy: ReleasePolicy) -> str:
    """Return why a rating of a clip in `split` does not count towards the targets."""
    if rating.kind != "seat":
        return CHECK_SLOT_REASONS[rating.kind]
    if rating.screened and not policy.keep_screened:
        return SCREENED
    if rating.simulated and not policy.simulated_ratings:
        return SIMULATED
    if not rating.blind and split != "train":
        return "not blind, and the clip is not for training"
    if not rating.blind and policy.blind_train:
        return ASSISTED
    if _is_of_another_guideline(rating.guideline, policy):
        return GUIDELINE
    if policy.minimum_watched and 100 * (rating.share_watched or 0.0) < policy.minimum_watched:
        return WATCHED
    return ""


def _is_of_another_guideline(version: int, policy: ReleasePolicy) -> bool:
    if policy.guideline_exact:
        return version != policy.guideline_version
    return version < policy.guideline_version


def explain_clip(
    clip: ClipFacts, video_splits: Mapping[str, str], policy: ReleasePolicy, *, ratings: int, counted: int
) -> str:
    """Return why a clip with so many `ratings`, of which so many are `counted`, is left out of the release.

    `video_splits` comes from `find_video_splits`, and may lack videos that only one clip has. The text after a colon is
    about this clip only.
    """
    why_not = _explain_facts(clip, policy)
    if why_not:
        return why_not
    split = video_splits.get(clip.sha256, clip.split)
    if split != clip.split:
        return f"the same video is in {split}"
    if not ratings:
        return "not rated"
    if not counted:
        return "no rating that counts"
    return explain_few_ratings(policy) if counted < policy.minimum_ratings else ""


def explain_few_ratings(policy: ReleasePolicy) -> str:
    return f"fewer than {policy.minimum_ratings} ratings that count"


def find_video_splits(clips: Iterable[ClipFacts], policy: ReleasePolicy) -> dict[str, str]:
    """Return the split of each video: that of the first of its clips that can be in the release."""
    video_splits: dict[str, str] = {}
    for clip in clips:
        note_video_split(video_splits, clip, policy)
    return video_splits


def note_video_split(video_splits: dict[str, str], clip: ClipFacts, policy: ReleasePolicy) -> None:
    """Add the split of a clip's video, unless it is known already or the clip cannot be in the release."""
    if not _explain_facts(clip, policy):
        video_splits.setdefault(clip.sha256, clip.split)


def _explain_facts(clip: ClipFacts, policy: ReleasePolicy) -> str:
    """Return why a clip is left out, whatever its ratings and the other clips are."""
    if clip.excluded:
        return f"excluded by a lead: {clip.excluded}"
    if clip.bridges:
        return "its prompt or video is near others of a different split"
    if clip.held_out and clip.split != "test":
        return f"its generator {clip.generator} is held out for test, and its prompt is in {clip.split}"
    if clip.generator in policy.left_out_generators:
        return f"{GENERATOR}: {clip.generator}"
    return ""


def may_give_words(*, own_words: bool, blind: bool, policy: ReleasePolicy) -> bool:
    """Return whether the reason of a counted rating may be in an answer that a critic learns from."""
    if policy.reasons_from == "none" or (policy.reasons_from == "blind" and not blind):
        return False
    return own_words or policy.unedited_drafts


def explain_no_words(axes: Iterable[Axis], policy: ReleasePolicy) -> str:
    """Return why a clip has no sft row, if these axes have no reason."""
    names = ", ".join(axes)
    if policy.reasons_from == "none":
        return "the policy takes no reasons"
    if policy.reasons_from == "blind":
        return f"no reason of a blind rating describes {names}"
    return f"only unedited drafts describe {names}"


def explain_not_agreed(scores: Sequence[Sequence[int]], policy: ReleasePolicy) -> str:
    """Return why a train clip is not in the cool-down. `scores` are the counted blind ratings, each a score an axis."""
    if len(scores) < max(1, policy.cooldown_ratings):
        return explain_few_blind(policy)
    if any(max(axis) - min(axis) > policy.cooldown_range for axis in zip(*scores, strict=True)):
        return explain_disagreement(policy)
    return ""


def explain_few_blind(policy: ReleasePolicy) -> str:
    return f"fewer than {max(1, policy.cooldown_ratings)} blind ratings"


def explain_disagreement(policy: ReleasePolicy) -> str:
    return f"blind ratings differ by more than {policy.cooldown_range}"
