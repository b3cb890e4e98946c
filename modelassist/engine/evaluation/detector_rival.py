"""The detectors as a rival of a critic: a regression from readings of the pixels to the MOS, without any model.

It is fitted on clips of the train split only. Which kind of regression counts is decided there too, by the error on
prompts left out. Unlike a critic of kind `detectors` it is fitted on every axis, however well it does: a critic that
does not beat it on alignment has learned nothing of the prompt, since readings know nothing of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from modelassist.engine.evaluation.detector_models import LinearModel
from modelassist.engine.evaluation.detector_scores import AxisFit, ScoresError, check_enough, fit_axis
from modelassist.engine.evaluation.intervals import count_clips
from modelassist.engine.inputs.examples import Example
from modelassist.engine.inputs.reading_store import ReadingStore
from modelassist.engine.support.seeds import derive_seed
from qsave.axes import AXES, Axis
from qsave.detectors.features import compute_features
from qsave.frames.guard import MediaError
from qsave.run.evaluation import DetectorFit
from qsave.statistics.figures import Floats, Undefined

MOST_CLIPS = 2000
"""Clips to fit on; of more a draw is taken. The trees gain little beyond, and each clip is decoded for it."""

Scores = Mapping[Axis, Sequence[float | None]]
"""The scores of clips in their order; None for a clip that cannot be measured."""


@dataclass(frozen=True, slots=True)
class DetectorRival:
    """The fitted regressions, or the reason why nothing was fitted."""

    fits: Mapping[Axis, AxisFit] | Undefined
    described: Mapping[Axis, DetectorFit] | None = None

    def predict(self, examples: Sequence[Example], store: ReadingStore, label: str) -> Scores | Undefined:
        """Score each clip on each axis."""
        if isinstance(self.fits, Undefined):
            return self.fits
        features = list(_measure(examples, store, label))
        measured = [one for one in features if one is not None]
        if not measured:
            return Undefined("no clip can be measured")
        scores = {axis: iter(fit.model.predict(np.stack(measured)).tolist()) for axis, fit in self.fits.items()}
        return {axis: [None if one is None else next(rows) for one in features] for axis, rows in scores.items()}


def fit_rival(train: Sequence[Example], store: ReadingStore, seed: int) -> DetectorRival:
    """Measure train clips and fit a regression for each axis; too few clips give the reason instead."""
    try:
        check_enough([example.prompt_group for example in train])  # before any clip is decoded
        chosen = _draw(train, seed)
        features = list(_measure(chosen, store, "readings train"))
        usable = [(example, one) for example, one in zip(chosen, features, strict=True) if one is not None]
        groups = [example.prompt_group for example, _ in usable]
        check_enough(groups)
    except ScoresError as error:
        return DetectorRival(Undefined(f"the regression cannot be fitted to the train split: {str(error).rstrip('.')}"))
    matrix = np.stack([one for _, one in usable])
    fits = {axis: fit_axis(matrix, _list_mos(usable, axis), groups, seed) for axis in AXES}
    described = {axis: _describe(fit, groups) for axis, fit in fits.items()}
    return DetectorRival(fits, described)


def _draw(train: Sequence[Example], seed: int) -> list[Example]:
    if len(train) <= MOST_CLIPS:
        return list(train)
    order = np.random.default_rng(derive_seed(seed, "detectors")).permutation(len(train))
    return [train[position] for position in sorted(order[:MOST_CLIPS].tolist())]


def _list_mos(usable: Iterable[tuple[Example, Floats]], axis: Axis) -> Floats:
    return np.array([example.targets[axis].mos for example, _ in usable])


def _describe(fit: AxisFit, groups: Sequence[str]) -> DetectorFit:
    kind = "ridge" if isinstance(fit.model, LinearModel) else "trees"
    return DetectorFit(kind, count_clips(groups), fit.rmse, fit.constant_rmse)


def _measure(examples: Sequence[Example], store: ReadingStore, label: str) -> Iterable[Floats | None]:
    """Yield the features of each clip, (features,); None for a clip that cannot be measured."""
    for example in tqdm(examples, label, unit="clip", leave=False):
        try:
            yield compute_features(store.load_readings(example))
        except MediaError:
            yield None
