"""What all architectures have in common: a description that builds them anew, and a spec."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import Protocol

from torch import Tensor, nn

from edge_sdk.models.spec import ModelSpec, PictureSpec
from edge_sdk.reparam.blocks.collapse import multi_branch_blocks


class NetworkConfig(Hashable, Protocol):
    """Description of a network: a frozen dataclass of what JSON and YAML can hold.

    Its field ``architecture`` is a literal with itself as default, the name that the architecture
    is registered by; model files and recipes tell architectures apart by it.

    Example:
        >>> from edge_sdk.models import EnhanceNetConfig
        >>> EnhanceNetConfig(scale=3).architecture
        'enhance_net'
    """

    @property
    def architecture(self) -> str:
        """Registry name of the architecture, such as ``enhance_net``."""
        ...


class Network(nn.Module, ABC):
    """A network of a registered architecture; built from its config alone.

    Example:
        >>> from edge_sdk import load_model
        >>> network = load_model("denoise_rgb")
        >>> type(network)(network.config).spec == network.spec
        True
    """

    @property
    @abstractmethod
    def config(self) -> NetworkConfig:
        """Config that builds this network as it stands, be it fused wholly, in part or not."""

    @property
    @abstractmethod
    def spec(self) -> ModelSpec:
        """What a caller must know to feed this network."""

    @property
    def has_branches(self) -> bool:
        """Whether any convolution is still a multi-branch block."""
        return bool(multi_branch_blocks(self))

    def weights_from(self, source: Network) -> dict[str, Tensor]:
        """Tensors of another network by the names that they would have in this one.

        Those whose name and shape agree are taken over where training starts from ``source``. An
        architecture may rewrite some, as from one channel to three.
        """
        state: dict[str, Tensor] = source.state_dict()
        return state


class PictureNetwork(Network):
    """A network that makes pictures of pictures.

    Example:
        >>> from edge_sdk import load_model
        >>> from edge_sdk.models import PictureNetwork
        >>> network = load_model("sr_x2_y")
        >>> isinstance(network, PictureNetwork), network.spec.halo_px
        (True, 6)
    """

    @property
    @abstractmethod
    def spec(self) -> PictureSpec:
        """What a caller must know to feed this network."""
