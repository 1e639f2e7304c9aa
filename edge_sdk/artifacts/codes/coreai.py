"""Codes of the tensors between operators of an ``.aimodel``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_sdk.artifacts.aimodel import check_aimodel
from edge_sdk.artifacts.codes.layers import Code
from edge_sdk.extras import require


def aimodel_codes(path: Path) -> tuple[Code, ...]:
    """Steps and zero points of the quantize operations, in order.

    Args:
        path: the folder, as edge-sdk has written it; Apple's reader gets no other.

    Raises:
        MissingExtraError: if Core AI is not installed.
        ArtifactError: if the folder is not sealed by edge-sdk, or damaged.
    """
    authoring = require("coreai", "coreai.authoring")
    check_aimodel(path)
    program = authoring.AIModelAsset.load(path).program
    found = []
    for graph in program._module._mlir_module.body.operations:
        for block in (block for region in graph.regions for block in region.blocks):
            for operation in block.operations:
                if operation.operation.name != "coreai.quantize":
                    continue
                _, scale, zero_point, *_ = (
                    operand.owner.attributes["value"] if index in (1, 2) else None
                    for index, operand in enumerate(operation.operands)
                )
                found.append(Code(float(np.array(scale)), int(np.array(zero_point))))
    return tuple(found)
