"""A Vulkan driver for LiteRT's WebGPU accelerator: SwiftShader, a GPU in software.

Debian's package ``chromium`` carries SwiftShader and a Vulkan loader; its folder is looked through
unless ``VK_ICD_FILENAMES`` names a driver. LiteRT keeps the first driver that a process used.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_sdk.errors import MissingExtraError
from edge_sdk.quiet import environment

CHROMIUM = Path("/usr/lib/chromium")
_VARIABLE = "VK_ICD_FILENAMES"
_LOADER = "libvulkan.so.1"


@contextmanager
def vulkan_driver() -> Iterator[str]:
    """Make a Vulkan driver findable for whatever is loaded meanwhile.

    Yields:
        Name of the driver, such as ``SwiftShader``.

    Raises:
        MissingExtraError: if there is no driver, or no Vulkan loader.
    """
    given = os.environ.get(_VARIABLE)
    driver = Path(given.split(os.pathsep)[0]) if given else CHROMIUM / "vk_swiftshader_icd.json"
    if not driver.is_file():
        where = f"{_VARIABLE} names {driver}, which does not exist" if given else "none found"
        raise MissingExtraError(
            f"LiteRT GPU needs a Vulkan driver ({where}); install SwiftShader with: "
            f"apt-get install chromium, or set {_VARIABLE}"
        )
    _load_loader()
    with environment(**{_VARIABLE: str(driver)}):
        yield "SwiftShader" if "swiftshader" in driver.name else driver.stem


def _load_loader() -> None:
    """Load the Vulkan loader, so that the accelerator finds it by its name."""
    for name in (_LOADER, str(CHROMIUM / _LOADER)):
        try:
            ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return
    raise MissingExtraError(
        f"LiteRT GPU needs {_LOADER}; install it with: apt-get install libvulkan1"
    )
