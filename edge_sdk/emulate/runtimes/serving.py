"""Serves a model over standard input and output: the program of a process that runs one file.

It is started by its path, imports nothing of the SDK, and speaks in messages: one letter, eight
bytes of length (the highest first), and the content. First it tells what the model takes and gives
(``D``, JSON); then it answers arrays (``A``, an ``.npz``) with arrays, until its input ends. An
exception is answered too (``E``, a line of text).

Its first argument names a file of Python with ``opened``, which takes the other arguments and opens
the model: a context of its description and of what runs it.
"""

from __future__ import annotations

import io
import json
import os
import runpy
import sys
from typing import IO, Any

HEADER_BYTES = 9
DESCRIPTION, ARRAYS, ERROR = b"D", b"A", b"E"


def write_message(stream: IO[bytes], kind: bytes, content: bytes) -> None:
    """Send one message."""
    stream.write(kind + len(content).to_bytes(HEADER_BYTES - 1, "big") + content)
    stream.flush()


def read_message(stream: IO[bytes]) -> tuple[bytes, bytes] | None:
    """Receive one message, its kind and its content; ``None`` where the other side has ended."""
    header = stream.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        return None
    length = int.from_bytes(header[1:], "big")
    content = stream.read(length)
    return None if len(content) < length else (header[:1], content)


def packed(arrays: dict[str, Any]) -> bytes:
    """Arrays by name as the content of a message."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpacked(content: bytes) -> dict[str, Any]:
    """What :func:`packed` has packed."""
    import numpy as np

    with np.load(io.BytesIO(content), allow_pickle=False) as held:
        return {name: held[name] for name in held.files}


def _serve(program: str, arguments: list[str], requests: IO[bytes], answers: IO[bytes]) -> None:
    with runpy.run_path(program)["opened"](*arguments) as (description, run):
        write_message(answers, DESCRIPTION, json.dumps(description).encode())
        while (message := read_message(requests)) is not None:
            try:
                found = packed(run(unpacked(message[1])))
            except Exception as error:
                write_message(answers, ERROR, _told(error))
            else:
                write_message(answers, ARRAYS, found)


def _told(error: Exception) -> bytes:
    return (str(error).strip() or type(error).__name__).encode(errors="replace")


def main() -> None:
    """Serve the model that the arguments name."""
    # What the runtime prints must not end up between messages.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        _serve(sys.argv[1], sys.argv[2:], sys.stdin.buffer, answers)
    except Exception as error:
        write_message(answers, ERROR, _told(error))


if __name__ == "__main__":
    main()
