"""Golden bursts: what the driver decides, step by step, and the picture that comes of it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edge_sdk.bundle.burst_frames import DrawnBurst, golden_bursts
from edge_sdk.bundle.generator import positions
from edge_sdk.bundle.golden import read_vectors, rounded, signal_over_noise_db
from edge_sdk.burst.config import ZoomConfig
from edge_sdk.burst.converted.running import StageFiles
from edge_sdk.burst.lens.halves import SCALE as MEASURED_SCALE
from edge_sdk.burst.pipeline import zoom
from edge_sdk.burst.result import ZoomResult
from edge_sdk.burst.stages.blur import DEFAULT_LENS_PX
from edge_sdk.errors import BundleError
from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.json_records import Head
from edge_sdk.registration import RegistrationConfig
from edge_sdk.registration.alignment.levels import levels_of
from edge_sdk.registration.stages.stage_set import AlignStages

FORMAT, VERSION = "edge-sdk golden bursts", 1
VALUES = 48
"""Places of a tensor that are kept."""
MOST_BURSTS = 16
"""Golden bursts of a bundle, at most."""
_SEED = 17


@dataclass(frozen=True)
class StepValues:
    """A tensor on the way, at drawn places.

    Attributes:
        shape: of the tensor.
        values: at the places of :func:`~edge_sdk.bundle.generator.positions`, seed 17.
    """

    shape: tuple[int, ...]
    values: tuple[float, ...]

    @staticmethod
    def of(tensor: Tensor | NDArray[np.float32]) -> StepValues:
        """Keep some values of a tensor."""
        array = np.asarray(tensor, np.float32)
        flat = array.reshape(-1)[positions(_SEED, VALUES, array.size)]
        return StepValues(tuple(array.shape), tuple(rounded(value) for value in flat.tolist()))

    @property
    def places(self) -> tuple[int, ...]:
        """Where the values are, in a tensor of the shape laid out flat."""
        return tuple(positions(_SEED, len(self.values), math.prod(self.shape)).tolist())

    def snr_db(self, tensor: Tensor) -> float:
        """Signal over noise of another tensor at the places; −∞ for one of another shape."""
        if tuple(tensor.shape) != self.shape:
            return -math.inf
        places = positions(_SEED, len(self.values), tensor.numel())
        return signal_over_noise_db(tensor.numpy().reshape(-1)[places], self.values)


@dataclass(frozen=True)
class BurstVector:
    """A golden burst.

    Attributes:
        burst: how its frames are drawn.
        luma: of the first frame, [1, H, W].
        levels: of the first frame, from the finest, [1, 1, h, w] each.
        scores: of all frames, as they end.
        reference: 0-based.
        used: frames that were merged, the reference among them.
        reasons: why each frame was left out, in the words of the SDK; empty for one that was not.
        motions: by frame, M as nine numbers in rows; empty for the reference.
        lights: by frame, the factor of red, green and blue; empty where the light is steady.
        noise: s and s′ by color and level, 36 numbers.
        lens_px: blur of the lens.
        hot: number of hot pixels.
        features: of the first piece that is decoded, [1, C, h, w]; what ``blend`` returns.
        picture: [3, s·H, s·W].
    """

    burst: DrawnBurst
    luma: StepValues
    levels: tuple[StepValues, ...]
    scores: tuple[float, ...]
    reference: int
    used: tuple[int, ...]
    reasons: tuple[str, ...]
    motions: tuple[tuple[float, ...], ...]
    lights: tuple[tuple[float, ...], ...]
    noise: tuple[float, ...]
    lens_px: float
    hot: int
    features: StepValues
    picture: StepValues


class _Recorder(nn.Module):
    """A network that remembers what it was given first."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.spec = network.spec
        self.first: Tensor | None = None

    def forward(self, features: Tensor) -> Tensor:
        if self.first is None:
            self.first = features.clone()
        made: Tensor = self.network(features)
        return made


def burst_vectors(network: nn.Module, scale: int) -> tuple[BurstVector, ...]:
    """Golden bursts by the driver in PyTorch, on one thread and without fields of motion.

    Args:
        network: one for bursts, in floating point.
        scale: its enlargement.
    """
    return tuple(_vector(burst, network, scale) for burst in golden_bursts())


def write_bursts(vectors: Sequence[BurstVector]) -> bytes:
    """``bursts.json``."""
    content = {"format": FORMAT, "version": VERSION, "bursts": [asdict(each) for each in vectors]}
    return json.dumps(content, separators=(",", ":")).encode()


@dataclass(frozen=True)
class _Bursts:
    bursts: tuple[BurstVector, ...]


def read_bursts(text: bytes, name: str) -> tuple[BurstVector, ...]:
    """Read ``bursts.json``.

    Raises:
        BundleError: if it is of another version, or damaged.
    """
    vectors = read_vectors(_Bursts, text, name, Head(FORMAT, VERSION)).bursts
    if not 0 < len(vectors) <= MOST_BURSTS:
        raise BundleError(f"{name}: has {len(vectors)} bursts; pack the bundle anew", "golden")
    for vector in vectors:
        kept = (vector.luma, *vector.levels, vector.features, vector.picture)
        whole = all(0 < len(each.values) <= VALUES and any(each.values) for each in kept)
        whole = whole and all(side > 0 for each in kept for side in each.shape)
        whole = whole and _is_of_its_frames(vector)
        if not vector.burst.is_drawable() or not whole:
            raise BundleError(
                f"{name}: the burst {ascii(vector.burst.name)[:40]} cannot be drawn; pack the "
                "bundle anew",
                "golden",
            )
    return vectors


def _is_of_its_frames(vector: BurstVector) -> bool:
    """Whether what is told by frame is told of every frame, and of no other."""
    count = len(vector.burst.frames)
    told = (vector.scores, vector.reasons, vector.motions, vector.lights)
    places = (vector.reference, *vector.used)
    motions = all(len(each) in (0, 9) for each in vector.motions)
    lights = all(len(each) in (0, 3) for each in vector.lights)
    whole = all(len(each) == count for each in told) and motions and lights
    return whole and all(0 <= place < count for place in places)


def zoomed(burst: DrawnBurst, network: nn.Module | StageFiles, scale: int) -> ZoomResult:
    """Zoom a burst as its vector was made: without fields of motion.

    Args:
        burst: is drawn.
        network: one for bursts, or converted stages.
        scale: its enlargement.

    Raises:
        InputError: if its frames cannot be zoomed, or not by these stages.
    """
    frames = torch.from_numpy(burst.drawn()).permute(0, 3, 1, 2).float() / 255
    # A lens is measured by stages of one scale: a driver that has others alone takes the usual one.
    lens_px = None if scale == MEASURED_SCALE else DEFAULT_LENS_PX
    config = ZoomConfig(
        scale=scale, lens_std_px=lens_px, registration=RegistrationConfig(field=False)
    )
    return zoom(frames.contiguous(), network, config)


def _vector(burst: DrawnBurst, network: nn.Module, scale: int) -> BurstVector:
    recorder = _Recorder(network).eval()
    result = zoomed(burst, recorder, scale)
    assert recorder.first is not None
    first = torch.from_numpy(burst.drawn()[:1]).permute(0, 3, 1, 2).float() / 255
    luma = rgb_to_ycbcr(first)[:, :1]
    levels = levels_of(luma, AlignStages())
    return BurstVector(
        burst,
        StepValues.of(luma[0]),
        tuple(StepValues.of(level) for level in levels),
        tuple(rounded(frame.score) for frame in result.frames),
        result.reference,
        tuple(index for index, frame in enumerate(result.frames) if not frame.note),
        tuple(frame.note for frame in result.frames),
        tuple(
            ()
            if frame.registration is None
            else tuple(rounded(x) for x in frame.registration.matrix.flatten().tolist())
            for frame in result.frames
        ),
        tuple(
            () if frame.light is None else tuple(map(rounded, frame.light.colors.tolist()))
            for frame in result.frames
        ),
        tuple(rounded(x) for x in result.noise.tensor()[0].flatten().tolist()),
        rounded(result.lens.std_px),
        result.hot_pixels,
        StepValues.of(recorder.first),
        StepValues.of(result.pixels),
    )
