"""What a manifest says of a policy: the options and the fixed rules, in sentences for readers of the release."""

from typing import Any

from datasets.services.options import TARGETS
from datasets.services.policy import ReleasePolicy

ALWAYS_STATED = (
    "target",
    "media",
    "seed",
    "unedited_drafts",
    "cooldown_range",
    "cooldown_ratings",
    "allow_small_splits",
)
"""Options that every manifest states. The others came later: a manifest states them if they differ from the default,
so that a release without them keeps its bytes."""


def describe_policy(policy: ReleasePolicy) -> dict[str, Any]:
    """Return the options together with the rules, as the manifest states them."""
    held_out = policy.choose_target("val")
    stated = {name: value for name, value in policy.to_json().items() if name in ALWAYS_STATED}
    judgements = "in judgements.parquet, on the scales of their sources; no target counts them"
    return (
        stated
        | policy.list_changes()
        | ({"imported_judgements": judgements} if policy.imported_sources else {})
        | {
            "target_of_val_and_test": "blind ratings only" + (f", {held_out}" if held_out != policy.target else ""),
            "target_of_train": TARGETS[policy.target].rule,
            "blind": "drawn blind, or rated while no critic was active in the campaign",
            "agreement": "blind ratings only; so is the pooled SD behind the standard errors, and the cool-down",
            "level": "MOS rounded half up (2.5 -> 3)",
            "ratings": _describe_ratings(policy),
            "reasons": _describe_reasons(policy),
            "defects": "reviewed on train, else those that at least half of the counted raters name in own words; "
            "if nobody has own words, the target says so (described: false)",
            "drafts": "as submitted" if policy.unedited_drafts else "a draft accepted without an edit is no target",
            "splits": "stored with the prompt group at import, before any rating",
        }
    )


def describe_filters(policy: ReleasePolicy, campaign: str) -> dict[str, Any]:
    """Return which clips the release is made of, as the manifest states it."""
    clips = "all that have a target"
    if policy.minimum_ratings > 1:
        clips += f" and at least {policy.minimum_ratings} counted ratings"
    if policy.left_out_generators:
        clips += f"; without clips of {', '.join(policy.left_out_generators)}"
    return {"campaign": campaign, "clips": clips}


def _describe_ratings(policy: ReleasePolicy) -> str:
    checks = "golds, repeats and qualification clips" if policy.keep_screened else "golds, repeats, qualification clips"
    text = f"the current revision of each rating in a rating slot; {checks}"
    text += (
        " do not count, ratings of screened raters do"
        if policy.keep_screened
        else (" and screened raters do not count")
    )
    later = "" if policy.guideline_exact else " or later"
    extra = {
        "simulated ratings count": policy.simulated_ratings,
        "on train, assisted ratings do not count": policy.blind_train,
        f"only ratings under guideline version {policy.guideline_version}{later} count": policy.guideline_version,
        f"only ratings of raters who watched at least {policy.minimum_watched}% of the clip count": (
            policy.minimum_watched
        ),
    }
    return "; ".join([text, *(sentence for sentence, applies in extra.items() if applies)])


def _describe_reasons(policy: ReleasePolicy) -> str:
    if policy.reasons_from == "none":
        return "the release has no reasons, so it has no sft and cooldown rows"
    blind = "else, from blind ratings only, " if policy.reasons_from == "blind" else "else "
    return (
        f"axis by axis: reviewed text on train, {blind}the rater whose score is closest to the target, then whose "
        "defects are most like the target's, a blind rater before an assisted one, ties by seed; an answer "
        "lists the defects of the target, no matter who wrote its reason"
    )
