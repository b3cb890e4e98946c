"""`python -m qsave.detectors VIDEO [--json]`: the readings of one clip, and what they propose."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from qsave.detectors.measure import measure_clip
from qsave.detectors.propose import DETECTORS, ENABLED, find_defects, propose
from qsave.detectors.readings import SERIES, Readings, readings_to_json
from qsave.detectors.thresholds import OFF
from qsave.frames.guard import MediaError, guard_file
from qsave.proposal import proposal_to_json
from qsave.taxonomy import DEFAULT_TAXONOMY


def main() -> None:
    """Measure the clip named on the command line and print its readings and its proposal."""
    parser = argparse.ArgumentParser(prog="python -m qsave.detectors", description=__doc__)
    parser.add_argument("video", type=Path, help="the clip to measure")
    parser.add_argument("--json", action="store_true", help="print all readings over time, and the proposal, as JSON")
    parser.add_argument("--all", action="store_true", help="also run the detectors that are off by default")
    options = parser.parse_args()
    try:
        with guard_file():
            readings = measure_clip(options.video)
    except MediaError as error:
        sys.exit(f"{options.video}: {error}")
    enabled = tuple(DETECTORS) if options.all else ENABLED
    if options.json:
        proposal = propose(readings, DEFAULT_TAXONOMY, enabled)
        print(json.dumps({"readings": readings_to_json(readings), "proposal": proposal_to_json(proposal)}))
        return
    print("\n".join(describe(readings, enabled)))


def describe(readings: Readings, enabled: tuple[str, ...] = ENABLED) -> Iterator[str]:
    """Yield the lines of the report: the clip, a table of readings, and the findings."""
    count, size = len(readings.times), f"{readings.width}x{readings.height}"
    yield f"{size} pixels, {count} {'frame' if count == 1 else 'frames'}, {readings.duration:.2f} s"
    yield ""
    yield f"{'reading':<18}{'least':>10}{'median':>10}{'most':>10}"
    for name in SERIES:
        values = getattr(readings, name)
        least, median, most = (f"{value:.4g}" for value in np.quantile(values, (0, 0.5, 1)))
        yield f"{name:<18}{least:>10}{median:>10}{most:>10}"
    yield ""
    findings = find_defects(readings, enabled)
    for finding in findings:
        yield f"{finding.defect}: {finding.sentence}"
    if not findings:
        yield "Nothing to propose: no reading passes its limit."
    for defect in DETECTORS:
        if defect not in enabled:
            yield f"Off: {defect}. {OFF[defect]}"


if __name__ == "__main__":
    main()
