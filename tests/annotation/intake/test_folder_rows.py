"""The rows of an import without a manifest."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.intake.folder_rows import FolderRows, list_rows, list_rows_of_folder, parse_name, write_rows
from annotation.intake.manifests import Row, open_manifest, parse_row

WORDS = st.lists(st.sampled_from(["a", "red", "fox", "close-up", "ночь", "兔"]), min_size=1, max_size=6)


def list_names(*paths: str, generator: str = "") -> FolderRows:
    return list_rows(paths, lambda _path: "from the text", generator=generator)


@pytest.mark.parametrize(
    ("stem", "prompt", "seed", "sample"),
    [
        ("P-0", "P", "", "0"),
        ("a_red_fox_2", "a red fox", "", "2"),
        ("a-red-fox-12", "a red fox", "", "12"),
        ("a person is riding a bike-4", "a person is riding a bike", "", "4"),
        ("a close-up of a fox-1", "a close-up of a fox", "", "1"),
        ("a_close-up_of_a_fox", "a close-up of a fox", "", ""),
        ("wan&seed=3&reg=0", "wan", "3", ""),
        ("a_fox_seed=7", "a fox", "7", ""),
        ("a_fox-seed-18446744073709551615-3", "a fox", "18446744073709551615", "3"),
        ("a fox seed42", "a fox", "42", ""),
        ("linseed_oil", "linseed oil", "", ""),
        ("Boeing 747", "Boeing 747", "", ""),
        ("0", "0", "", ""),
        ("seed=3", "", "3", ""),
        ("2026-01-02T10:20:30", "2026 01 02T10:20:30", "", ""),
        ("夜\u202fの\u00a0街-1", "夜 の 街", "", "1"),
    ],
)
def test_a_file_name_says_prompt_seed_and_sample(stem: str, prompt: str, seed: str, sample: str) -> None:
    parts = parse_name(stem)
    assert (parts.prompt, parts.seed, parts.sample) == (prompt, seed, sample)


@given(words=WORDS, joint=st.sampled_from("_ "), seed=st.none() | st.integers(0, 2**64 - 1), sample=st.integers(0, 999))
def test_a_prompt_written_as_a_file_name_is_read_back(
    words: list[str], joint: str, seed: int | None, sample: int
) -> None:
    setting = "" if seed is None else f"_seed={seed}"
    stem = joint.join(["so", *words]) + setting + f"_{sample}"
    parts = parse_name(stem)
    assert parts.prompt == " ".join(["so", *words])
    assert (parts.seed, parts.sample) == ("" if seed is None else str(seed), str(sample))


@pytest.mark.parametrize(
    ("paths", "generators"),
    [
        (["sora/P-0.mp4", "wan/P-0.mp4"], ["sora", "wan"]),
        (["batch/sora/P-0.mp4", "batch/wan/P-0.mp4"], ["sora", "wan"]),
        (["sora/P-0.mp4", "sora/P-1.mp4"], ["sora", "sora"]),
        (["batch/sora/P-0.mp4"], ["sora"]),
        (["sora/animals/P-0.mp4", "wan/people/P-0.mp4"], ["sora", "wan"]),
        (["P-0.mp4"], [""]),
        (["P-0.mp4", "sora/P-0.mp4"], ["", "sora"]),
        (["batch/P-0.mp4", "batch/sora/P-0.mp4"], ["", "sora"]),
    ],
)
def test_the_first_folder_that_differs_is_the_generator(paths: list[str], generators: list[str]) -> None:
    result = list_names(*paths)
    assert [row["generator"] for row in result.rows] == generators
    assert result.needs_generator == ("" in generators)
    filled = list_names(*paths, generator="unknown-1")
    assert [row["generator"] for row in filled.rows] == [name or "unknown-1" for name in generators]


def test_the_text_of_the_same_name_is_the_prompt_and_other_files_are_counted() -> None:
    paths = ["sora/P-0.mp4", "sora/P-0.txt", "sora/P-1.mp4", "sora/notes.md", "wan/P-0.webm"]
    hidden = [".DS_Store", "sora/.P-0.mp4", "__MACOSX/sora/P-0.mp4", "sora/Thumbs.db"]
    result = list_names(*paths, *hidden)
    assert [(row["video"], row["prompt"]) for row in result.rows] == [
        ("sora/P-0.mp4", "from the text"),
        ("sora/P-1.mp4", "P"),
        ("wan/P-0.webm", "P"),
    ]
    assert [" ".join(note.split()[:6]) for note in result.notes] == [
        "There is no manifest. The folder",
        "The prompt of 1 video is",
        "The prompts of 2 videos are",
        "1 file is neither a video",
    ]


def test_a_folder_is_read_and_its_rows_are_a_manifest(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    for name, content in {
        "sora/P-0.mp4": b"x",
        "sora/P-0.txt": "\ufeffein Fuchs, rötlich\n".encode(),
        "wan/P_seed=3-1.mp4": b"x",
        "wan/long.mp4": b"x",
        "wan/long.txt": b"x" * 40_000,
        "wan/bad.mp4": b"x",
        "wan/bad.txt": bytes(range(1, 256)),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "link.mp4").symlink_to(folder / "wan" / "long.mp4")

    result = list_rows_of_folder(folder)
    write_rows(result.rows, tmp_path / "rows.jsonl")
    with open_manifest(tmp_path / "rows.jsonl") as manifest:
        rows = [parse_row(raw) for raw in manifest.rows]

    assert rows[0] == Row("sora/P-0.mp4", "ein Fuchs, rötlich", "sora", metadata={"sample": "0"})
    assert rows[1] == Row("wan/P_seed=3-1.mp4", "P", "wan", seed=3, metadata={"sample": "1"})
    assert "at most 8000" in str(rows[3])
    assert len(rows) == 4
    assert len(list_rows_of_folder(folder, follow_links=True).rows) == 5


def test_a_folder_without_videos_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    assert list_rows_of_folder(tmp_path) == FolderRows()
