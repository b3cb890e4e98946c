"""What detectors find, as a line of a critic's question."""

import pytest

from qsave.detectors import prompt_line
from qsave.detectors.findings import Finding
from qsave.detectors.prompt_line import write_measured_line
from qsave.report_card import Evidence, TimeRange

FREEZE = Finding("freeze", (Evidence("freeze", TimeRange(0.5, 1.24)), Evidence("freeze", TimeRange(2, 3))), "Frames ..")
BLUR = Finding("blur", (Evidence("blur"),), "Frames ..")


@pytest.mark.parametrize(
    ("findings", "line"),
    [([], "Measured: nothing."), ([BLUR, FREEZE], "Measured: blur, freeze 0.5-1.2s 2.0-3.0s.")],
)
def test_findings_become_one_line(findings: list[Finding], line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompt_line, "find_defects", lambda readings, enabled: findings)
    assert write_measured_line(None, ()) == line  # type: ignore[arg-type]  # what is measured does not matter here
