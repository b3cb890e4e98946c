"""A local model answers from a process of its own, and nothing that happens there harms the worker."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelassist.kinds import child, engine
from modelassist.kinds.base import ClipAnswer, ClipQuestion, CriticUnavailable
from modelassist.kinds.engine import EngineProposer
from modelassist.kinds.engine_process import DIRECT_NOTE, read_scored
from modelassist.kinds.messages import answer_to_json, question_from_json, question_to_json
from qsave.axes import Axis
from qsave.report_card import Evidence, TimeRange
from qsave.taxonomy import DEFAULT_TAXONOMY, Defect
from tests.modelassist.engine.predictions import make_scored
from tests.support.waiting import wait_until

STAND_IN = ("-m", "tests.modelassist.kinds.stand_in_model")
CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(engine, "PROGRAM", STAND_IN)
    monkeypatch.setattr(child, "SPARE_SECONDS", 0.0)
    yield
    child.end_all()


def ask(*prompts: str, model: str = "ada") -> list[ClipAnswer]:
    return EngineProposer(model).propose(
        [ClipQuestion(Path(f"/clips/{prompt}.mp4"), prompt, DEFAULT_TAXONOMY) for prompt in prompts]
    )


def read_note(answer: ClipAnswer) -> list[str]:
    assert answer.proposal is not None
    assert answer.proposal.visual is not None
    return answer.proposal.visual.note.split()


def test_the_process_is_used_again_and_replaced_for_another_model() -> None:
    first, second = ask("one", "two")
    assert read_note(first)[2:] == ["one.mp4", str(len(DEFAULT_TAXONOMY))]
    assert second.text == "as generated \u2028 é"
    pid = read_note(first)[1]
    assert read_note(ask("three")[0])[:2] == ["ada", pid]
    other = read_note(ask("four", model="bob")[0])
    assert other[0] == "bob"
    assert other[1] != pid
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_what_a_library_prints_and_a_bad_clip_leave_the_other_answers_alone() -> None:
    printed, bad, good = ask("print", "bad", "fine")
    assert printed.proposal
    assert (bad.proposal, bad.error) == (None, "The file is corrupt or cut off.")
    assert good.proposal


@pytest.mark.parametrize(
    ("model", "prompts", "words"),
    [
        ("missing", ["one"], "There is no such model folder."),
        ("bug-at-load", ["one"], "The process of the model ended with code 1: KeyError: 'num_heads'."),
        ("kill-at-load", ["one"], "the machine has too little memory"),
        ("ada", ["memory"], "MemoryError"),
        ("ada", ["kill"], "the machine has too little memory"),
        ("ada", ["crash"], "The process of the model crashed (signal SIGSEGV)."),
        ("ada", ["kill", "kill", "kill"], "the machine has too little memory"),
    ],
)
def test_a_model_that_cannot_answer_is_a_sentence_and_the_next_question_is_answered(
    model: str, prompts: list[str], words: str
) -> None:
    with pytest.raises(CriticUnavailable) as caught:
        ask(*prompts, model=model)
    assert words in str(caught.value)
    assert ask("fine")[0].proposal


def test_a_clip_that_crashes_the_model_fails_alone() -> None:
    first, crashed, last = ask("fine", "crash", "fine")
    assert (first.proposal is None, last.proposal is None) == (False, False)
    assert crashed.error == "The process of the model crashed (signal SIGSEGV)."


def test_the_process_ends_after_its_idle_time_and_the_next_question_starts_another() -> None:
    proposer = EngineProposer("ada", idle_seconds=0)
    question = ClipQuestion(Path("/clips/one.mp4"), "one", ())
    first = read_note(proposer.propose([question])[0])[1]
    wait_until_gone(int(first))
    child.collect_ended()
    assert child.find_process(engine.make_program("ada")) is None
    assert read_note(ask("one")[0])[1] != first


def test_a_new_process_waits_for_its_first_question_however_long_the_worker_takes_to_write_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write = child.ChildProcess._write

    def write_late(process: child.ChildProcess, message: Mapping[str, Any]) -> None:
        threading.Event().wait(0.2)
        write(process, message)

    monkeypatch.setattr(child.ChildProcess, "_write", write_late)
    [answer] = EngineProposer("ada", idle_seconds=0).propose([ClipQuestion(Path("/clips/one.mp4"), "one", ())])
    assert answer.proposal


def wait_until_gone(pid: int) -> None:
    """Wait until the kernel has ended the process; a test that hangs here fails by the runner's time limit."""
    while True:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        threading.Event().wait(0.02)


def test_an_error_while_waiting_ends_the_process_at_once() -> None:
    class CancelledError(Exception):
        pass

    def cancel() -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        EngineProposer("ada", on_wait=cancel).propose([ClipQuestion(Path("/clips/one.mp4"), "wait", ())])
    assert child.find_process(engine.make_program("ada")) is None


def test_a_model_that_another_thread_uses_stays_loaded_beside_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "SPARE_SECONDS", 60.0)
    pid = read_note(ask("one")[0])[1]
    other = read_note(ask("two", model="bob")[0])[1]
    assert [read_note(ask("three")[0])[1], read_note(ask("four", model="bob")[0])[1]] == [pid, other]


def test_one_process_answers_all_threads_that_ask_a_model_in_the_order_in_which_they_asked() -> None:
    answers: list[str] = []
    pid = read_note(ask("first")[0])[1]
    turns = child._holders[engine.make_program("ada")].turns

    def answer(*names: str) -> None:
        for name in names:
            answers.append(name if read_note(ask(name)[0])[1] == pid else "another process")

    drafting, scoring = (threading.Thread(target=answer, args=names) for names in (("one", "two", "three"), ("score",)))
    with turns.take(child.ignore):
        drafting.start()
        wait_until(lambda: len(turns._queue) == 2, what="a draft that waits")
        scoring.start()
        wait_until(lambda: len(turns._queue) == 3, what="a score that waits behind it")
    drafting.join()
    scoring.join()
    assert sorted(answers) == ["one", "score", "three", "two"]
    assert answers.index("score") <= 1
    assert read_note(ask("fine")[0])[1] == pid, "the process outlives the threads that asked"


@pytest.mark.parametrize(
    ("seconds_a_clip", "turns"),
    [(0.1, [2, 4, 8, 6]), (1.5, [2, 4, 4, 4, 4, 2]), (5.0, [2, *[1] * 18])],
)
def test_a_long_batch_is_asked_in_turns_of_some_seconds_so_that_others_get_theirs(
    monkeypatch: pytest.MonkeyPatch, seconds_a_clip: float, turns: list[int]
) -> None:
    asked: list[int] = []

    def answer(_program: object, message: Mapping[str, Any], **_: object) -> Mapping[str, Any]:
        asked.append(len(message["questions"]))
        return {"answers": [answer_to_json(ClipAnswer(text="x"))] * asked[-1], "seconds": asked[-1] * seconds_a_clip}

    monkeypatch.setattr(engine, "ask_child", answer)
    monkeypatch.setattr(engine, "_clips_a_turn", {})
    assert len(ask(*["clip"] * 20)) == 20
    assert asked == turns


def test_the_process_dies_with_its_worker(tmp_path: Path) -> None:
    script = (
        "import os, signal; from pathlib import Path; from modelassist.kinds import engine;"
        f"engine.PROGRAM = {STAND_IN!r};"
        "from modelassist.kinds.base import ClipQuestion;"
        "engine.EngineProposer('ada').propose([ClipQuestion(Path('/one.mp4'), 'one', ())]);"
        "from modelassist.kinds import child;"
        "print(child.find_process(engine.make_program('ada')).pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    wait_until_gone(int(done.stdout))


def test_a_real_model_answers_through_its_process(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PROGRAM", ("-m", "modelassist.kinds.engine_process"))
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    answers = EngineProposer(str(tiny_model)).propose([ClipQuestion(tmp_path / "broken.mp4", "a red square", ())])
    assert [answer.error.startswith("The file is not a video") for answer in answers] == [True]


def test_the_process_checks_a_card_against_the_campaign_and_the_clip() -> None:
    scored = make_scored(3.0, [Evidence("blur", TimeRange(0, 1)), Evidence("blur", TimeRange(400, 1200))])
    answer = read_scored(replace(scored, clip_seconds=2.0), [Defect("blur", Axis.VISUAL, "blur")])
    assert answer.proposal is not None
    assert list(answer.proposal.axes) == [Axis.VISUAL]  # blur is no defect of the other axes
    assert answer.proposal.visual is not None
    assert "400-1200 s is outside the clip of 2 s" in answer.proposal.visual.note
    nothing = read_scored(replace(scored, clip_seconds=2.0), [])
    assert (nothing.proposal, nothing.text) == (None, scored.text)
    assert "no usable axis" in nothing.error


def test_a_direct_answer_has_scores_alone_and_says_so() -> None:
    proposal = read_scored(replace(make_scored(3.0), is_direct=True), DEFAULT_TAXONOMY).proposal
    assert proposal is not None
    assert proposal.scores == dict.fromkeys(Axis, 3.0)
    assert {one.note for one in proposal.axes.values()} == {DIRECT_NOTE}


def test_a_question_survives_the_pipe() -> None:
    question = ClipQuestion(Path("/clips/one.mp4"), "A square", DEFAULT_TAXONOMY, is_direct=True)
    assert question_from_json(question_to_json(question)) == question
