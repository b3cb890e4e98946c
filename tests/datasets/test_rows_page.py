"""The table of a release's rows: what it shows, its filters and pages, and that it reads the frozen files."""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from annotation.models import Clip
from datasets.models import Release
from datasets.services import frozen_rows
from datasets.services.frozen_rows import RowFilter, read_page
from datasets.services.policy import ReleasePolicy
from datasets.services.releases import build_release, locate_release
from qsave.axes import AXES
from qsave.release.encoding import ReleaseError
from tests.annotation.factories import make_campaign
from tests.datasets.records import clip, rating, release
from tests.datasets.world import engineer, rated_campaign
from tests.support.markup import collapse_space

GENERATORS = ("toy-1", "toy-2")
CLIPS = {
    f"{split}-{number}": (split, GENERATORS[number % 2], f"A {'Red' if number % 3 else 'blue'} fox {number}")
    for split, size in (("train", 7), ("val", 2), ("test", 3))
    for number in range(size)
}
"""By id: split, generator and prompt."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rows") / "release"
    records = [
        clip(
            clip_id,
            rating("ann", 2, defects=["blur"], reason=f"Why {clip_id}"),
            split=split,
            generator=generator,
            prompt=prompt,
        )
        for clip_id, (split, generator, prompt) in CLIPS.items()
    ]
    release(folder, records)
    return folder


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen_rows, "PAGE_SIZE", 3)
    monkeypatch.setattr(frozen_rows, "BATCH", 4)


def list_ids(folder: Path, wanted: RowFilter) -> list[str]:
    """Read all pages, forwards."""
    page = read_page(folder, wanted, 1)
    ids = [row.clip["id"] for row in page.rows]
    while page.next_number is not None:
        page = read_page(folder, wanted, page.next_number)
        ids += [row.clip["id"] for row in page.rows]
        assert page.last == len(ids)
    assert page.count == len(ids)
    return ids


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    split=st.sampled_from(["", "train", "val", "test"]),
    generator=st.sampled_from(["", *GENERATORS]),
    text=st.sampled_from(["", "red", "FOX 1", "train-", "no such words", ".*"]),
)
def test_the_pages_have_just_the_rows_of_the_filter(folder: Path, split: str, generator: str, text: str) -> None:
    assert list_ids(folder, RowFilter(split, generator, text)) == [
        clip_id
        for clip_id, (in_split, by, prompt) in sorted(CLIPS.items())
        if split in ("", in_split)
        and generator in ("", by)
        and (text.lower() in prompt.lower() or text.lower() in clip_id)
    ]


def test_a_row_has_targets_defects_and_reasons(folder: Path) -> None:
    page = read_page(folder, RowFilter(split="val"), 1)
    assert [row.clip["id"] for row in page.rows] == ["val-0", "val-1"]
    for row in page.rows:
        assert [one.axis for one in row.axes] == [*AXES]
        for one in row.axes:
            assert (one.target["mos"], one.target["n"], one.target["defects"]) == (2.0, 1, ["blur"])
            assert one.reason == f"Why {row.clip['id']}"


def test_a_page_after_the_last_is_the_last(folder: Path) -> None:
    page = read_page(folder, RowFilter(), 99)
    assert (page.number, page.first, page.last, page.next_number, page.previous_number) == (4, 10, 12, None, 3)
    assert read_page(folder, RowFilter(text="nothing"), 5).count == 0


@pytest.mark.parametrize("name", ["clips.parquet", "targets.parquet"])
def test_files_that_cannot_be_read_are_an_error_that_names_the_folder(folder: Path, tmp_path: Path, name: str) -> None:
    for other in ("clips.parquet", "targets.parquet"):
        (tmp_path / other).write_bytes((folder / other).read_bytes() if other != name else b"damaged")
    with pytest.raises(ReleaseError, match=str(tmp_path)):
        read_page(tmp_path, RowFilter(), 1)


@pytest.fixture
def frozen(db: None) -> Release:
    campaign = rated_campaign(2, 1, 1, raters=1)
    return build_release(
        actor=engineer(), campaign=campaign, name="first", policy=ReleasePolicy(allow_small_splits=True)
    )


@pytest.fixture
def as_engineer(db: None) -> Client:
    client = Client()
    client.force_login(engineer())
    return client


def read_text(client: Client, query: str = "") -> str:
    answer = client.get(f"/releases/1/rows{query}")
    assert answer.status_code == 200
    return collapse_space(answer.content.decode())


def test_the_page_links_each_row_to_its_clip(
    as_engineer: Client, frozen: Release, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(6):
        text = read_text(as_engineer, "?split=train")
    for item in frozen.campaign.items.select_related("clip"):
        is_listed = f'href="{reverse("campaign-item", args=[frozen.campaign.name, item.pk])}"' in text
        assert is_listed == item.clip.clip_id.startswith("train")


def test_the_page_shows_what_was_frozen_and_says_what_changed_since(as_engineer: Client, frozen: Release) -> None:
    before = read_text(as_engineer)
    first, second = Clip.objects.order_by("clip_id")[:2]
    first.prompt, first.sha256 = "another prompt", "0" * 64
    first.save()
    second.items.update(campaign=make_campaign(name="other"))
    after = read_text(as_engineer)
    assert "another prompt" not in after
    assert ("file replaced since" in before, "file replaced since" in after) == (False, True)
    assert ("not in the campaign any more" in before, "not in the campaign any more" in after) == (False, True)
    assert f"/media/clips/poster/{first.pk}" not in after


@pytest.mark.parametrize("query", ["?split=nowhere&page=0", "?generator=none&page=x", "?page=99999999999999999999"])
def test_a_query_that_means_nothing_shows_all_rows(as_engineer: Client, frozen: Release, query: str) -> None:
    assert read_text(as_engineer, query).count('role="rowheader"') == 3


def test_a_release_without_readable_rows_leads_to_its_page(as_engineer: Client, frozen: Release) -> None:
    (locate_release(frozen) / "targets.parquet").write_bytes(b"damaged")
    answer = as_engineer.get("/releases/1/rows", follow=True)
    assert answer.redirect_chain == [("/releases/1", 302)]
    assert "cannot be read" in answer.content.decode()
    Release.objects.update(state=Release.State.FAILED)
    assert "/releases/1" in as_engineer.get("/releases/1/rows", follow=True).redirect_chain[0][0]


def test_the_page_of_a_release_has_its_card_and_the_lines_that_get_it(as_engineer: Client, frozen: Release) -> None:
    text = as_engineer.get("/releases/1").content.decode()
    assert "python -m qsave.release pull http://testserver/releases/1 0001-first" in text
    assert "http://testserver/api/releases/1/archive" in text
    assert "load_dataset(&quot;0001-first&quot;" in text
    assert 'href="/releases/1/rows"' in text
    assert '<h4 dir="auto">Agreement</h4>' in text
    assert "pretty_name" not in text
