"""The table of architectures: a name to the network, and to the config that describes it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from pydantic import ConfigDict, TypeAdapter

from edge_sdk.errors import InputError
from edge_sdk.models.network import Network, NetworkConfig
from edge_sdk.models.spec import ModelSpec
from edge_sdk.registry import Registry

DEFAULT = "enhance_net"
"""Architecture of a description that does not name any."""


@dataclass(frozen=True)
class Architecture:
    """A kind of network.

    Attributes:
        network: its class; takes a config, and nothing else.
        config: class of its configs, as :class:`~edge_sdk.models.network.NetworkConfig` says.

    Raises:
        InputError: if ``config`` is no frozen dataclass that names its architecture.

    Example:
        >>> from edge_sdk.models import ARCHITECTURES
        >>> architecture = ARCHITECTURES.find("enhance_net")
        >>> architecture.network.__name__, architecture.keys[:3]
        ('EnhanceNet', ('scale', 'color', 'widths'))
    """

    network: type[Network]
    config: type[Any]

    def __post_init__(self) -> None:
        named = getattr(self.config, "architecture", None)
        params = getattr(self.config, "__dataclass_params__", None)
        if params is None or not params.frozen or not isinstance(named, str):
            raise InputError(
                f"{self.config.__name__} does not describe an architecture; make it a frozen "
                "dataclass with a field architecture: Literal[NAME] = NAME"
            )

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """Reads and writes its configs; a key that they have not is refused."""
        if not hasattr(self.config, "__pydantic_config__"):
            self.config.__pydantic_config__ = ConfigDict(extra="forbid")
        return TypeAdapter(self.config)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of its configs, in order."""
        return tuple(field.name for field in dataclasses.fields(self.config))


ARCHITECTURES: Registry[Architecture] = Registry(
    "architecture", "edge_sdk.models", "edge_sdk.architectures", lambda entry: entry.network
)


def build(config: NetworkConfig) -> Network:
    """The network that a config describes, with its weights as they are initialized.

    Raises:
        InputError: if its architecture is unknown.
    """
    return ARCHITECTURES.find(config.architecture).network(config)


def spec_of(config: NetworkConfig) -> ModelSpec:
    """The spec of the network that a config describes; no weight is allocated.

    Raises:
        InputError: if its architecture is unknown.
    """
    return outline(config).spec


def outline(config: NetworkConfig) -> Network:
    """The network that a config describes on the meta device: layers and shapes without weights.

    Raises:
        InputError: if its architecture is unknown.
    """
    with torch.device("meta"):
        return build(config)


def config_from(value: Any) -> NetworkConfig:
    """The config that a mapping of JSON or YAML describes; a config itself is returned as it is.

    Raises:
        InputError: if its architecture is unknown, or values do not fit each other.
        pydantic.ValidationError: if a key is unknown or missing, or a value is no such value.
    """
    given = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    name = given.get("architecture", DEFAULT)
    architecture = ARCHITECTURES.find(name if isinstance(name, str) else DEFAULT)
    config: NetworkConfig = architecture.adapter.validate_python(value)
    return config


def plain_config(config: NetworkConfig) -> dict[str, Any]:
    """A config as a mapping of what JSON can hold."""
    architecture = ARCHITECTURES.find(config.architecture)
    plain: dict[str, Any] = architecture.adapter.dump_python(config, mode="json")
    return plain


def config_json(config: NetworkConfig) -> str:
    """A config as JSON, as model files hold it."""
    return ARCHITECTURES.find(config.architecture).adapter.dump_json(config).decode()
