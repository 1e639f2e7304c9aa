"""Qualcomm's emulator, for a process of its own: see ``serving``. Imports nothing of the SDK.

ONNX Runtime and TensorFlow in one process end it: each brings symbols that the other takes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Arrays = dict[str, Any]
PROVIDER = "QNNExecutionProvider"


@contextmanager
def opened(path: str, told: str) -> Iterator[tuple[dict[str, Any], Callable[[Arrays], Arrays]]]:
    """The context binary that ``told``, a JSON object, describes: nothing to tell, and its runner.

    It names the binary's place in the file (``start``, ``size``), its ``name``, the chip
    (``soc_model``, ``htp_arch``), and shape and type of its ``inputs`` and ``outputs``, in order,
    which are called ``i0``, ``i1``, … and ``o0``, ``o1``, ….
    """
    import onnxruntime as ort
    import onnxruntime_qnn as qnn

    part = json.loads(told)
    with Path(path).open("rb") as file:
        file.seek(part["start"])
        model = _node(part, file.read(part["size"]))
    ort.register_execution_provider_library(PROVIDER, qnn.get_library_path())
    device = next(each for each in ort.get_ep_devices() if each.ep_name == PROVIDER)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    backend = {
        "backend_path": qnn.get_qnn_htp_path(),
        "soc_model": str(part["soc_model"]),
        "htp_arch": str(part["htp_arch"]),
    }
    options.add_provider_for_devices([device], backend)
    session = ort.InferenceSession(model, options)
    names = [end.name for end in session.get_outputs()]
    yield {}, lambda given: dict(zip(names, session.run(names, given), strict=True))


def _node(part: dict[str, Any], binary: bytes) -> bytes:
    """An ONNX model of one node: the context binary."""
    from onnx import helper

    ends = [
        [
            helper.make_tensor_value_info(
                f"{kind}{n}", helper.np_dtype_to_tensor_dtype(_dtype(end["dtype"])), end["shape"]
            )
            for n, end in enumerate(found)
        ]
        for kind, found in (("i", part["inputs"]), ("o", part["outputs"]))
    ]
    node = helper.make_node(
        "EPContext",
        [end.name for end in ends[0]],
        [end.name for end in ends[1]],
        name=part["name"],
        domain="com.microsoft",
        main_context=1,
        embed_mode=1,
        ep_cache_context=binary,
        source=PROVIDER,
        partition_name=part["name"],
    )
    model = helper.make_model(
        helper.make_graph([node], "htp", *ends),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)],
        ir_version=9,
    )
    return bytes(model.SerializeToString())


def _dtype(name: str) -> Any:
    import numpy as np

    return np.dtype(name)
