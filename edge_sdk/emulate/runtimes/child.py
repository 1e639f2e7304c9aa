"""A process that runs a file and answers over pipes, one exchange at a time."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from edge_sdk.errors import ArtifactError

PATIENCE_S = 600.0
"""Longest exchange; a picture of a megapixel takes seconds."""
_END_S = 5.0


class Child:
    """The process of one file.

    What interrupts an exchange, such as Ctrl-C, ends the process: its answer would otherwise be
    taken for that of the next exchange.

    Args:
        path: the file, for messages.
        what: what runs in it, for messages.
        command: how it is started; it reads its standard input, and ends with it.
    """

    def __init__(self, path: Path, what: str, command: Sequence[str]) -> None:
        self._path = path
        self._what = what
        self._turn = threading.Lock()
        self._is_late = False
        self.process = subprocess.Popen(  # noqa: S603 - programs of our own, by fixed arguments
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    @contextmanager
    def exchange(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """Its standard input and output, for one question and its whole answer.

        Raises:
            ArtifactError: if it has ended, ends meanwhile or gives no answer.
        """
        with self._turn:
            if self.process.poll() is not None:
                raise self._ended()
            timer = threading.Timer(PATIENCE_S, self._give_up)
            timer.daemon = True
            timer.start()
            try:
                yield _pipe(self.process.stdin), _pipe(self.process.stdout)
            except ArtifactError:
                # The process has answered, by what was wrong.
                raise
            except (OSError, ValueError, EOFError):
                raise self._ended() from None
            except BaseException:
                self.process.kill()
                raise
            finally:
                timer.cancel()

    def end(self) -> None:
        """Let the process end, and end it if it does not."""
        for stream in (self.process.stdin, self.process.stdout):
            try:
                _pipe(stream).close()
            except OSError:
                continue
        try:
            self.process.wait(timeout=_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _give_up(self) -> None:
        self._is_late = True
        self.process.kill()

    def _ended(self) -> ArtifactError:
        self.process.kill()
        self.end()
        code = self.process.returncode
        how = f"signal {-code}" if code < 0 else f"status {code}"
        if self._is_late:
            how = f"no answer in {PATIENCE_S:.0f} s"
        return ArtifactError(
            f"{self._path}: the process of {self._what} has ended ({how}); open the file again, "
            "and take a smaller input or another target if it does so again"
        )


def whole(stream: IO[bytes], count: int) -> bytes:
    """Exactly so many bytes.

    Raises:
        EOFError: if the stream ends before.
    """
    content = stream.read(count)
    if len(content) < count:
        raise EOFError
    return content


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream
