"""Converted stages in the runtime that a phone would use, behind the same driver."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst.converted.graphs import STAGES, outputs_of
from edge_sdk.burst.converted.manifest import StageManifest, read_manifest
from edge_sdk.burst.converted.packed import packed_numbers
from edge_sdk.burst.converted.tiling import FixedStage, frame_stages
from edge_sdk.burst.driver.stage_set import LEARNED_STD, StageSet
from edge_sdk.burst.noise.curve import Noise
from edge_sdk.burst.stages.blend import HALO_PX as BLEND_HALO_PX
from edge_sdk.burst.stages.encode import HALO_PX as ENCODE_HALO_PX
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.emulate.runtimes.runner import Runner
from edge_sdk.errors import ArtifactError, InputError

NOISE_TOLERANCE = 1.5
"""Factor by which a burst may be noisier or cleaner than what int8 ranges were chosen by."""


class StageFiles:
    """Converted stages, opened.

    Args:
        manifest: what is known of them.
        folder: where their files lie.
        runtime: name of the runtime; ``None`` for the one that opens such files.

    Attributes:
        manifest: what the folder says of itself.
        runtime: the runtime with its version.
        frame_stages: the stages that ask how sharp a frame is and how it moved.
        on_features: is given what ``blend`` makes of each piece, float32 [1, C, h, w], before it is
            decoded; for those who compare steps.

    Raises:
        ArtifactError: if a file is missing or damaged, or stages do not fit each other.
        MissingExtraError: if the runtime is not installed.
    """

    def __init__(self, manifest: StageManifest, folder: Path, runtime: str | None = None) -> None:
        self.manifest = manifest
        opened = {
            stage: open_artifact(folder / self.manifest.files[stage], runtime) for stage in STAGES
        }
        self._stages = {stage: _Stage(runner) for stage, runner in opened.items()}
        self.runtime = opened["decode"].info.runtime
        self.on_features: Callable[[Tensor], None] | None = None
        self._check_shapes(folder)
        self.frame_stages = frame_stages(
            {name: FixedStage(stage, stage.shape) for name, stage in self._stages.items()}
        )

    @classmethod
    def of(cls, folder: Path, runtime: str | None = None) -> StageFiles:
        """Open what ``edge-sdk stages`` wrote.

        Args:
            folder: with ``stages.json``.
            runtime: as of the class.

        Raises:
            ArtifactError: if a file is missing or damaged, or stages do not fit each other.
            MissingExtraError: if the runtime is not installed.
        """
        return cls(read_manifest(folder), folder, runtime)

    @property
    def scale(self) -> int:
        """Enlargement."""
        return self.manifest.scale

    def stages(self, noise: Noise, lens_std_px: float) -> StageSet:
        """The stages for a burst.

        Args:
            noise: noise of one frame.
            lens_std_px: standard deviation of the lens blur, in pixels of a frame.

        Raises:
            InputError: if int8 ranges were chosen by bursts of other noise.
        """
        manifest = self.manifest
        if manifest.noise_levels is not None:
            low, high = manifest.noise_levels
            level = 255 * noise.typical_std
            if not low / NOISE_TOLERANCE <= level <= high * NOISE_TOLERANCE:
                raise InputError(
                    f"these {manifest.precision} stages were calibrated on noise of {low:g} to "
                    f"{high:g} levels, and this burst has {level:.1f}; take --precision fp32, or "
                    "stages of that precision"
                )
        halo = BLEND_HALO_PX + manifest.network_halo_px
        told = noise.limited(LEARNED_STD).tensor()
        decode = _Decode(self, told, lens_std_px)
        encode = _Encode(self._stages["encode"], manifest)
        return StageSet(encode, decode, manifest.scale, halo, manifest.tile_px, manifest.decoded_px)

    def _check_shapes(self, folder: Path) -> None:
        made = outputs_of(self.manifest.shapes, self.manifest.scale)
        for name, stage in self._stages.items():
            for verb, found, expected in (
                ("takes", stage.shape, self.manifest.shapes[name]),
                ("gives", stage.output_shape, made[name]),
            ):
                if found != expected:
                    raise ArtifactError(
                        f"{folder / self.manifest.files[name]}: {verb} "
                        f"{'×'.join(map(str, found))}, not {'×'.join(map(str, expected))} as "
                        f"{name} must; write the stages again"
                    )


class _Stage:
    """One file: a tensor in, a tensor out. One thread runs it at a time."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        (self._input, self.shape), *_ = runner.input_shapes.items()
        (self._output, self.output_shape), *_ = runner.output_shapes.items()
        self._lock = threading.Lock()

    def __call__(self, packed: Tensor) -> Tensor:
        """Run on float32 [1, C, h, w] no larger than the file's input; what is missing is 0."""
        height, width = packed.shape[-2:]
        below, beside = self.shape[-2] - height, self.shape[-1] - width
        whole = functional.pad(packed, (0, beside, 0, below))
        with self._lock:
            made = self._runner.run({self._input: whole.numpy()})[self._output]
        return torch.from_numpy(np.asarray(made, dtype=np.float32))


class _Encode:
    def __init__(self, stage: _Stage, manifest: StageManifest) -> None:
        self._stage = stage
        self._phases = manifest.scale**2

    def __call__(
        self,
        reference: Tensor,
        frame: Tensor,
        offset: Tensor,
        confidence: Tensor,
        light: Tensor | None,
        noise: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        height, width = (side - 2 * ENCODE_HALO_PX for side in reference.shape[-2:])
        total, trusts = None, []
        for index in range(frame.shape[0]):
            one = slice(index, index + 1)
            own_light = None if light is None else light[one]
            numbers = packed_numbers(own_light, noise, *reference.shape[-2:])
            packed = torch.cat((reference, frame[one], offset[one], confidence[one], numbers), 1)
            made = self._stage(packed)[..., :height, :width]
            trusts.append(made[:, -1:])
            total = made[:, :-1] if total is None else total + made[:, :-1]
        assert total is not None
        values = 3 * self._phases
        return total[:, :values], total[:, values:], torch.cat(trusts)


class _Decode:
    def __init__(self, files: StageFiles, noise: Tensor, lens_std_px: float) -> None:
        self._blend, self._decode = files._stages["blend"], files._stages["decode"]
        self._margin = files.manifest.network_halo_px * files.scale
        self._scale = files.scale
        self._noise = noise
        self._lens_std_px = lens_std_px
        self._on_features = files.on_features

    def __call__(self, sums: Tensor, weights: Tensor, reference: Tensor) -> Tensor:
        height, width = reference.shape[-2:]
        numbers = packed_numbers(None, self._noise, height, width, self._lens_std_px)
        features = self._blend(torch.cat((sums, weights, reference, numbers), 1))
        height, width = (side - 2 * BLEND_HALO_PX for side in (height, width))
        features = features[..., :height, :width]
        if self._on_features is not None:
            self._on_features(features.clone())
        made = self._decode(features)
        margin, scale = self._margin, self._scale
        down = slice(margin, scale * height - margin)
        return made[..., down, slice(margin, scale * width - margin)]
