"""edge-sdk: image-enhancement models for phones, from training to a burst zoom that runs them."""

from importlib import metadata

from edge_sdk.errors import EdgeSdkError

__all__ = ["EdgeSdkError", "__version__"]

try:
    __version__ = metadata.version("edge-sdk")
except metadata.PackageNotFoundError:
    __version__ = "0+unknown"
"""Version of the installed distribution; ``0+unknown`` in a source tree that is not installed."""
