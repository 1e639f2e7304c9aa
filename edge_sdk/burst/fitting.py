"""Whether a network fits a zoom, asked before anything is computed."""

from __future__ import annotations

from torch import nn

from edge_sdk.burst.config import ZoomConfig
from edge_sdk.burst.stage_runners import StageFiles
from edge_sdk.burst.stages import decodes_bursts
from edge_sdk.errors import InputError
from edge_sdk.models.enhance_net import EnhanceNet
from edge_sdk.models.spec import ModelSpec
from edge_sdk.zoo.networks import LUMA_SCALE, enlarges_luma


def network_scale(network: nn.Module | StageFiles) -> int:
    """What a network, or the stages that hold one, enlarge by."""
    if isinstance(network, StageFiles):
        return network.scale
    spec = getattr(network, "spec", None)
    return spec.scale if isinstance(spec, ModelSpec) else LUMA_SCALE


def check_fit(network: nn.Module | StageFiles, config: ZoomConfig) -> None:
    """Check a network's task, colour and scale against a zoom.

    Args:
        network: as :func:`~edge_sdk.burst.zoom.zoom` takes it.
        config: settings of the zoom.

    Raises:
        InputError: if the network is none that zooms, or enlarges by another factor.
    """
    spec = getattr(network, "spec", None)
    if isinstance(spec, ModelSpec):
        zooms = isinstance(network, EnhanceNet) if decodes_bursts(network) else enlarges_luma(spec)
        if not zooms:
            raise InputError(
                f"this {type(network).__name__} is for {spec.task} ×{spec.scale} of "
                f"{spec.colour}; zoom takes an EnhanceNet of task burst-zoom, or a luma (y) model "
                f"of ×{LUMA_SCALE}"
            )
    scale = network_scale(network)
    if config.scale != scale:
        raise InputError(
            f"this network enlarges ×{scale}, not ×{config.scale}; leave it out (--model none)"
        )
