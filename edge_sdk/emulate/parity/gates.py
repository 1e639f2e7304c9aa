"""What a step of a parity chain must reach, by its precision."""

from __future__ import annotations

from edge_sdk.emulate.runtimes.names import RUNTIMES
from edge_sdk.errors import InputError

GATES_DB = {
    "fp32": 100.0,
    "fp16": 60.0,
    "w8": 50.0,
    "palette": 40.0,
    "int8": 50.0,
    "int8-float-io": 50.0,
}
"""Least PSNR against the float32 model, pooled over the probes."""
OWN_FUNCTION_DB = 40.0
"""Least PSNR against the trained model of an int8 form that is a function of its own, with ReLUs in
place of leaky ones, say: :data:`GATES_DB` then hold against the float form of the same weights."""
WORST_BELOW_DB = 3.0
"""By how much the worst probe may lie below that."""
AGREEMENT_DB = {"w8": 60.0, "int8": 50.0}
"""Least PSNR against the PyTorch graph that holds the same codes. What w8 computes in half
precision is gated like fp16; integer kernels other than XNNPACK's round some codes otherwise, and
one code of 255 more or less everywhere is 48 dB. A runtime may be held to more in int8."""


def gate_db(precision: str) -> float:
    """Gate of a precision.

    Args:
        precision: ``fp32``, ``fp16``, ``w8``, ``palette``, ``int8`` or ``int8-float-io``.

    Returns:
        Least PSNR against the float32 model that passes, in dB.

    Raises:
        InputError: if it has none.

    Example:
        >>> from edge_sdk.emulate import gate_db
        >>> gate_db("fp16"), gate_db("int8")
        (60.0, 50.0)
    """
    if precision not in GATES_DB:
        raise InputError(
            f"no gate for precision '{precision}'; choose one of: {', '.join(GATES_DB)}"
        )
    return GATES_DB[precision]


def agreement_gate_db(precision: str, runtime: str) -> float:
    """Least agreement with the graph of the same codes.

    Args:
        precision: ``w8`` or an int8 one.
        runtime: short name of the runner.
    """
    least = AGREEMENT_DB[family(precision)]
    if family(precision) != "int8":
        return least
    known = RUNTIMES.get(runtime)
    return least if known is None or known.codes_db is None else known.codes_db


def family(precision: str) -> str:
    """``int8`` for all whose activations are int8; else the precision itself."""
    return "int8" if precision.startswith("int8") else precision
