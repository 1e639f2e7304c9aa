"""What is evaluated: a model in PyTorch, or a converted file in its runtime, on whole pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.errors import ArtifactError, InputError
from edge_sdk.imaging import apply_tiled

if TYPE_CHECKING:
    from torch import nn

    from edge_sdk.models import PictureSpec

TILE_PX = 512
"""Input pixels per window of a model in PyTorch, so that memory does not grow with the picture."""


class Method(Protocol):
    """Turns a degraded picture into a result.

    Example:
        >>> import torch
        >>> from edge_sdk import load_model
        >>> from edge_sdk.emulate import Method, ModelMethod
        >>> def enlarged(method: Method) -> tuple[str, torch.Size]:
        ...     return method.name, method(torch.rand(1, 1, 24, 32)).shape
        >>> network = load_model("sr_x2_y")
        >>> enlarged(ModelMethod(network, network.spec, "ours"))
        ('ours', torch.Size([1, 1, 48, 64]))
    """

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    @property
    def runtime(self) -> str:
        """What runs it, with its version."""
        ...

    @property
    def precision(self) -> str | None:
        """What it computes in, if known."""
        ...

    @property
    def spec(self) -> PictureSpec:
        """Scale, color and task."""
        ...

    @property
    def min_px(self) -> int:
        """Smallest side of a degraded picture that it takes."""
        ...

    def __call__(self, low: Tensor) -> Tensor:
        """Enhance float32 [1, C, h, w] to [1, C, scale·h, scale·w]."""
        ...


class ModelMethod:
    """A network in PyTorch, in evaluation mode.

    Args:
        network: maps [1, C, h, w] to [1, C, scale·h, scale·w].
        spec: what it is.
        name: what tables call it.
        precision: of its weights and activations.

    Example:
        >>> import torch
        >>> from edge_sdk import load_model
        >>> from edge_sdk.emulate import ModelMethod
        >>> network = load_model("sr_x2_y")
        >>> method = ModelMethod(network, network.spec, "sr_x2_y")
        >>> method(torch.rand(1, 1, 24, 32)).shape
        torch.Size([1, 1, 48, 64])
    """

    min_px = 1

    def __init__(
        self, network: nn.Module, spec: PictureSpec, name: str, precision: str = "fp32"
    ) -> None:
        self.name = name
        self.spec = spec
        self.precision = precision
        self.runtime = f"PyTorch {torch.__version__} (eager)"
        self._network = network

    def __call__(self, low: Tensor) -> Tensor:
        """Run it in large windows with the halo that makes them exact."""
        halo_px = _rounded_up(self.spec.halo_px, self.spec.size_multiple)
        with torch.inference_mode():
            return apply_tiled(
                self._network,
                low,
                tile_px=_rounded_up(TILE_PX, self.spec.size_multiple),
                halo_px=halo_px,
                scale=self.spec.scale,
                size_multiple=self.spec.size_multiple,
            )


class ArtifactMethod:
    """A converted file in its runtime, window by window with the halo of its model.

    Args:
        path: the file.
        spec: of the model that it was made from.
        runtime: a name in :data:`~edge_sdk.emulate.runtimes.names.RUNTIMES`; ``None`` for the
            suffix's own.

    Raises:
        MissingExtraError: if the runtime is not installed.
        InputError: if the runtime is unknown or does not run such files.
        ArtifactError: if the file is damaged, does not do what the spec says, or its window is
            too small for the spec's halo.

    Example:
        >>> import torch
        >>> from edge_sdk import convert, load_model
        >>> from edge_sdk.emulate import ArtifactMethod
        >>> network = load_model("sr_x2_y")
        >>> made = convert(network, "executorch", "sr.pte", size=(48, 48))
        >>> method = ArtifactMethod(made.path, network.spec)
        >>> method(torch.rand(1, 1, 60, 100)).shape
        torch.Size([1, 1, 120, 200])
    """

    def __init__(self, path: Path, spec: PictureSpec, runtime: str | None = None) -> None:
        self._runner = open_artifact(path, runtime)
        self.name = Path(path).name
        self.spec = spec
        self.runtime = self._runner.info.runtime
        self.precision = self._runner.precision
        self._input, self._window_px = _window(path, spec, self._runner.input_shapes)
        self._output = _only_output(path, spec, self._window_px, self._runner.output_shapes)

    def __call__(self, low: Tensor) -> Tensor:
        """Run the file on every window.

        Raises:
            PictureError: if the picture is smaller than the window.
        """
        halo_px = _rounded_up(self.spec.halo_px, self.spec.size_multiple)
        return apply_tiled(
            self._run,
            low,
            tile_px=self._window_px - 2 * halo_px,
            halo_px=halo_px,
            scale=self.spec.scale,
            size_multiple=self.spec.size_multiple,
            fixed_size=True,
        )

    @property
    def min_px(self) -> int:
        """Side of the window.

        A smaller picture could only be padded, and no padding of it gives what the network's own
        zeros beyond the border give.
        """
        return self._window_px

    def _run(self, window: Tensor) -> Tensor:
        outputs = self._runner.run({self._input: window.numpy()})
        return torch.from_numpy(outputs[self._output])


def _window(path: Path, spec: PictureSpec, shapes: dict[str, tuple[int, ...]]) -> tuple[str, int]:
    """Name and side of the one input."""
    channels = spec.color.channels
    name, shape = next(iter(shapes.items()))
    if len(shapes) != 1 or len(shape) != 4 or shape[:2] != (1, channels):
        raise ArtifactError(
            f"{path}: takes {_shapes(shapes)}, and its model {channels} channel(s) of one picture; "
            "name the model that it was made from"
        )
    if shape[2] != shape[3]:
        raise ArtifactError(
            f"{path}: takes windows of {shape[3]}×{shape[2]} px; pictures are cut into square ones "
            "alone: convert with equal sides"
        )
    least = least_window(spec)
    if shape[2] < least or shape[2] % spec.size_multiple:
        raise ArtifactError(
            f"{path}: takes windows of {shape[2]} px, but its model needs at least {least} px and "
            f"multiples of {spec.size_multiple}; convert with a larger --size"
        )
    return name, shape[2]


def least_window(spec: PictureSpec) -> int:
    """Side in pixels of the smallest window that a picture can be cut into with a model's halo."""
    return 2 * _rounded_up(spec.halo_px, spec.size_multiple) + spec.size_multiple


def _only_output(
    path: Path, spec: PictureSpec, window_px: int, shapes: dict[str, tuple[int, ...]]
) -> str:
    side = spec.scale * window_px
    expected = (1, spec.color.channels, side, side)
    if list(shapes.values()) != [expected]:
        raise ArtifactError(
            f"{path}: makes {_shapes(shapes)} of {window_px} px, and its model {expected}; "
            "it does another task: name the model that it was made from"
        )
    return next(iter(shapes))


def _shapes(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(str(shape) for shape in shapes.values()) or "nothing"


def _rounded_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def check_task(name: str, spec: PictureSpec) -> None:
    """Make sure that the protocol can score a model.

    Raises:
        InputError: for a model that makes pictures smaller.
    """
    if spec.reduction > 1:
        raise InputError(
            f"{name} makes pictures smaller, and no truth is agreed upon for that; evaluate models "
            "for super-resolution or denoising"
        )
