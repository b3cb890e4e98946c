"""An import's report on its prompt groups and on the campaign's splits."""

import pytest

from annotation.campaigns.campaigns import add_clips
from annotation.intake.import_report import ImportReport, read_report, read_split_sizes, warn_about_small_splits
from annotation.models import Campaign, Clip, ClipImport, ImportRow, Item, PromptGroup
from qsave.splits import LEAST_CLIPS, LEAST_GROUPS, SplitSize
from tests.annotation import factories

pytestmark = pytest.mark.django_db
ENOUGH = SplitSize(LEAST_CLIPS, LEAST_GROUPS)


def add_to_campaign(campaign: Campaign, clips: list[Clip]) -> list[Clip]:
    add_clips(actor=factories.make_lead(), campaign=campaign, clips=clips)
    return clips


def test_the_sizes_count_clips_and_groups_of_the_campaign_that_releases_can_use() -> None:
    campaign = factories.make_campaign()
    group = PromptGroup.objects.create(representative="shared", split="val")
    add_to_campaign(campaign, [factories.make_clip(group=group) for _ in range(3)])
    add_to_campaign(
        campaign, [factories.make_clip(split="train"), factories.make_clip(split="train", bridges_splits=True)]
    )
    (qualifying,) = add_to_campaign(campaign, [factories.make_clip(split="test")])
    Item.objects.filter(clip=qualifying).update(is_qualification=True)
    (excluded,) = add_to_campaign(campaign, [factories.make_clip(split="val")])
    Item.objects.filter(clip=excluded).update(availability=Item.Availability.EXCLUDED, exclusion_reason="Gore.")
    factories.make_clip(split="test")

    assert read_split_sizes(campaign) == {"train": SplitSize(1, 1), "val": SplitSize(3, 1), "test": SplitSize()}
    assert read_split_sizes(None) == {"train": SplitSize(1, 1), "val": SplitSize(4, 2), "test": SplitSize(2, 2)}


@pytest.mark.parametrize(
    ("val", "test", "expected"),
    [
        (ENOUGH, ENOUGH, []),
        (SplitSize(19, 10), ENOUGH, ["The split val has 19 clips of 10 prompt groups."]),
        (ENOUGH, SplitSize(20, 9), ["The split test has 20 clips of 9 prompt groups."]),
        (SplitSize(1, 1), SplitSize(), ["The split val has 1 clip of 1 prompt group.", "The split test is empty."]),
    ],
)
def test_an_empty_or_small_val_or_test_split_has_a_warning(
    val: SplitSize, test: SplitSize, expected: list[str]
) -> None:
    warnings = warn_about_small_splits({"train": SplitSize(), "val": val, "test": test})

    assert [warning.split(".")[0] + "." for warning in warnings] == expected
    assert all("before you freeze a release" in warning for warning in warnings)


def report_clips(clips: list[Clip]) -> ImportReport:
    """Return the report of a finished import of these clips."""
    clip_import = ClipImport.objects.create(created_by=factories.make_lead())
    ImportRow.objects.bulk_create(
        ImportRow(clip_import=clip_import, number=number, state=ImportRow.State.ADDED, clip=clip)
        for number, clip in enumerate(clips, start=1)
    )
    return read_report(clip_import)


def test_one_group_with_most_of_the_clips_has_a_warning() -> None:
    group = PromptGroup.objects.create(representative="shared", split="val")

    report = report_clips(
        [factories.make_clip(group=group) for _ in range(30)] + [factories.make_clip() for _ in range(4)]
    )

    assert report.groups == 5
    assert "30 of the 34 clips are in one prompt group, so they are all in one split." in report.warnings[0]


def test_clips_that_bridge_two_splits_are_counted_in_a_warning() -> None:
    report = report_clips([factories.make_clip(bridges_splits=number < 2) for number in range(3)])

    assert report.as_json()["bridges"] == 2
    assert report.warnings[0].startswith("2 clips belong to two splits")
