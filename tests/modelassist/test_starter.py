"""The starter in the checkout is small and safe, its card says how weak it is, and it drafts; the demo shows it."""

import json
import struct
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Role, User
from annotation.agreement.figures import compute_agreement
from annotation.agreement.headlines import list_headlines
from annotation.models import AxisAnswer, Campaign, Draft, Item, Rating
from modelassist.management.commands.load_demo import CLIPS, FIXED_SALT, RATINGS_PER_CLIP, SEED
from modelassist.models import Activation
from modelassist.services import drafting, simulation
from modelassist.services.starter import CARD, MAX_BYTES, get_starter_folder, register_starter
from operations import demo_sign_ins
from qsave.statistics.evidence import LEAST_CLIPS, LEVELS, weigh


def test_it_is_small_and_in_bfloat16() -> None:
    folder = get_starter_folder()
    assert sum(path.stat().st_size for path in folder.rglob("*")) <= MAX_BYTES
    with (folder / "model.safetensors").open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    assert {entry["dtype"] for name, entry in header.items() if name != "__metadata__"} == {"BF16"}


def test_its_card_says_how_it_was_made_what_it_measures_and_how_weak_it_is() -> None:
    card = (get_starter_folder() / CARD).read_text()
    for heading in ("## How it was made", "## What it measures", "## How weak it is"):
        assert heading in card


@pytest.mark.django_db
def test_it_comes_in_with_what_it_measured(engineer: User) -> None:
    critic = register_starter(actor=engineer)
    assert str(critic) == "starter@1"
    assert critic.evaluation["splits"]
    assert critic.model == "./modelassist/starter"


in_a_new_database = pytest.mark.django_db(transaction=True, reset_sequences=True)
"""What the demo's raters say is drawn by the keys of its rows, which begin at 1 only there."""


@pytest.fixture(scope="module")
def demo_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's clips, rendered once for the tests of this file."""
    return simulation.render_manifest(tmp_path_factory.mktemp("demo"), seed=SEED, indices=range(CLIPS))


@pytest.fixture
def load(demo_clips: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Load the demo, and return the printed output."""

    def load() -> str:
        printed = StringIO()
        call_command("load_demo", stdout=printed)
        return printed.getvalue()

    monkeypatch.setattr(simulation, "render_manifest", lambda *_, **__: demo_clips)
    return load


@in_a_new_database
def test_the_demo_has_people_ratings_and_a_critic_that_drafts(load: Callable[[], str]) -> None:
    load()
    campaign = Campaign.objects.get()
    assert campaign.is_simulated
    assert {user.role for user in User.objects.filter(is_simulated=False)} == set(Role)
    assert Rating.objects.count() == CLIPS * RATINGS_PER_CLIP
    assert set(Rating.objects.values_list("is_simulated", flat=True)) == {True}
    assert Activation.objects.get(campaign=campaign).critic.name == "starter"
    assert simulation.count_free_slots(campaign) >= CLIPS  # enough is left for whoever tries it
    for sign_in in demo_sign_ins.read_sign_ins():
        assert User.objects.get(username=sign_in.username).check_password(sign_in.password)
    done = drafting.draft_next(campaign=campaign, limit=4)
    assert done.drafted + done.failed == 4
    assert Draft.objects.filter(critic="starter@1").count() == done.drafted >= 2


@in_a_new_database
def test_the_demo_shows_every_figure_of_agreement(load: Callable[[], str]) -> None:
    load()
    page = compute_agreement(Campaign.objects.get())
    for axis in page.axes:
        assert min(axis.blind.basis.paired, axis.assisted.basis.paired) >= LEAST_CLIPS
        assert [(one.name, one.of) for one in list_headlines(axis) if one.figure.is_thin] == []
        assert any(pair.is_significant for pair in page.differences[axis.axis])
        assert not any(weigh(row.mos, scale=LEVELS).is_thin for row in page.generators[axis.axis])
    for arm in page.arms:
        assert [figure for figure in (arm.difference, arm.nearer, arm.spread_ratio) if figure.is_thin] == []
    assert all(rater.shared >= LEAST_CLIPS for rater in page.raters)
    assert sum(rater.repeats.n for rater in page.raters) > 0
    assert sum(rater.gold.n for rater in page.raters) > 0
    assert set(Item.objects.values_list("clip__prompt_group__split", flat=True)) == {"train", "val", "test"}


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_every_demo_has_the_same_ratings_and_a_salt_of_its_own(load: Callable[[], str]) -> None:
    demos, salts = [], {FIXED_SALT}
    for _ in range(2):
        call_command("flush", interactive=False, verbosity=0)  # keys begin at 1 again, as in a new database
        load()
        demos.append(ratings_of_the_demo())
        salts.add(Campaign.objects.get().salt)
    assert demos[0] == demos[1]
    assert len(salts) == 3


def ratings_of_the_demo() -> list[tuple[object, ...]]:
    rating = "revision__rating__"
    fields = [f"{rating}item__clip__clip_id", f"{rating}rater__username", f"{rating}slot__kind", f"{rating}arm"]
    return sorted(AxisAnswer.objects.values_list(*fields, "axis", "score", "reason", "draft_use"))


@pytest.mark.django_db
def test_the_demo_never_mixes_with_real_people(engineer: User) -> None:
    with pytest.raises(CommandError, match="empty one only"):
        call_command("load_demo", stdout=StringIO())
    assert not Campaign.objects.exists()


@pytest.mark.django_db
def test_a_checkout_without_a_starter_has_a_demo_without_a_critic(
    load: Callable[[], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("modelassist.services.starter.get_starter_folder", lambda: tmp_path / "none")
    assert "no critic drafts" in load()
    assert not Activation.objects.exists()
