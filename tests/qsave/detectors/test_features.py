from pathlib import Path

import numpy as np

from qsave.detectors.features import FEATURES, compute_features
from qsave.detectors.measure import measure_clip
from tests.qsave.frames.clips import write_clip


def test_the_features_of_any_clip_are_finite_and_named_once(tmp_path: Path) -> None:
    assert len(set(FEATURES)) == len(FEATURES)
    for frames in (1, 2, 3, 12):
        features = compute_features(measure_clip(write_clip(tmp_path / "clip.mp4", frames=frames)))
        assert features.shape == (len(FEATURES),)
        assert np.isfinite(features).all()


def test_features_hold_what_their_names_say(tmp_path: Path) -> None:
    readings = measure_clip(write_clip(tmp_path / "clip.mp4", frames=12, rate=12))
    features = dict(zip(FEATURES, compute_features(readings), strict=True))
    assert features["seconds"] == 1.0
    assert features["luma_most"] == readings.luma.max()
    assert features["luma_least"] == readings.luma.min()
    assert features["log_pixels"] == np.log2(96 * 64)
    assert features["luma_step_most"] == np.abs(np.diff(readings.luma)).max()
