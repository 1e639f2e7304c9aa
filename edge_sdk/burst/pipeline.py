"""Burst zoom: the driver that chains the stages over tiles."""

from __future__ import annotations

import time
from dataclasses import replace

import torch
from torch import Tensor, nn

from edge_sdk.burst.config import ZoomConfig
from edge_sdk.burst.converted.fitting import check_fit
from edge_sdk.burst.converted.running import StageFiles
from edge_sdk.burst.driver.merging import merge
from edge_sdk.burst.driver.network_choice import noise_note, why_unsuited
from edge_sdk.burst.driver.plan import MergePlan
from edge_sdk.burst.driver.stage_set import decodes_bursts, stages_for
from edge_sdk.burst.effective_frames import reference_alone
from edge_sdk.burst.fewer_frames import ChosenSource, among_all, sharpest
from edge_sdk.burst.frames.hot_pixels import MendedSource, find_hot_pixels
from edge_sdk.burst.frames.sinks import GraySink, MixedSink, Sink, TensorSink
from edge_sdk.burst.frames.source import FrameSource, TensorSource
from edge_sdk.burst.lens.estimate import settle_lens
from edge_sdk.burst.noise.settling import NoiseSource, SettledNoise, settle_noise
from edge_sdk.burst.preparing import prepare
from edge_sdk.burst.reference.choice import ReferenceChoice, is_blurry
from edge_sdk.burst.reference.scoring import score
from edge_sdk.burst.result import FrameReport, ZoomResult
from edge_sdk.burst.single import enlarge_single
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.progress import Progress, silent
from edge_sdk.registration import Registration

SMALLEST_FRAME_PX = 32
_ROWS_AT_ONCE = 64
MENTIONED_LOSS = 0.1
"""Lost part of a frame from which on it is named as what may have kept it from being aligned."""
MIN_SHARE = 0.02
"""Share of agreeing pixels under which a frame counts as left out."""


@torch.no_grad()
def zoom(
    frames: Tensor | FrameSource,
    network: nn.Module | StageFiles | None = None,
    config: ZoomConfig | None = None,
    on_progress: Progress | None = None,
) -> ZoomResult:
    """Enlarge a burst: choose the reference, align, merge without ghosts, restore.

    A frame that cannot be aligned is left out and its report says why. One frame alone takes the
    same way, or, where a network is given, is enlarged by it. A network for bursts is passed over
    where their noise is beyond what it has learned, and the result says why.

    Args:
        frames: float32 [N, 3, H, W] in [0, 1], sRGB, all of the same scene; or a source of them.
        network: one of task burst-zoom; or a ×2 network for luma in studio swing,
            [N, 1, H, W] to [N, 1, 2·H, 2·W]; or converted stages; ``None`` for the restoration
            without a network.
        config: settings.
        on_progress: called after each step.

    Returns:
        The picture, the choice of the reference, and what became of every frame.

    Raises:
        InputError: if there is no frame, they are not float32 in [0, 1], the reference is not one
            of them, the crop does not lie on them, or the network is for another task, color or
            scale, or would ignore a setting that is not the default.
        PictureError: if the frames are smaller than 32 px.

    Example:
        >>> import torch
        >>> from edge_sdk import resize_bicubic, zoom
        >>> scene = resize_bicubic(torch.rand(3, 24, 32), 3).clamp(0, 1)
        >>> frames = torch.stack([scene[:, :64, left : left + 80] for left in (0, 1, 2)])
        >>> result = zoom(frames)
        >>> result.pixels.shape, result.used
        (torch.Size([3, 128, 160]), 3)
        >>> [frame.note for frame in result.frames]
        ['', '', '']
    """
    config = config or ZoomConfig()
    source = _checked(frames) if isinstance(frames, Tensor) else frames
    region = _region(source, config)
    sink = TensorSink(3, region.height * config.scale, region.width * config.scale)
    result = zoom_into(source, sink, network, config, on_progress)
    return replace(result, pixels=sink.pixels.clamp_(0, 1))


@torch.no_grad()
def zoom_into(
    source: FrameSource,
    sink: Sink,
    network: nn.Module | StageFiles | None = None,
    config: ZoomConfig | None = None,
    on_progress: Progress | None = None,
) -> ZoomResult:
    """Enlarge a burst as :func:`zoom` does, with neither frames nor result in memory whole.

    Args:
        source: the frames.
        sink: takes the rows of the enlarged picture.
        network: as in :func:`zoom`.
        config: settings.
        on_progress: called after each step.

    Returns:
        As :func:`zoom`, without pixels.

    Raises:
        InputError: as :func:`zoom`.
        PictureError: as :func:`zoom`.

    Example:
        >>> import torch
        >>> from edge_sdk.burst import TensorSource, zoom_into
        >>> class Rows:
        ...     def put(self, top, rows):
        ...         print("rows from", top, tuple(rows.shape))
        >>> result = zoom_into(TensorSource(torch.rand(1, 3, 32, 48)), Rows())
        rows from 0 (3, 64, 96)
    """
    config = config or ZoomConfig()
    report = on_progress or silent
    region = _region(source, config)
    if network is not None:
        check_fit(network, config)
    if config.most_frames is not None and source.count > config.most_frames:
        return _of_the_sharpest(source, sink, network, config, report, region)
    stages = network.frame_stages if isinstance(network, StageFiles) else None
    frames, prepared = source, prepare(source, region, config, report, stages)
    source, region, lit = prepared.source, prepared.region, prepared.lit
    choice, aligned, seconds = lit.choice, lit.aligned, prepared.seconds
    started = time.perf_counter()
    if prepared.given is None:
        settled = settle_noise(aligned.noise, prepared.stated, bool(aligned.motions))
    else:
        settled = SettledNoise(prepared.given, NoiseSource.GIVEN)
    noise = settled.noise
    hot = find_hot_pixels(lit.source, choice.index, aligned.motions, noise.typical_std)
    if len(hot):
        source = MendedSource(source, hot)
    if config.strength < 1:
        sink = MixedSink(sink, source, choice.index, region, config.scale, config.strength)
    seconds["align"] += time.perf_counter() - started
    plan = MergePlan(
        source,
        choice.index,
        aligned.motions,
        region,
        noise,
        config.reference_weight,
        config.provenance,
        lit.lights,
    )
    started = time.perf_counter()
    lens = settle_lens(plan, config.lens_std_px)
    seconds["lens"] = time.perf_counter() - started
    passed_over = why_unsuited(network, noise, len(aligned.motions) + 1)
    network_note = ""
    if passed_over is not None:
        network = None
    elif isinstance(network, StageFiles) or decodes_bursts(network):
        converted = isinstance(network, StageFiles)
        count = len(aligned.motions) + 1
        network_note = noise_note(config.scale, noise, count, converted=converted)
    if aligned.motions or not isinstance(network, nn.Module) or decodes_bursts(network):
        count = len(aligned.motions) + 1
        if isinstance(network, StageFiles):
            merging = network.stages(noise, lens.std_px)
        else:
            merging = stages_for(network, config, noise, count, lens.std_px)
        colored = network is None or not _is_gray(source, choice.index)
        merged = merge(plan, merging, sink if colored else GraySink(sink), report)
        shares, maps, effective = merged.shares, merged.maps, merged.effective
        seconds |= {"merge": merged.merge_seconds, "enhance": merged.enhance_seconds}
    else:
        started = time.perf_counter()
        rows = source.rows(choice.index, region.top, region.top + region.height)
        columns = slice(region.left, region.left + region.width)
        sink.put(0, enlarge_single(rows[:, :, columns], network))
        shares, maps, effective = {}, {}, reference_alone(region.height, region.width)
        seconds["enhance"] = time.perf_counter() - started
    shares[choice.index] = 1.0
    registrations = prepared.registrations(frames)
    reports = tuple(
        FrameReport(
            choice.scores[index],
            registrations.get(index),
            shares.get(index, 0.0),
            _note(registrations.get(index), shares.get(index, 0.0), choice, index),
            is_blurry(choice, index),
            maps.get(index),
            lit.lights.get(index),
            choice.lost[index],
        )
        for index in range(source.count)
    )
    empty = torch.empty(3, 0, 0)
    count = len(torch.unique(hot[:, 1:], dim=0))
    return ZoomResult(
        empty,
        choice.index,
        choice.forced,
        noise,
        reports,
        seconds,
        effective,
        count,
        choice.blank,
        passed_over,
        settled.source,
        settled.note,
        lens,
        network_note,
        choice.is_sharpest,
    )


def _of_the_sharpest(
    source: FrameSource,
    sink: Sink,
    network: nn.Module | StageFiles | None,
    config: ZoomConfig,
    report: Progress,
    region: Rectangle,
) -> ZoomResult:
    """A zoom of as many of the sharpest frames as the settings ask for."""
    assert config.most_frames is not None
    started = time.perf_counter()
    stages = network.frame_stages if isinstance(network, StageFiles) else None
    choice = score(source, region, config.reference, report, stages)
    seconds = time.perf_counter() - started
    chosen = sharpest(choice, config.most_frames)
    named = None if config.reference is None else chosen.index(config.reference)
    fewer = ChosenSource(source, chosen)
    result = zoom_into(fewer, sink, network, replace(config, reference=named), report)
    result.seconds["reference"] += seconds
    return among_all(result, chosen, choice)


def _is_gray(source: FrameSource, index: int) -> bool:
    """Whether a frame has the same value in red, green and blue everywhere."""
    for top in range(0, source.height, _ROWS_AT_ONCE):
        rows = source.rows(index, top, min(top + _ROWS_AT_ONCE, source.height))
        if not torch.equal(rows[0], rows[1]) or not torch.equal(rows[0], rows[2]):
            return False
    return True


def _note(
    registration: Registration | None, share: float, choice: ReferenceChoice, index: int
) -> str:
    if registration is None:
        return ""
    if registration.reason:
        if not choice.shows(index):
            return f"{registration.reason}; it shows nothing: black, covered or far out of focus"
        lost = choice.lost[index]
        more = f"; {lost:.0%} of it shows nothing" if lost > MENTIONED_LOSS else ""
        return f"{registration.reason}{more}"
    if share < MIN_SHARE:
        return "agrees with the reference nowhere: other content or another exposure"
    return ""


def _region(source: FrameSource, config: ZoomConfig) -> Rectangle:
    height, width = source.height, source.width
    if source.count == 0:
        raise InputError("a burst needs at least one frame; name the files")
    if min(height, width) < SMALLEST_FRAME_PX:
        raise PictureError(
            f"frames of {width}×{height} px are too small to zoom; give at least "
            f"{SMALLEST_FRAME_PX}×{SMALLEST_FRAME_PX} px"
        )
    if config.crop is None:
        return Rectangle(left=0, top=0, width=width, height=height)
    config.crop.check(height, width, SMALLEST_FRAME_PX)
    return config.crop


def _checked(frames: Tensor) -> TensorSource:
    if frames.ndim != 4 or frames.shape[0] == 0 or frames.shape[1] != 3:
        raise InputError(
            f"frames must be [N, 3, H, W] with N ≥ 1, not {tuple(frames.shape)}; stack RGB pictures"
        )
    low, high = (float(frames.amin()), float(frames.amax()))
    if frames.dtype != torch.float32 or not (low >= -0.01 and high <= 1.01):
        raise InputError(
            f"frames must be float32 with finite values in [0, 1], not {frames.dtype} from {low:g} "
            f"to {high:g}; divide 8-bit values by 255"
        )
    return TensorSource(frames)
