"""`manage.py release` and `manage.py verify_release`."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from annotation.agreement import reviews
from datasets.models import Release
from datasets.services.options import OPTIONS
from datasets.services.releases import locate_release
from qsave.release.manifest import encode_manifest
from tests.annotation.factories import make_card, make_lead
from tests.datasets.records import clip, rating, release
from tests.datasets.world import engineer, rated_campaign

pytestmark = pytest.mark.django_db
SMALL = "--allow-small-splits"


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_release_prints_where_it_lies_and_verify_finds_it_intact() -> None:
    campaign = rated_campaign(2, 1, 1)
    engineer()
    printed = run("release", campaign.name, "--name", "first", "--seed", "3", SMALL)
    made = Release.objects.get()
    assert made.policy["seed"] == 3
    assert made.content_hash in printed
    assert printed.strip().endswith(str(locate_release(made)))
    assert "intact" in run("verify_release", str(locate_release(made)))


def test_small_splits_are_refused_until_they_are_allowed() -> None:
    campaign = rated_campaign(1, 2, 0, raters=1)
    engineer()
    with pytest.raises(CommandError, match=r"val has 2 clips of 2 prompt groups; test has 0.*--allow-small-splits"):
        run("release", campaign.name, "--name", "first")
    assert not Release.objects.exists()
    assert "release 1: 1 train, 2 val, 0 test" in run("release", campaign.name, "--name", "first", SMALL)


def test_what_was_left_out_is_counted_on_the_command_line() -> None:
    campaign = rated_campaign(2, 1, 0, raters=1)
    engineer()
    item = campaign.items.get(clip__clip_id="train-00")
    reviews.review(actor=campaign.created_by, item=item, card=make_card(4), note="")
    printed = run("release", campaign.name, "--name", "first", "--policy", "reviewed", SMALL)
    assert "1 left out of the release: not reviewed" in printed


def test_a_preview_prints_what_is_left_out_and_why_and_writes_nothing() -> None:
    campaign = rated_campaign(3, 1, 0, raters=2)
    printed = run("release", campaign.name, "--preview", "--minimum-ratings", "3", "--left-out-generator", "toy-9")
    assert "4 clips of the campaign\n  - 4: fewer than 3 ratings that count\n  = 0 in the release" in printed
    assert "This release would be refused:\n  Campaign" in printed
    whole = run("release", campaign.name, "--preview", "--reasons-from", "none", SMALL)
    assert "train: 3 clips of 3 prompt groups" in whole
    assert "4 clips of the release\n  - 4: the policy takes no reasons\n  = 0 with an sft row" in whole
    assert "refused" not in whole
    assert not Release.objects.exists()


def test_every_option_of_a_policy_is_an_option_of_the_command() -> None:
    campaign = rated_campaign(3, 1, 0, raters=2)
    engineer()
    choices = {
        "target": "bias_corrected",
        "media": "none",
        "seed": 4,
        "unedited_drafts": True,
        "cooldown_range": 2,
        "cooldown_ratings": 1,
        "allow_small_splits": True,
        "keep_screened": True,
        "simulated_ratings": True,
        "blind_train": True,
        "minimum_ratings": 2,
        "left_out_generators": ["a", "b"],
        "reasons_from": "blind",
    }
    left = {"guideline_version", "guideline_exact", "minimum_watched", "imported_sources"}  # nothing would be left
    assert choices.keys() | left == OPTIONS.keys()
    arguments = []
    for name, value in choices.items():
        flag = f"--{OPTIONS[name].flag or name.replace('_', '-')}"
        for each in value if isinstance(value, list) else [value]:
            arguments += [flag] if each is True else [flag, str(each)]
    run("release", campaign.name, "--name", "all", *arguments)
    stored = Release.objects.get()
    assert {name: stored.policy[name] for name in choices} == choices
    assert stored.name == "all-simulated"


def test_verify_names_what_changed() -> None:
    campaign = rated_campaign(1, 0, 0)
    engineer()
    run("release", campaign.name, "--name", "first", SMALL)
    folder = locate_release(Release.objects.get())
    path = folder / "rl" / "train.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Prompt", b"Prompd"))
    with pytest.raises(CommandError, match=r"rl/train\.jsonl: its bytes changed"):
        run("verify_release", str(folder))


def test_verify_says_what_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not a release"):
        run("verify_release", str(tmp_path))


def test_verify_says_how_to_go_on_from_an_earlier_format(tmp_path: Path) -> None:
    release(tmp_path / "a", [clip("t", rating("ann"))])
    path = tmp_path / "a" / "manifest.json"
    path.write_bytes(encode_manifest(json.loads(path.read_bytes()) | {"format": "qsave-release/1"}))
    with pytest.raises(CommandError, match=r"^\S+ has the earlier format 'qsave-release/1'.* Freeze it again"):
        run("verify_release", str(tmp_path / "a"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "--name", "x"], "no campaign 'nowhere'"),
        (["{campaign}"], "give one with --name, or look at it first with --preview"),
        (["{campaign}", "--preview", "--minimum-watched=101"], "minimum_watched is a whole number from 0 to 100"),
        (["{campaign}", "--name", "x", "--policy", "bt500"], "7 ratings or more"),
        (["{campaign}", "--name", "x", "--as", "nobody"], "no active engineer called 'nobody'"),
        (["{campaign}", "--name", "x", "--as", "{lead}"], "no active engineer called"),
        (["{campaign}", "--name", "no spaces"], "is made of letters"),
        (["{campaign}", "--name", "x", "--seed=-1"], "whole number"),
    ],
)
def test_what_cannot_be_made_is_an_error_that_says_why(arguments: list[str], message: str) -> None:
    campaign, someone = rated_campaign(1, 0, 0), make_lead()
    engineer()
    filled = [word.format(campaign=campaign.name, lead=someone.username) for word in arguments]
    with pytest.raises(CommandError, match=message):
        run("release", *filled, SMALL)
