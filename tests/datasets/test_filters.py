"""Each filter of a policy: what it leaves out, what it keeps, and the reason that the release gives."""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from datasets.services.filters import explain_rating, find_video_splits
from datasets.services.options import OPTIONS
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from datasets.services.statements import ALWAYS_STATED, describe_filters, describe_policy
from qsave.release.reader import ReleaseReader
from tests.datasets.records import NO_MEDIA, clip, rating, release, review

DEFAULT = ReleasePolicy()

RATINGS: list[tuple[dict[str, Any], dict[str, Any], str, bool, bool]] = [
    # (the rating, the policy, part of the reason, whether the default counts it on train, whether the policy does)
    ({"screened": True}, {"keep_screened": True}, "screened out", False, True),
    ({"simulated": True}, {"simulated_ratings": True}, "simulated", False, True),
    ({"arm": "assisted"}, {"blind_train": True}, "trains on blind ratings only", True, False),
    ({"guideline": 0}, {"guideline_version": 1}, "guideline version", True, False),
    ({"guideline": 1}, {"guideline_version": 2}, "guideline version", True, False),
    ({"guideline": 2}, {"guideline_version": 2}, "", True, True),
    ({"guideline": 3}, {"guideline_version": 2}, "", True, True),
    ({"guideline": 3}, {"guideline_version": 2, "guideline_exact": True}, "guideline version", True, False),
    ({"share_watched": 0.79}, {"minimum_watched": 80}, "watched less", True, False),
    ({"share_watched": 0.8}, {"minimum_watched": 80}, "", True, True),
    ({"share_watched": None}, {"minimum_watched": 1}, "watched less", True, False),
    ({"share_watched": None}, {}, "", True, True),
    ({"kind": "gold"}, {"keep_screened": True, "simulated_ratings": True}, "known scores", False, False),
]


@pytest.mark.parametrize(("facts", "choices", "why", "before", "after"), RATINGS)
def test_a_filter_of_ratings(
    facts: dict[str, Any], choices: dict[str, Any], why: str, before: bool, after: bool
) -> None:
    row, policy = rating("ann", **facts), ReleasePolicy.from_json(choices)
    assert (explain_rating(row, "train", DEFAULT) == "") is before
    assert (explain_rating(row, "train", policy) == "") is after
    assert why in (explain_rating(row, "train", policy) or explain_rating(row, "train", DEFAULT))


@pytest.mark.parametrize("split", ["val", "test"])
def test_no_policy_counts_an_assisted_rating_of_val_or_test(split: str) -> None:
    everything = ReleasePolicy(keep_screened=True, simulated_ratings=True, unedited_drafts=True)
    assert "not blind" in explain_rating(rating("ann", arm="assisted"), split, everything)
    assert not explain_rating(rating("ann", screened=True, simulated=True), split, everything)


def made(folder: Path, **choices: Any) -> dict[str, Any]:
    """The manifest of a release of a few clips under a policy."""
    records = [
        clip("t1", rating("ann", 2), rating("bob", 3)),
        clip("t2", rating("ann", 4, arm="assisted"), generator="toy-2"),
        clip("t3", rating("ann", 4, own_words=False, arm="assisted"), rating("cy", 5, screened=True)),
        clip("v1", rating("ann", 4), rating("bob", 4), split="val", generator="toy-2"),
        clip("r1", rating("ann", 3, arm="assisted"), review=review(5)),
    ]
    return release(folder, records, replace(NO_MEDIA, **choices))


CLIPS: list[tuple[dict[str, Any], Mapping[str, Mapping[str, int]]]] = [
    ({}, {"sft, cooldown": {"only unedited drafts describe visual, dynamic, alignment": 1}}),
    ({"unedited_drafts": True}, {}),
    ({"keep_screened": True}, {}),
    (
        {"minimum_ratings": 2},
        {"the release": {"fewer than 2 ratings that count": 3}},
    ),
    (
        {"left_out_generators": ("toy-2",)},
        {
            "the release": {"the policy leaves its generator out": 2},
            "sft, cooldown": {"only unedited drafts describe visual, dynamic, alignment": 1},
        },
    ),
    ({"blind_train": True}, {"the release": {"no rating that counts": 3}}),
    ({"reasons_from": "none"}, {"sft, cooldown": {"the policy takes no reasons": 5}}),
    (
        {"reasons_from": "blind"},
        {"sft, cooldown": {"no reason of a blind rating describes visual, dynamic, alignment": 2}},
    ),
]


@pytest.mark.parametrize(("choices", "left_out"), CLIPS)
def test_what_a_policy_leaves_out_of_a_release(
    tmp_path: Path, choices: dict[str, Any], left_out: Mapping[str, Mapping[str, int]]
) -> None:
    counts = made(tmp_path / "a", **choices)["counts"]
    assert counts["left_out"] == left_out
    rows = counts["rows"]
    assert sum(counts["clips"].values()) == 5 - sum(left_out.get("the release", {}).values())
    described = sum(rows[f"sft/{split}.jsonl"] for split in ("train", "val", "test"))
    assert described == sum(counts["clips"].values()) - sum(left_out.get("sft, cooldown", {}).values())


def test_a_filtered_clip_is_in_no_figure(tmp_path: Path) -> None:
    """The pooled SD and the agreement are those of the release, and not of the campaign."""
    full, few = made(tmp_path / "full"), made(tmp_path / "few", left_out_generators=("toy-2",))
    assert full["agreement"]["visual"]["blind_ratings"] == 4
    assert few["agreement"]["visual"]["blind_ratings"] == 2


def test_a_generator_that_is_left_out_decides_no_split() -> None:
    first, second = clip("a", generator="toy-2", split="val"), replace(clip("b"), sha256=clip("a").sha256)
    assert find_video_splits([first, second], DEFAULT)[first.sha256] == "val"
    assert find_video_splits([first, second], ReleasePolicy(left_out_generators=("toy-2",))) == {first.sha256: "train"}


def test_each_rating_row_says_why_it_does_not_count(tmp_path: Path) -> None:
    made(tmp_path / "a", blind_train=True, unedited_drafts=True, keep_screened=True)
    rows = pq.read_table(tmp_path / "a" / "ratings.parquet").to_pylist()
    assert {row["not_counted_because"] for row in rows if row["clip_id"] == "t3"} == {
        "",
        "not blind, and the policy trains on blind ratings only",
    }


def test_a_release_without_reasons_has_rl_rows(tmp_path: Path) -> None:
    made(tmp_path / "a", reasons_from="none")
    reader = ReleaseReader(tmp_path / "a")
    assert len(list(reader.rows("rl", "train"))) == 4
    assert not list(reader.rows("sft", "train"))


def test_every_field_of_a_policy_is_an_option() -> None:
    assert {field.name for field in fields(ReleasePolicy)} == OPTIONS.keys()
    assert ReleasePolicy.from_json(DEFAULT.to_json()) == DEFAULT


def test_a_manifest_states_each_option_that_differs() -> None:
    """Those that came later are stated only then, so that a release without them keeps its bytes."""
    assert {name for name in OPTIONS if name in describe_policy(DEFAULT)} == {*ALWAYS_STATED}
    choices = {"minimum_watched": 80, "guideline_version": 3, "left_out_generators": ["toy-1"], "minimum_ratings": 2}
    policy = ReleasePolicy.from_json(choices)
    stated = describe_policy(policy)
    assert {name: stated[name] for name in choices} == choices
    assert "at least 80% of the clip" in stated["ratings"]
    assert "guideline version 3 or later" in stated["ratings"]
    assert describe_filters(policy, "films")["clips"] == (
        "all that have a target and at least 2 counted ratings; without clips of toy-1"
    )


def test_an_exact_guideline_needs_a_version() -> None:
    with pytest.raises(ReleaseRefused, match="needs a guideline_version"):
        ReleasePolicy(guideline_exact=True)


@pytest.mark.parametrize(("name", "completed"), [("films", "films-simulated"), ("my-Simulated-1", "my-Simulated-1")])
def test_simulated_ratings_are_in_the_name(name: str, completed: str) -> None:
    assert ReleasePolicy(simulated_ratings=True).complete_name(name) == completed
    assert DEFAULT.complete_name(name) == name
