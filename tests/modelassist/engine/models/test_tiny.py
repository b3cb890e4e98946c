"""What a tiny model knows before any training: words and positions."""

import json
import shutil
from pathlib import Path

import pytest
from torch.nn import functional as F

from modelassist.engine.cli.options import KINDS, main
from modelassist.engine.models.loader import load
from modelassist.engine.models.tiny import TINY_CONFIGS, init_tiny
from tests.modelassist.engine.training.test_checkpoints import largest_file


def test_the_words_of_captions_come_into_the_vocabulary(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"not looked into")
    lines = [json.dumps({"video": "clip.mp4", "text": "a zyzzogeton sits - still"})] * 30
    (tmp_path / "captions.jsonl").write_text("\n".join(lines))
    lengths = {}
    for name, more in (("without", []), ("with", ["--captions", str(tmp_path / "captions.jsonl")])):
        assert main(["init-tiny", "--out", str(tmp_path / name), *more]) == 0
        tokenizer = load(str(tmp_path / name)).tokenizer
        lengths[name] = [len(tokenizer.encode(word)) for word in (" zyzzogeton", " -")]
    assert lengths["with"] == [1, 1]
    assert min(lengths["without"]) > 1


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("size", [0, 100_000])
def test_where_the_disk_is_full_no_half_of_a_model_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], size: int, there: bool
) -> None:
    out = tmp_path / "tiny"
    if there:
        out.mkdir()
    with largest_file(size):
        assert main(["init-tiny", "--out", str(out)]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("error: No space is left on the disk")
    assert list(tmp_path.rglob("*")) == ([out] if there else [])


@pytest.mark.parametrize("name", ["tiny", "tiny/config.json"])
def test_what_lies_there_already_is_left_as_it_is(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    shutil.copytree(tiny_folder, tmp_path / "tiny")
    before = {path: path.read_bytes() for path in (tmp_path / "tiny").iterdir()}
    assert main(["init-tiny", "--out", str(tmp_path / name), "--seed", "8"]) == 1
    said = f"error: {tmp_path / name} exists already and was left as it is: name another --out, or remove it first.\n"
    assert capsys.readouterr().err == said
    assert {path: path.read_bytes() for path in (tmp_path / "tiny").iterdir()} == before


def test_a_link_to_a_folder_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    init_tiny(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert load(str(tmp_path / "disk")).name


def test_every_place_of_a_frame_is_told_from_every_other_and_near_ones_are_alike(tiny_folder: Path) -> None:
    places = load(str(tiny_folder)).base.model.visual.pos_embed.weight.detach()
    alike = F.normalize(places) @ F.normalize(places).T
    assert bool((alike.fill_diagonal_(0) < 0.99).all())
    side = int(len(places) ** 0.5)
    assert alike[0, 1] > alike[0, side - 1]
    assert alike[0, side] > alike[0, side * (side - 1)]
    assert 0.5 < float(places.std()) < 2


def test_the_command_line_knows_every_kind() -> None:
    assert set(KINDS) == set(TINY_CONFIGS)
