"""Whether a network fits a zoom, checked before anything is computed."""

from __future__ import annotations

from torch import nn

from edge_sdk.burst.config import ZoomConfig
from edge_sdk.burst.converted.running import StageFiles
from edge_sdk.burst.driver.stage_set import decodes_bursts
from edge_sdk.burst.stages.restore import RestoreConfig
from edge_sdk.burst.stages.steering import SteeringConfig
from edge_sdk.errors import InputError
from edge_sdk.models.spec import PictureSpec
from edge_sdk.zoo.networks import LUMA_SCALE, enlarges_luma


def network_scale(network: nn.Module | StageFiles) -> int:
    """What a network, or the stages that hold one, enlarge by."""
    if isinstance(network, StageFiles):
        return network.scale
    spec = getattr(network, "spec", None)
    return spec.scale if isinstance(spec, PictureSpec) else LUMA_SCALE


def check_fit(network: nn.Module | StageFiles, config: ZoomConfig) -> None:
    """Check a network's task, color and scale against a zoom, and that it uses all settings.

    Args:
        network: as :func:`~edge_sdk.burst.pipeline.zoom` takes it.
        config: settings of the zoom.

    Raises:
        InputError: if the network is none that zooms, enlarges by another factor, or would ignore
            a setting that is not the default.
    """
    spec = getattr(network, "spec", None)
    known = spec if isinstance(spec, PictureSpec) else None
    if known and not enlarges_luma(known) and not decodes_bursts(network):
        raise InputError(
            f"this {type(network).__name__} is for {known.task} ×{known.scale} of {known.color}; "
            f"zoom takes a network of task burst-zoom, or a luma (y) model of ×{LUMA_SCALE}"
        )
    scale = network_scale(network)
    if config.scale != scale:
        raise InputError(
            f"this network enlarges ×{scale}, not ×{config.scale}; leave it out (--model none)"
        )
    for name, setting, default in _ignored_settings(network, config):
        if setting != default:
            raise InputError(
                f"this network would ignore the settings of {name}; leave them at their defaults, "
                "or zoom without a network (--model none)"
            )


def _ignored_settings(
    network: nn.Module | StageFiles, config: ZoomConfig
) -> list[tuple[str, object, object]]:
    """Name, value and default of settings that do not reach a network's stages."""
    restore = ("restore", config.restore, RestoreConfig())
    if isinstance(network, StageFiles):
        return [("steering", config.steering, SteeringConfig()), restore]
    return [restore]
