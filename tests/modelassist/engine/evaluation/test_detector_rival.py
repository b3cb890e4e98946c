"""The detectors as a rival: fitted on the train split alone, and beside the critic wherever its figures are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from modelassist.engine.evaluation.detector_rival import DetectorRival, fit_rival
from modelassist.engine.evaluation.markdown import render_report
from modelassist.engine.evaluation.rivals import describe_lead
from modelassist.engine.evaluation.split import measure_split
from modelassist.engine.evaluation.text import render_evaluation_table
from modelassist.engine.evaluation.warnings import list_warnings
from modelassist.engine.inputs.examples import Example
from modelassist.engine.inputs.reading_store import ReadingStore
from modelassist.reads.evaluation import arrange_splits
from qsave.axes import AXES, Axis
from qsave.detectors.readings import SERIES, Readings
from qsave.frames.guard import MediaError
from qsave.run.evaluation import About, Evaluation, Split
from qsave.run.figures import DETECTORS, Counts, Gain
from qsave.statistics.figures import Estimate, Interval, Undefined
from tests.modelassist.engine.evaluation.test_predictions import MEANS, NOBODY
from tests.modelassist.engine.predictions import make_example, make_predictions, make_target
from tests.modelassist.engine.small import write_clip

CLIPS = 120


class MadeReadings(ReadingStore):
    """Readings whose sharpness tells the MOS of the clip; clips named in `broken` cannot be measured."""

    def __init__(self, broken: frozenset[str] = frozenset()) -> None:
        self.broken = broken

    def load_readings(self, example: Example) -> Readings:
        if example.clip_id in self.broken:
            raise MediaError("The clip is gone.")
        rng = np.random.default_rng(int(example.clip_id.removeprefix("clip-")))
        series = {name: rng.normal(10, 1, 4).astype(np.float32) for name in SERIES}
        series["sharpness"] = (series["sharpness"] / 5 + 4 * example.targets[Axis.VISUAL].mos).astype(np.float32)
        return Readings(64, 64, 1.0, np.arange(4) / 4, **series)


def make_train(clips: int = CLIPS) -> list[Example]:
    rng = np.random.default_rng(0)
    levels = rng.uniform(1, 5, (clips, 2))
    examples = []
    for number, (visual, other) in enumerate(levels.tolist()):
        targets = {axis: make_target(visual if axis is Axis.VISUAL else other) for axis in AXES}
        examples.append(replace(make_example(number, visual), targets=targets))
    return examples


@pytest.fixture(scope="module")
def rival() -> DetectorRival:
    return fit_rival(make_train(), MadeReadings(frozenset({"clip-007"})), seed=0)


@pytest.fixture(scope="module")
def evaluation(rival: DetectorRival) -> Evaluation:
    predictions = make_predictions(noise=1.0)
    scores = rival.predict([each.example for each in predictions], MadeReadings(frozenset({"clip-003"})), "test")
    split = measure_split(predictions, {}, MEANS, NOBODY, seed=0, detectors=scores)
    about = About("critic", "release", None, seed=0, resamples=20, confidence=0.95, samples=1)
    return Evaluation({"test": split}, replace(about, detectors=rival.described))


def measure_without_fit(train: list[Example]) -> Split:
    predictions = make_predictions()
    rival = fit_rival(train, MadeReadings(), seed=0)
    scores = rival.predict([each.example for each in predictions], MadeReadings(), "test")
    return measure_split(predictions, {}, MEANS, NOBODY, seed=0, detectors=scores)


def test_a_reading_that_tells_the_mos_beats_a_noisy_critic(evaluation: Evaluation) -> None:
    axis = evaluation.splits["test"].axes[Axis.VISUAL]
    detectors = axis.rivals[DETECTORS]
    assert isinstance(detectors.agreement.srcc.value, float)
    assert detectors.agreement.srcc.value > 0.95
    assert detectors.agreement.counts.clips == detectors.gain.counts.clips == 59  # one clip cannot be measured
    assert describe_lead(detectors.gain) == "is worse by SRCC and RMSE"


def test_the_fit_says_what_it_rests_on(rival: DetectorRival) -> None:
    assert rival.described is not None
    visual, dynamic = rival.described[Axis.VISUAL], rival.described[Axis.DYNAMIC]
    assert (visual.regression, visual.counts) == ("ridge", Counts(CLIPS - 1, CLIPS // 3))
    assert visual.rmse < 0.3 * visual.constant_rmse
    assert dynamic.rmse > 0.9 * dynamic.constant_rmse  # no reading tells the other axes


def test_report_terminal_page_and_file_have_the_row(evaluation: Evaluation) -> None:
    report, terminal = render_report(evaluation), render_evaluation_table(evaluation)
    assert "| the detectors | 59 | 20 | 1.00 [" in report
    assert "Against the detectors, which only measure pixels, the critic is worse by SRCC and RMSE." in report
    assert "fitted to 119 clips of 40 prompts of the train split" in report
    assert "visual, the detectors: SRCC 1.00 [" in terminal
    assert "the critic is worse by SRCC and RMSE" in terminal
    assert "visual: SRCC is not shown to be above that of the detectors" in "\n".join(list_warnings(evaluation))
    [table] = arrange_splits(evaluation)
    assert (table.has_rivals, table.beaten) == (True, ["dynamic", "alignment"])  # there the readings tell nothing
    assert Evaluation.from_json(evaluation.to_json()) == evaluation


@pytest.mark.parametrize(
    ("train", "reason"),
    [
        (make_train(99), "There are 99 clips with ratings; scores need at least 100"),
        ([replace(one, prompt_group="one") for one in make_train(100)], "too few prompt groups (1) for an interval"),
    ],
)
def test_without_a_fit_the_reason_is_in_the_figures_place(train: list[Example], reason: str) -> None:
    evaluation = Evaluation({"test": measure_without_fit(train)})
    rival = evaluation.splits["test"].axes[Axis.VISUAL].rivals[DETECTORS]
    assert isinstance(rival.agreement.srcc.value, Undefined)
    for text in (str(rival.agreement.srcc.value), render_evaluation_table(evaluation), *list_warnings(evaluation)[:1]):
        assert reason in text
    assert Evaluation.from_json(evaluation.to_json()) == evaluation


def test_a_lead_counts_only_with_its_whole_interval() -> None:
    above, around = Estimate(0.2, Interval(0.1, 0.3)), Estimate(0.1, Interval(-0.1, 0.3))
    gain = Gain(Counts(60, 20), above, around)
    assert describe_lead(gain) == "is better by SRCC and is not shown to be better by RMSE"
    assert describe_lead(replace(gain, rmse=above)) == "is better by SRCC and RMSE"


def test_readings_are_measured_once_and_again_if_the_file_is_damaged(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", 100)
    example = replace(make_example(0, 3), path=tmp_path / "clip.mp4", sha256="5a")
    store = ReadingStore(tmp_path / "readings")
    first = store.load_readings(example)
    [stored] = (tmp_path / "readings").iterdir()
    gone = replace(example, path=tmp_path / "gone.mp4")
    assert store.load_readings(gone).luma.tolist() == first.luma.tolist()
    stored.write_text("{")
    with pytest.raises(MediaError):
        store.load_readings(gone)
