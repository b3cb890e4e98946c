"""A broken file is described in one sentence, the same wherever it is met."""

import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from django.conf import settings

from accounts.models import User
from annotation.campaigns.campaigns import add_clips, create_campaign, set_state
from annotation.intake.clips import import_manifest
from annotation.models import Campaign
from modelassist.engine.cli.options import main
from modelassist.engine.evaluation.predictions import predict
from modelassist.engine.generation.critic import Critic as LoadedCritic
from modelassist.engine.inputs.examples import Example
from modelassist.engine.inputs.feeder import Feeder
from modelassist.engine.inputs.frame_store import FrameStore
from modelassist.engine.inputs.gathering import decode_clips
from modelassist.engine.models.distributed import Machine
from modelassist.engine.settings.sampling import Sampling
from modelassist.models import FailedDraft
from modelassist.services import drafting
from modelassist.services.critics import activate, register_critic
from operations import jobs
from operations.models import Job, JobState
from qsave.frames.guard import MediaError
from qsave.frames.probe import probe
from tests.annotation.factories import SHORT_VIDEO, make_clip, make_video
from tests.qsave.frames.clips import write_sound

Break = Callable[[Path], object]


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


BREAKS: Mapping[str, tuple[Break, str]] = {
    "empty": (lambda path: path.write_bytes(b""), "The file is empty (0 bytes)."),
    "random": (
        lambda path: path.write_bytes(random.Random(0).randbytes(5000)),
        "The file is not a video that is known here (MP4, MOV, WebM, MKV, AVI or GIF).",
    ),
    "cut": (
        lambda path: path.write_bytes(path.read_bytes()[:500]),
        "The file is corrupt or cut off: Invalid data found when processing input.",
    ),
    "sound": (write_sound, "The file is audio only: there is no video in it."),
    "missing": (Path.unlink, "The file cannot be read: No such file or directory."),
    "folder": (make_folder, "This is a folder, a pipe or a device, and not a file."),
}
SENTENCES = {kind: sentence for kind, (_, sentence) in BREAKS.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A broken video of each kind, and a manifest of them."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for kind, (spoil, _) in BREAKS.items():
        path = folder / f"{kind}.mp4"
        path.write_bytes(make_video())
        spoil(path)
    rows = [f"{kind}.mp4,A square moves {kind},toy" for kind in BREAKS]
    (folder / "clips.csv").write_text("\n".join(["video,prompt,generator", *rows]))
    return folder


@pytest.fixture
def examples(folder: Path) -> list[Example]:
    question = ({"role": "system", "content": "Rate."}, {"role": "user", "content": "A square."})
    return [Example(kind, kind, "toy", kind, folder / f"{kind}.mp4", kind, question, targets={}) for kind in BREAKS]


@pytest.mark.parametrize("kind", BREAKS)
def test_a_broken_file_is_refused_in_a_sentence(folder: Path, kind: str) -> None:
    with pytest.raises(MediaError) as caught:
        probe(folder / f"{kind}.mp4")
    assert str(caught.value) == SENTENCES[kind]


@pytest.mark.django_db
def test_an_import_says_it_of_the_row(engineer: User, folder: Path) -> None:
    report = import_manifest(actor=engineer, campaign=None, manifest=folder / "clips.csv")
    rows = dict(enumerate(BREAKS, start=1))
    own = {"missing": "video does not exist: 'missing.mp4'.", "folder": "video is not a file: 'folder.mp4'."}
    assert {rows[problem.row]: problem.reason for problem in report.problems} == SENTENCES | own


def test_score_says_it_after_the_name(folder: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", str(folder / "clips.csv"), "--model", str(tiny_model)]) == 1
    assert set(capsys.readouterr().out.splitlines()) == {
        f"{kind}.mp4: no report card: {sentence}" for kind, sentence in SENTENCES.items()
    }

    out = folder / "scores.jsonl"
    assert main(["score", str(folder / "clips.csv"), "--model", str(tiny_model), "--out", str(out)]) == 1
    lines = {line["video"]: line["error"] for line in map(json.loads, out.read_text().splitlines())}
    assert lines == {f"{kind}.mp4": sentence for kind, sentence in SENTENCES.items()}
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert set(told) == {f"error: {kind}.mp4: {sentence}" for kind, sentence in SENTENCES.items()}


@pytest.mark.parametrize("kind", BREAKS)
def test_frames_says_it_after_the_path(folder: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    video = folder / f"{kind}.mp4"
    assert main(["frames", str(video), "--out", str(folder / "sheet.png")]) == 1
    assert capsys.readouterr().err == f"error: {video}: {SENTENCES[kind]}\n"


def test_training_and_evaluation_say_it_of_the_clip(tmp_path: Path, examples: list[Example], tiny_model: Path) -> None:
    critic = LoadedCritic.load(str(tiny_model)).loaded
    store = FrameStore(tmp_path / "frames", critic.frames)
    usable, problems = decode_clips(store, examples, "train", Machine())
    assert usable == []
    assert problems == [f"clip {kind} left out: {sentence}" for kind, sentence in SENTENCES.items()]

    predictions = predict(critic, Feeder(critic, store), examples, Sampling(token_budget=4096), label="test")
    assert {each.example.id: each.scored.error for each in predictions} == SENTENCES


@pytest.mark.django_db
@pytest.mark.usefixtures("in_process")
def test_drafting_says_it_of_the_item(engineer: User, tiny_model: Path) -> None:
    campaign = create_campaign(actor=engineer, name="spring", title="Spring", overlap=1, assisted_share=1.0)
    clips = {kind: make_clip(kind, video=SHORT_VIDEO) for kind in BREAKS}
    add_clips(actor=engineer, campaign=campaign, clips=list(clips.values()))
    set_state(actor=engineer, campaign=campaign, state=Campaign.State.OPEN)
    for kind, clip in clips.items():
        BREAKS[kind][0](Path(settings.MEDIA_ROOT) / clip.original)

    critic = register_critic(actor=engineer, name="ada", model=str(tiny_model))
    activate(actor=engineer, critic=critic, campaign=campaign)
    job = jobs.run(Job.objects.get(kind=drafting.KIND, state=JobState.QUEUED).pk)

    assert job is not None
    assert job.state == JobState.DONE
    assert dict(FailedDraft.objects.values_list("item__clip__clip_id", "error")) == SENTENCES
