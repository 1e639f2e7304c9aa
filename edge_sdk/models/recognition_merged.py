"""The file form of a RecognitionNet without BatchNorms."""

from __future__ import annotations

import torch
from torch import Tensor, fx, nn

from edge_sdk.errors import FusionError
from edge_sdk.models.recognition_net import RecognitionNet


def merged_recognition(network: RecognitionNet, graph: fx.GraphModule) -> RecognitionNet:
    """A network of the same architecture with the layers of its merged graph.

    Args:
        network: what was merged.
        graph: what :func:`edge_sdk.reparam.fuse` made of it.

    Returns:
        In evaluation mode, with ``merged`` in its config; it computes what the graph computes.

    Raises:
        FusionError: if the graph holds other layers, as where a BatchNorm could not be merged.

    Example:
        >>> import torch
        >>> from edge_sdk.models import RecognitionNet, recognition_preset
        >>> from edge_sdk.models.recognition_merged import merged_recognition
        >>> from edge_sdk.reparam import fuse
        >>> network = RecognitionNet(recognition_preset("tiny", ["disk", "square"])).eval()
        >>> graph, _ = fuse(network, torch.rand(1, 3, 32, 32))
        >>> merged = merged_recognition(network, graph)
        >>> merged.config.merged, any("norm" in name for name in merged.state_dict())
        (True, False)
    """
    merged = RecognitionNet(network.config.fused()).eval()
    wanted = [part for part in merged.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    called = [graph.get_submodule(str(n.target)) for n in graph.graph.nodes if n.op == _CALL]
    found = [part for part in called if any(True for _ in part.parameters())]
    if [_kernel(part) for part in wanted] != [_kernel(part) for part in found]:
        left = [part for part in found if isinstance(part, nn.BatchNorm2d)]
        why = f"{len(left)} BatchNorms are left" if left else "its layers are others"
        raise FusionError(
            f"the merged {type(network).__name__} has no file form, since {why}; train it with "
            "scales above 0, or fuse it from Python"
        )
    for part, source in zip(wanted, found, strict=True):
        # A bias that came out as 0 was left away.
        bias = torch.zeros(part.weight.shape[0])
        part.load_state_dict({"bias": bias, **source.state_dict()})
    with torch.no_grad():
        config = network.config
        side = max(config.reduction, 2 * config.first_kernel)
        probe = torch.rand(
            2, config.channels, side, side, generator=torch.Generator().manual_seed(0)
        )
        if not torch.allclose(merged(probe), graph(probe), rtol=1e-4, atol=1e-4):
            raise FusionError(f"the merged {type(network).__name__} computes something else")
    return merged


_CALL = "call_module"


def _kernel(part: nn.Module) -> tuple[int, ...]:
    return tuple(part.weight.shape) if isinstance(part.weight, Tensor) else ()
