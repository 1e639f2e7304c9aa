"""Apple's runtime in a process of its own: this file is that process's program.

It is started by its path, imports nothing of the SDK, and speaks over its standard input and
output in messages: one letter, eight bytes of length (the highest first), and the content. First it
tells what the model takes and gives (``D``, JSON); then it answers arrays (``A``, an ``.npz``) with
arrays, until its input ends. An exception is answered too (``E``, a line of text).
"""

from __future__ import annotations

import asyncio
import io
import json
import os
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


def _packed(arrays: dict[str, Any]) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _description(asset: Any, function: Any) -> bytes:
    def ends(names: Any, descriptor: Any) -> list[dict[str, Any]]:
        found = [(name, descriptor(name)) for name in names]
        return [{"name": n, "shape": list(d.shape), "dtype": str(d.dtype)} for n, d in found]

    ports = function.desc
    summary = asset.summary()
    told = {
        "inputs": ends(ports.input_names, ports.input_descriptor),
        "outputs": ends(ports.output_names, ports.output_descriptor),
        "operations": dict(summary.operation_distribution),
        "stored": [name for name, _ in summary.storage_types],
        "computed": list(summary.compute_types),
    }
    return json.dumps(told).encode()


async def _serve(path: str, requests: IO[bytes], answers: IO[bytes]) -> None:
    import numpy as np
    from coreai.authoring import AIModelAsset
    from coreai.runtime import NDArray

    asset = AIModelAsset.load(path)
    async with asset.executable() as model:
        (name,) = model.function_names
        function = model.load_function(name)
        write_message(answers, DESCRIPTION, _description(asset, function))
        while (message := read_message(requests)) is not None:
            try:
                with np.load(io.BytesIO(message[1]), allow_pickle=False) as given:
                    inputs = {key: NDArray(given[key]) for key in given.files}
                results = await function(inputs)
                found = {key: np.array(each.numpy()) for key, each in results.items()}
            except Exception as error:
                write_message(answers, ERROR, str(error).encode())
            else:
                write_message(answers, ARRAYS, _packed(found))


def main() -> None:
    """Serve the model that the first argument names."""
    # What the runtime prints must not end up between messages.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        asyncio.run(_serve(sys.argv[1], sys.stdin.buffer, answers))
    except Exception as error:
        write_message(answers, ERROR, str(error).encode())


if __name__ == "__main__":
    main()
