"""What an evaluation leaves in its folder: figures, report, plots, predictions; and what people reach beside it."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from modelassist.engine.cli.options import main
from modelassist.engine.evaluation import plots
from modelassist.engine.evaluation.baselines import measure_people
from modelassist.engine.evaluation.markdown import render_report
from modelassist.engine.evaluation.plots import LEAST_CLIPS, draw_plots
from modelassist.engine.evaluation.tables import escape_markdown
from modelassist.engine.evaluation.text import render_evaluation_table
from modelassist.engine.models.folder import identify_model
from qsave.axes import AXES, Axis
from qsave.release.reader import ReleaseReader
from qsave.run.evaluation import About, Evaluation, Split, read_evaluation
from qsave.run.figures import RIVALS, Counts, PeopleReach
from qsave.statistics.ceiling import measure_reach
from qsave.statistics.figures import Estimate, Undefined
from qsave.statistics.table import RatingTable
from tests.modelassist.engine.evaluation.test_predictions import measure
from tests.modelassist.engine.predictions import UNREAD, make_predictions, predict_again
from tests.modelassist.engine.small import seal

RATINGS = [
    (f"clip-{clip}", f"rater-{rater}", min(5, 1 + (clip + rater * (clip % 3 == 0)) % 5), rater < 3)
    for clip in range(11, 14)
    for rater in range(4)
]


@pytest.fixture(scope="module")
def rated(release_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release with the ratings behind its test clips; a fourth rater's do not count."""
    folder = shutil.copytree(release_folder, tmp_path_factory.mktemp("rated") / "release")
    rows = [
        {"clip_id": clip, "rater": rater, "counted": counted, **{f"{axis}_score": score for axis in AXES}}
        for clip, rater, score, counted in RATINGS
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "ratings.parquet")
    seal(folder)
    return folder


@pytest.fixture(scope="module")
def evaluated(rated: Path, tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("evaluated") / "out"
    options = ["--release", str(rated), "--model", str(tiny_folder), "--out", str(out)]
    assert main(["evaluate", *options, "--previous", str(tiny_folder), "--split", "test"]) == 0
    return out


def test_an_evaluation_leaves_figures_a_report_and_every_prediction(evaluated: Path) -> None:
    assert {path.name for path in evaluated.glob("*.*")} == {
        "evaluation.json", "evaluation.md", "predictions-test.csv", "predictions-test-blank_frames.csv",
        "predictions-test-direct.csv", "predictions-test-previous.csv",
    }  # fmt: skip
    evaluation = read_evaluation(evaluated)
    assert set(evaluation.splits["test"].axes[Axis.VISUAL].rivals) == {*RIVALS}
    text = (evaluated / "evaluation.md").read_text()
    assert re.search(r"^- Made: \d{4}-\d\d-\d\d \d\d:\d\d UTC$", text, re.MULTILINE)
    assert render_report(evaluation) == re.sub(r"- Made: .*\n", "", text)
    assert (
        render_report(evaluation, datetime(2031, 2, 3, 4, 5, tzinfo=UTC)).count("- Made: 2031-02-03 04:05 UTC\n") == 1
    )


def test_the_report_names_what_was_measured_by_content(evaluated: Path, tiny_folder: Path) -> None:
    text = (evaluated / "evaluation.md").read_text()
    assert text.count(f", identity {identify_model(str(tiny_folder))}\n") == 2  # of the critic and of the one before it
    about = read_evaluation(evaluated).about
    assert about is not None
    assert about.release_clips == {"train": 8, "val": 3, "test": 3}


def test_people_stand_beside_the_critic(evaluated: Path) -> None:
    people = read_evaluation(evaluated).splits["test"].axes[Axis.VISUAL].people
    assert isinstance(people, PeopleReach)
    table = RatingTable.from_triples((clip, rater, score) for clip, rater, score, counted in RATINGS if counted)
    assert people.counts == Counts(3, 3)
    value = measure_reach(table, intervals=False).ceiling_plcc.value
    assert people.ceiling_plcc == Estimate(value, Undefined("too few prompts (3) for an interval"))


def test_ratings_that_are_not_there_are_said_to_be_missing(release_folder: Path, rated: Path, tmp_path: Path) -> None:
    clips = {"clip-11": "group-11"}
    figures = measure_people(ReleaseReader(release_folder), clips)
    assert figures[Axis.VISUAL] == Undefined("the release has no ratings.parquet")
    assert "no counted rating" in str(measure_people(ReleaseReader(rated), {"clip-0": "group-0"})[Axis.VISUAL])
    folder = shutil.copytree(rated, tmp_path / "release")
    (folder / "ratings.parquet").write_bytes(b"nothing")
    assert "cannot be read" in str(measure_people(ReleaseReader(folder), clips)[Axis.VISUAL])


def evaluation_of(problems: Sequence[str] = (), **splits: Split) -> Evaluation:
    about = About("model", "r, number 1", None, seed=0, resamples=20, confidence=0.95, samples=1)
    return Evaluation(splits, about, model="base", release="0" * 64, problems=tuple(problems))


def test_the_report_tells_each_figure_with_its_interval() -> None:
    figures = measure(make_predictions())
    text = render_report(evaluation_of(test=figures))
    for axis in AXES:
        for name in ("srcc", "plcc", "plcc_logistic", "krcc", "rmse", "within_one"):
            figure = getattr(figures.axes[axis].critic, name)
            assert f"{figure.value:.2f} [{figure.interval.low:.2f}, {figure.interval.high:.2f}]" in text
    assert "nobody was asked" in text
    assert "all predictions are equal" in text
    assert "nan" not in text.lower()
    tables = [line for line in text.splitlines() if line.startswith("|")]
    widths = [len(line.split(" | ")) for line in tables]
    starts = [place for place, line in enumerate(tables) if line.startswith("| ---")]
    for start in starts:  # each table's head, rule and first row have as many cells
        assert widths[start - 1] == widths[start] == widths[start + 1]


def test_the_report_stands_where_nothing_was_measured_or_parsed() -> None:
    nothing = predict_again(make_predictions(), lambda _: UNREAD)
    text = render_report(evaluation_of(test=measure(nothing, blank_frames=nothing)))
    assert "60 of 60 (94% to 100%)" in text
    assert "60 clips of 20 prompts by 6 generators, no clip with a report card" in text
    assert "test: no report card for any of the 60 clips" in text
    assert re.escape("<think>") not in text
    assert "nothing was measured" in render_report(evaluation_of())


def test_held_out_clips_are_said_to_be_so_and_train_clips_are_not() -> None:
    figures = measure(make_predictions())
    assert "on held-out clips of the release (val/test). val: 60 clips of 20 prompts by 6 generators, all with" in (
        render_report(evaluation_of(val=figures, test=figures))
    )
    text = render_report(evaluation_of(train=figures))
    assert "on clips of the train split of the release. train: 60 clips" in text
    assert "held-out" not in text


def test_reasons_say_of_which_figures_they_are() -> None:
    predictions = make_predictions(9)
    predictions = [*predictions[:4], *predict_again(predictions[4:], lambda _: UNREAD)]
    text = render_report(
        evaluation_of(
            test=measure(predictions, blank_frames=predictions, previous=predict_again(predictions, lambda _: UNREAD))
        )
    )
    for words in (
        "Undefined: PLCC after logistic of the critic, the critic with blank frames: four parameters need 5 clips",
        "SRCC, PLCC, PLCC after logistic, KRCC of the constant: all predictions are equal",
        "RMSE, within ±1 of the previous critic: there is nothing to compare",
        "every figure of the critic, the critic with blank frames, the constant: too few prompts (2).",
        "SRCC minus that of the previous critic: undefined, as there is no clip for which both have a report card",
        "Without an interval: every figure of visual, dynamic, alignment: too few prompts of a generator (1).",
    ):  # fmt: skip
        assert words in text
    assert "| **the critic** | 4 | 2 |" in text
    assert "| constant: the train mean, 3.00 | 4 | 2 |" in text
    assert "| maker-4 | 1 | 0 | 0 | – |" in text


def test_the_terminal_says_what_its_figures_rest_on() -> None:
    predictions = make_predictions(36)
    blank = predict_again(predictions, lambda number: predictions[number].scored if number < 33 else UNREAD)
    table = render_evaluation_table(evaluation_of(test=measure(predictions, blank_frames=blank)))
    assert "test: 36 clips of 12 prompts; with a report card 36 clips of 12 prompts, with blank frames 33" in table
    assert "too few" not in table
    few = [*predictions[:4], *predict_again(predictions[4:], lambda _: UNREAD)]
    table = render_evaluation_table(evaluation_of(test=measure(few)))
    assert "with a report card 4 clips of 2 prompts" in table
    assert "RMSE constant is of those of the critic" in table
    assert "no intervals: too few prompts (2, and 10 are the least)" in table
    nothing = render_evaluation_table(evaluation_of(test=measure(predict_again(few, lambda _: UNREAD))))
    assert "the critic has no figures; RMSE constant is of all clips" in nothing


def test_strangers_names_are_text(tmp_path: Path) -> None:
    name = "<img src=x>|`a`\n# Title [x](javascript:y)"
    predictions = [replace(each, example=replace(each.example, generator=name)) for each in make_predictions()]
    text = render_report(evaluation_of([name], test=measure(predictions)))
    assert "<img" not in text.replace(r"\<img", "")
    assert "\n# Title" not in text
    assert escape_markdown(name) == r"\<img src=x\>\|\`a\` # Title \[x\](javascript:y)"


def test_three_pictures_a_split_and_none_of_too_few(tmp_path: Path) -> None:
    names = draw_plots(tmp_path, "test", make_predictions())
    assert set(names) == {"predicted", "residuals", "calibration"}
    for name in names.values():
        with Image.open(tmp_path / name) as picture:
            assert picture.size[0] > 1000
            assert len(picture.convert("RGB").getcolors(2**20) or ()) > 50
    predictions = make_predictions(LEAST_CLIPS + 1)
    assert (
        draw_plots(tmp_path / "few", "test", [*predictions[:4], *predict_again(predictions[4:], lambda _: UNREAD)])
        == {}
    )
    assert not (tmp_path / "few").exists()


def test_pictures_of_a_critic_that_always_says_the_same(tmp_path: Path) -> None:
    predictions = make_predictions()
    same = predictions[0].scored
    assert len(draw_plots(tmp_path, "test", predict_again(predictions, lambda _: same))) == 3


def test_a_picture_has_a_title_of_one_colon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    titles: list[str] = []
    monkeypatch.setattr(plots, "_draw_picture", lambda path, title, panel, predictions: titles.append(title))
    draw_plots(tmp_path, "test", make_predictions(12))
    assert titles[1] == "test, 12 clips of 4 prompts with a report card: residuals (predicted score minus MOS)"
    assert all(title.count(":") == 1 for title in titles)


def test_counts_of_a_calibration_keep_off_the_axes() -> None:
    figure = Figure(figsize=(4, 4))
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots()
    plots._draw_calibration(axes, Axis.VISUAL, make_predictions())
    canvas.draw()
    inside = axes.get_window_extent()
    labels = [text.get_window_extent() for text in axes.texts]
    assert min(label.y0 for label in labels) > inside.y0
    assert min(label.x0 for label in labels) > inside.x0
    assert max(label.x1 for label in labels) < figure.bbox.x1
