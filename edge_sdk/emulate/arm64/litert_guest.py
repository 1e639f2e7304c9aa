"""LiteRT on the emulated core: this file is the program that runs there.

It imports nothing of the SDK. Over its standard input come the tensors of a run one after the
other, as the file stores them; over its standard output go those that the file gives, each behind
its length in 8 bytes, the lowest first. It ends with its input.
"""

from __future__ import annotations

import os
import sys


def main(packages: str, path: str) -> None:
    """Run a file on what comes in, until nothing comes."""
    sys.path.insert(0, packages)
    # What libraries print must not lie among the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path, num_threads=1)
    run = interpreter.get_signature_runner()

    def in_order(details: dict[str, dict[str, object]]) -> list[str]:
        def number(name: str) -> int:
            digits = name.rpartition("_")[2]
            return int(digits) if digits.isdigit() else 0

        return sorted(sorted(details), key=number)

    inputs, outputs = run.get_input_details(), run.get_output_details()
    while True:
        arrays = {}
        for name in in_order(inputs):
            shape, dtype = inputs[name]["shape"], np.dtype(inputs[name]["dtype"])
            size = int(np.prod(shape)) * dtype.itemsize
            content = sys.stdin.buffer.read(size)
            if len(content) < size:
                return
            arrays[name] = np.frombuffer(content, dtype).reshape(shape)
        results = run(**arrays)
        for name in in_order(outputs):
            made = np.ascontiguousarray(results[name]).tobytes()
            answers.write(len(made).to_bytes(8, "little") + made)
        answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
