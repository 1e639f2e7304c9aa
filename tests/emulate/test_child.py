"""A process that answers over pipes: no answer is taken for another's, whatever comes between."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_sdk.emulate.runtimes import child as module
from edge_sdk.emulate.runtimes.child import Child, whole
from edge_sdk.errors import ArtifactError

ECHO = """
import sys, time
for line in sys.stdin:
    if line == "die\\n":
        sys.exit(3)
    if line == "wait\\n":
        time.sleep(60)
    print(line, end="", flush=True)
"""


@pytest.fixture
def echo() -> Iterator[Child]:
    made = Child(Path("a.file"), "the echo", [sys.executable, "-c", ECHO])
    yield made
    made.end()


def ask(child: Child, line: bytes) -> bytes:
    with child.exchange() as (given, answers):
        given.write(line)
        given.flush()
        return whole(answers, len(line))


def test_answers_belong_to_their_questions(echo: Child) -> None:
    assert [ask(echo, each) for each in (b"one\n", b"two\n")] == [b"one\n", b"two\n"]


def interrupted(child: Child) -> None:
    with child.exchange() as (given, _):
        given.write(b"lost\n")
        given.flush()
        raise KeyboardInterrupt


def test_an_interrupted_exchange_ends_the_process(echo: Child) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(echo)
    with pytest.raises(ArtifactError, match=r"a\.file: the process of the echo has") as caught:
        ask(echo, b"next\n")
    assert "\n" not in str(caught.value)


def test_a_process_that_ends_says_how(echo: Child) -> None:
    with pytest.raises(ArtifactError, match=r"has ended \(status 3\)"):
        ask(echo, b"die\n")
    with pytest.raises(ArtifactError, match="has ended"):
        ask(echo, b"one\n")


def test_a_process_that_hangs_is_ended(echo: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.2)
    with pytest.raises(ArtifactError, match="no answer in 0 s"):
        ask(echo, b"wait\n")


def test_what_the_process_answers_as_wrong_leaves_it_running(echo: Child) -> None:
    with pytest.raises(ArtifactError, match="wrong"), echo.exchange():
        raise ArtifactError("a.file: wrong; convert it again")
    assert ask(echo, b"still\n") == b"still\n"


def test_a_killed_process_is_told(echo: Child) -> None:
    echo.process.send_signal(signal.SIGKILL)
    echo.process.wait()
    with pytest.raises(ArtifactError, match=r"has ended \(signal 9\)"):
        ask(echo, b"one\n")
