"""Evaluations keep their bytes: files that were written before there was a record are read and written back."""

import gzip
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from qsave.axes import AXES, Axis
from qsave.run.encoding import NOT_MEASURED, EvaluationError
from qsave.run.evaluation import About, Evaluation, read_evaluation
from qsave.run.figures import Counts
from qsave.run.files import EVALUATION_FILE, name_predictions_file
from qsave.statistics.figures import Estimate, Interval, Undefined

ROOT = Path(__file__).parents[3]
FOLDER = Path(__file__).parent / "evaluations"
"""Evaluations by the code of commit b88510a, made up or of a tiny model: each name says what is in it. The two with a
commit in their name are starters of that commit, in formats that are no longer written."""
SEALED = (
    "run-val-test",
    "train-split",
    "no-report-card",
    "equal-scores",
    "no-clips",
    "evaluate-command",
    "training-run",
)
EARLIER = ("starter-84a5322", "starter-bc91ab1")
STARTER = ROOT / "modelassist" / "starter" / EVALUATION_FILE


def read_bytes(name: str) -> bytes:
    return gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes())


def write_bytes(evaluation: Evaluation, **style: Any) -> bytes:
    return (json.dumps(evaluation.to_json(), **style) + "\n").encode()


@pytest.mark.parametrize("name", SEALED)
def test_an_evaluation_keeps_its_bytes(name: str) -> None:
    before = read_bytes(name)
    evaluation = Evaluation.from_json(json.loads(before))
    assert write_bytes(evaluation, indent=2, ensure_ascii=False) == before
    assert Evaluation.from_json(evaluation.to_json()) == evaluation


def test_the_starter_keeps_its_bytes() -> None:
    before = STARTER.read_bytes()
    assert write_bytes(Evaluation.from_json(json.loads(before)), indent=1) == before


def test_evaluations_in_the_database_of_an_earlier_version_keep_their_bytes() -> None:
    script = gzip.decompress((ROOT / "tests" / "fixtures" / "studio_c460799.sql.gz").read_bytes()).decode()
    database = sqlite3.connect(":memory:")
    database.executescript(script)
    query = "SELECT evaluation FROM modelassist_critic UNION ALL SELECT evaluation FROM modelassist_run"
    stored = [text for (text,) in database.execute(query)]
    database.close()
    assert stored
    for text in stored:
        assert json.dumps(Evaluation.from_json(json.loads(text)).to_json()) == text


@pytest.mark.parametrize("name", EARLIER)
def test_an_evaluation_of_an_earlier_version_has_the_figures_that_it_wrote(name: str) -> None:
    before = json.loads(read_bytes(name))
    evaluation = Evaluation.from_json(before)
    for split, figures in before["splits"].items():
        assert evaluation.splits[split].unparsable_rate == figures["unparsable_rate"]
        for axis in AXES:
            srcc = figures["axes"][axis]["critic"]["srcc"]
            expected = Estimate(srcc["value"], Interval(srcc["low"], srcc["high"]))
            assert evaluation.splits[split].axes[axis].critic.srcc == expected


def test_what_a_file_lacks_was_not_measured() -> None:
    value = {"splits": {"test": {"clips": 8, "unparsable_rate": 0.5}}}
    split = Evaluation.from_json(value).splits["test"]
    assert (split.counts, split.read, split.unparsable_rate) == (Counts(8), None, 0.5)
    assert split.axes[Axis.VISUAL].critic.srcc == NOT_MEASURED
    assert split.axes[Axis.VISUAL].rivals == {}
    assert Evaluation.from_json({}) == Evaluation()


@pytest.mark.parametrize(
    ("value", "figure"),
    [
        ({"value": 0.5, "low": 0.25, "high": 0.75}, Estimate(0.5, Interval(0.25, 0.75))),
        ({"value": 0.5, "interval": "too few prompts"}, Estimate(0.5, Undefined("too few prompts"))),
        ({"value": 0.5}, Estimate(0.5, Undefined("not measured"))),
        ({"undefined": "all scores are equal"}, Estimate.undefined("all scores are equal")),
    ],
)
def test_a_figure_is_a_value_with_its_interval_or_a_reason(value: dict[str, Any], figure: Estimate) -> None:
    evaluation = Evaluation.from_json({"splits": {"test": {"axes": {"visual": {"critic": {"srcc": value}}}}}})
    assert evaluation.splits["test"].axes[Axis.VISUAL].critic.srcc == figure
    assert evaluation.to_json()["splits"]["test"]["axes"]["visual"]["critic"]["srcc"] == value


@pytest.mark.parametrize(
    "value",
    [
        [],
        "text",
        {"splits": []},
        {"splits": {"test": {"clips": "eight"}}},
        {"splits": {"test": {"axes": {"visual": {"critic": {"srcc": {"value": "high"}}}}}}},
        {"splits": {"test": {"generators": {"visual": {"means": {"maker": {}}}}}}},
        {"about": {"critic": "model"}},
        {"cooldown": {"before": {"valid": None}}},
    ],
)
def test_what_is_not_an_evaluation_is_refused(value: object) -> None:
    with pytest.raises(EvaluationError, match=r"^This is not an evaluation that this version can read: .+\.$"):
        Evaluation.from_json(value)


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000, b'{"splits": 1}'])
def test_a_broken_file_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / EVALUATION_FILE
    path.write_bytes(content)
    with pytest.raises(EvaluationError, match=str(path)):
        read_evaluation(tmp_path)


def test_a_run_has_other_keys_than_an_evaluation_of_a_finished_critic() -> None:
    about = About("model", "release, number 1", None, seed=0, resamples=20, confidence=0.95, samples=1)
    alone = Evaluation(about=about, model="critic", release="0" * 64, problems=())
    assert list(alone.to_json()) == ["splits", "about", "model", "release", "problems"]
    run = Evaluation(about=about, model="base", release="0" * 64, problems=(), stages=("sft",))
    assert list(run.to_json()) == ["splits", "about", "cooldown", "problems", "release", "model", "stages"]


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (Counts(3, 2), "3 clips of 2 prompts"),
        (Counts(1, 1), "1 clip of 1 prompt"),
        (Counts(0, 0), "no clip"),
        (Counts(402), "402 clips"),
    ],
)
def test_counts_in_words(counts: Counts, words: str) -> None:
    assert str(counts) == words


def test_predictions_have_a_file_for_each_split_and_rival() -> None:
    assert name_predictions_file("test") == "predictions-test.csv"
    assert name_predictions_file("test", "previous") == "predictions-test-previous.csv"
