"""The version of the package that is installed."""

from __future__ import annotations

from importlib import metadata

try:
    __version__ = metadata.version("edge-sdk")
except metadata.PackageNotFoundError:
    __version__ = "0+unknown"
"""Version of the installed distribution; ``0+unknown`` in a source tree that is not installed."""
