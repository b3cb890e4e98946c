"""The colours of studio.css can be read in both schemes, and vendored files are the ones that were listed."""

import hashlib
import re
from itertools import product
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[1] / "static"
GROUNDS = ("ground", "surface", "sunken")
TEXTS = ("ink", "muted", "accent", "accent-hover", "good", "warn", "bad", "draft", "visual", "dynamic", "alignment")
SOFT = ("accent", "good", "warn", "bad", "draft")
PAIRS = (
    *product(TEXTS, GROUNDS),
    *((tone, f"{tone}-soft") for tone in SOFT),
    *product(("ink", "muted"), [f"{tone}-soft" for tone in SOFT]),
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
    ("surface", "bad"),  # the button that deletes, in a dialog
)
BORDERS = (*product(("line-strong", "focus"), GROUNDS), ("accent", "sunken"))


def read_schemes() -> dict[str, dict[str, str]]:
    """Return the colours of each scheme by token; the dark scheme takes those it does not change from the light one."""
    light, dark = (STATIC / "css" / "studio.css").read_text().split("prefers-color-scheme: dark", 1)
    pattern = re.compile(r"--([a-z-]+): (#[0-9a-f]{6});")
    colours = dict(pattern.findall(light))
    return {"light": colours, "dark": colours | dict(pattern.findall(dark))}


def compute_contrast(first: str, second: str) -> float:
    """Return the contrast ratio of WCAG 2.2 between two colours, 1..21."""
    low, high = sorted(_compute_luminance(colour) for colour in (first, second))
    return (high + 0.05) / (low + 0.05)


def _compute_luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_every_ground(scheme: str) -> None:
    colours = read_schemes()[scheme]
    faint = [pair for pair in PAIRS if compute_contrast(colours[pair[0]], colours[pair[1]]) < 4.5]
    assert faint == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_borders_of_fields_the_focus_and_a_bar_stand_out(scheme: str) -> None:
    colours = read_schemes()[scheme]
    faint = [pair for pair in BORDERS if compute_contrast(colours[pair[0]], colours[pair[1]]) < 3]
    assert faint == []


def test_contrast_is_that_of_wcag() -> None:
    assert compute_contrast("#ffffff", "#000000") == pytest.approx(21)
    assert compute_contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def test_every_vendored_file_is_listed_with_its_hash() -> None:
    listed = dict(
        re.findall(r"^\| `([^`]+)` .*\| `([0-9a-f]{64})` \|$", (STATIC / "vendor" / "README.md").read_text(), re.M)
    )
    files = {
        path.relative_to(STATIC / "vendor").as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (STATIC / "vendor").rglob("*")
        if path.is_file() and path.name != "README.md"
    }
    assert files == listed
