import hashlib
import json

from qsave.detectors import thresholds
from qsave.detectors.propose import ENABLED
from qsave.detectors.thresholds import THRESHOLDS_VERSION, Limit

DIGESTS = {2: "725996fc5afa7b54", 3: "4f60c2ef6e363a61"}
"""What each version of the thresholds consists of. Add a line with the new version; never change one that was used."""


def test_thresholds_do_not_change_without_a_new_version() -> None:
    limits = {name: value.value for name, value in vars(thresholds).items() if isinstance(value, Limit)}
    content = json.dumps([limits, sorted(ENABLED)], sort_keys=True)
    assert hashlib.sha256(content.encode()).hexdigest()[:16] == DIGESTS[THRESHOLDS_VERSION]
