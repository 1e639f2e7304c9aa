"""Far and near shots of a photograph, simulated, with the homography between them.

The far shots are a burst of :mod:`edge_sdk.data.camera.simulation`. The near camera stands closer:
it sees a part of the photograph at the photograph's own resolution, through a small homography (it
stands a little beside the far one and is turned a little), with an exposure, a white balance and
noise of its own. Between its shots the hand moves by a shift.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from edge_sdk.data.camera.config import CameraConfig
from edge_sdk.data.camera.simulation import SimulatedBurst, simulate_burst
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import linear_to_srgb, quantize
from edge_sdk.registration.motion import centered_grid, transform
from edge_sdk.registration.sampling import sample_bicubic

SMALLEST_NEAR_PX = 64


@dataclass(frozen=True)
class FarNearConfig:
    """Settings of :func:`simulate_far_near`.

    Attributes:
        far: the far camera; its scale is the zoom ratio.
        shots: near shots, at least 1.
        share: part of the photograph's sides that the near camera sees, above 0 to 1.
        warp_px: largest displacement of a corner by the near camera's place, in near pixels.
        shift_px: largest shift between near shots, in near pixels.
        gains: exposure of red, green and blue in linear light, against the far camera's.
        noise_std: noise of a near shot on encoded values in [0, 1].
        seed: seed of everything about the near camera.

    Example:
        >>> from edge_sdk.data import CameraConfig, FarNearConfig
        >>> config = FarNearConfig(far=CameraConfig(frames=4), shots=2)
        >>> config.far.frames, config.shots
        (4, 2)
    """

    far: CameraConfig = field(default_factory=CameraConfig)
    shots: int = 1
    share: float = 0.8
    warp_px: float = 12.0
    shift_px: float = 3.0
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    noise_std: float = 2 / 255
    seed: int = 0

    def __post_init__(self) -> None:
        checks = (
            (self.shots >= 1, f"near shots must be 1 or more, not {self.shots}"),
            (0 < self.share <= 1, f"share must be in (0, 1], not {self.share:g}"),
            (min(self.warp_px, self.shift_px) >= 0, "displacements must be 0 px or more"),
            (min(self.gains) > 0, f"gains must be above 0, not {self.gains}"),
            (0 <= self.noise_std <= 1, f"noise must be 0 to 1, not {self.noise_std:g}"),
        )
        for holds, message in checks:
            if not holds:
                raise InputError(message)


@dataclass(frozen=True, eq=False)
class FarNearShots:
    """Shots of one scene, and where they lie on each other.

    Attributes:
        burst: the far shots with their truth.
        near: float32 [K, 3, h, w] in [0, 1], sRGB, multiples of 1/255.
        matrices: float64 [K, 3, 3]: pixel of the photograph to pixel of each near shot, centered.

    Example:
        >>> import torch
        >>> from edge_sdk.data import simulate_far_near
        >>> shots = simulate_far_near(torch.rand(3, 180, 240))
        >>> shots.homography(0, 0).shape
        torch.Size([3, 3])
    """

    burst: SimulatedBurst
    near: Tensor
    matrices: Tensor

    def homography(self, far: int, near: int) -> Tensor:
        """True homography float64 [3, 3] from far shot ``far`` to near shot ``near``."""
        scale = float(self.burst.config.scale)
        scaling = torch.diag(torch.tensor([scale, scale, 1.0], dtype=torch.float64))
        found: Tensor = self.matrices[near] @ scaling @ self.burst.motions[far].matrix
        return found / found[2, 2]


def simulate_far_near(photograph: Tensor, config: FarNearConfig | None = None) -> FarNearShots:
    """Take far and near shots of a photograph.

    Args:
        photograph: float32 [3, H, W] in [0, 1], sRGB.
        config: both cameras.

    Raises:
        InputError: if the hand of the far camera may move faster than its shutter reads.
        PictureError: if the photograph is too small for one of the cameras.

    Example:
        >>> import torch
        >>> from edge_sdk.data import CameraConfig, FarNearConfig, simulate_far_near
        >>> config = FarNearConfig(far=CameraConfig(frames=3), shots=2)
        >>> shots = simulate_far_near(torch.rand(3, 180, 240), config)
        >>> len(shots.burst.frames), len(shots.near)
        (3, 2)
        >>> shots.near.shape[-1] > shots.burst.frames.shape[-1]
        True
    """
    config = config or FarNearConfig()
    burst = simulate_burst(photograph, config.far)
    scene = burst.scene
    margin = config.warp_px + config.shift_px + 2
    height, width = (
        int(config.share * side - 2 * margin * config.share) for side in scene.shape[-2:]
    )
    if min(height, width) < SMALLEST_NEAR_PX:
        raise PictureError(
            f"a photograph of {scene.shape[-1]}×{scene.shape[-2]} px leaves the near camera "
            f"{width}×{height} px; use a larger one"
        )
    generator = torch.Generator().manual_seed(config.seed)
    seen = _corner_homography(height, width, config.warp_px, generator)
    shots, matrices = [], []
    for shot in range(config.shots):
        shift = torch.eye(3, dtype=torch.float64)
        if shot:
            drawn = 2 * torch.rand(2, generator=generator, dtype=torch.float64) - 1
            shift[:2, 2] = drawn * config.shift_px
        to_scene = seen @ shift
        matrices.append(torch.linalg.inv(to_scene))
        shots.append(_exposed(scene, to_scene, (height, width), config, generator))
    return FarNearShots(burst, torch.stack(shots), torch.stack(matrices))


def _exposed(
    scene: Tensor,
    to_scene: Tensor,
    size: tuple[int, int],
    config: FarNearConfig,
    generator: torch.Generator,
) -> Tensor:
    grid = centered_grid(*size, like=to_scene)
    places = transform(to_scene, grid.reshape(-1, 2)).reshape(grid.shape)
    light = sample_bicubic(scene, places.float()).clamp_min(0)
    light = light * light.new_tensor(config.gains)[:, None, None]
    encoded = linear_to_srgb(light.clamp(0, 1))
    noise = torch.randn(encoded.shape, generator=generator) * config.noise_std
    return quantize(encoded + noise)


def _corner_homography(
    height: int, width: int, max_px: float, generator: torch.Generator
) -> Tensor:
    """The homography that moves each corner of a picture by at most ``max_px`` in x and in y."""
    x, y = width / 2, height / 2
    corners = torch.tensor([[-x, -y], [x, -y], [-x, y], [x, y]], dtype=torch.float64)
    drawn = 2 * torch.rand(4, 2, generator=generator, dtype=torch.float64) - 1
    moved = corners + drawn * max_px
    rows, right = [], []
    for (u, v), (p, q) in zip(corners.tolist(), moved.tolist(), strict=True):
        rows += [[u, v, 1, 0, 0, 0, -p * u, -p * v], [0, 0, 0, u, v, 1, -q * u, -q * v]]
        right += [p, q]
    solved = torch.linalg.solve(
        torch.tensor(rows, dtype=torch.float64), torch.tensor(right, dtype=torch.float64)
    )
    return torch.cat((solved, solved.new_ones(1))).reshape(3, 3)
