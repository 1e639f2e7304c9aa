"""One sample couple: from the shots of a scene to aligned far frames, target and mask."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.burst.driver.align import Aligned, Aligning, align_whole
from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.reference.choice import ReferenceChoice
from edge_sdk.errors import SceneError
from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.pairs.config import PairConfig
from edge_sdk.pairs.couple.color import ColorMatch, match_colors
from edge_sdk.pairs.couple.frames import FarFrames, cut_frames
from edge_sdk.pairs.couple.geometry import (
    check_shape,
    region_offset,
    shared_region,
    shifted,
    visible_share,
)
from edge_sdk.pairs.couple.ghosts import block_mask, ghost_blocks, typical_difference
from edge_sdk.pairs.couple.matching import Match, match_pictures
from edge_sdk.pairs.couple.placing import placed, reduced
from edge_sdk.pairs.couple.quality import PairQuality, measure_quality
from edge_sdk.pairs.couple.refining import Refined, refine_placement
from edge_sdk.pairs.couple.sharpness import equally_blurred
from edge_sdk.pairs.couple.standard import StandardImage, standard_image
from edge_sdk.progress import Progress, silent
from edge_sdk.registration import RegistrationConfig


@dataclass(frozen=True, eq=False)
class Couple:
    """A training sample and how it came about.

    Attributes:
        reference_pixels: float32 [3, H, W] in [0, 1], the far reference, clipped.
        target: float32 [3, scale·H, scale·W] in [0, 1], the near image on the target's grid.
        mask: bool [scale·H, scale·W], true where the target counts.
        region: what of the far reference is kept.
        choice: the far reference and all sharpnesses.
        far: the other far frames.
        left_out: why other far shots are not used, by shot.
        standard: the near standard image.
        match: the homography that features gave.
        shared: share of the near image that the far reference shows.
        zoom_ratio: near pixels per far pixel, refined.
        refined: where the near image lies on the clip.
        colors: what was done to its colors.
        quality: how far both agree.

    Example:
        >>> import torch
        >>> from edge_sdk import resize_bicubic
        >>> from edge_sdk.burst import TensorSource
        >>> from edge_sdk.data import CameraConfig, FarNearConfig, simulate_far_near
        >>> from edge_sdk.pairs import make_couple
        >>> scene = resize_bicubic(torch.rand(3, 44, 60), 5).clamp(0, 1)
        >>> shots = simulate_far_near(scene, FarNearConfig(CameraConfig(frames=2)))
        >>> far, near = TensorSource(shots.burst.frames), TensorSource(shots.near)
        >>> couple = make_couple(far, near)
        >>> couple.target.shape[-1] == 2 * couple.reference_pixels.shape[-1]
        True
    """

    reference_pixels: Tensor
    target: Tensor
    mask: Tensor
    region: Rectangle
    choice: ReferenceChoice
    far: FarFrames
    left_out: dict[int, str]
    standard: StandardImage
    match: Match
    shared: float
    zoom_ratio: float
    refined: Refined
    colors: ColorMatch
    quality: PairQuality


@torch.no_grad()
def make_couple(
    far: FrameSource,
    near: FrameSource,
    config: PairConfig | None = None,
    on_progress: Progress | None = None,
) -> Couple:
    """Make the sample of one scene, in the order of specification 2.

    Args:
        far: the far shots, at least one.
        near: the near shots, at least one.
        config: settings.
        on_progress: called for each step.

    Raises:
        SceneError: if no sample can be made; the message is the reason.

    Example:
        >>> import torch
        >>> from edge_sdk import resize_bicubic
        >>> from edge_sdk.burst import TensorSource
        >>> from edge_sdk.data import CameraConfig, FarNearConfig, simulate_far_near
        >>> from edge_sdk.pairs import make_couple
        >>> scene = resize_bicubic(torch.rand(3, 44, 60), 5).clamp(0, 1)
        >>> shots = simulate_far_near(scene, FarNearConfig(CameraConfig(frames=2)))
        >>> far, near = TensorSource(shots.burst.frames), TensorSource(shots.near)
        >>> couple = make_couple(far, near)
        >>> 1.9 < couple.zoom_ratio < 2.3, float(couple.mask.float().mean()) > 0.9
        (True, True)
    """
    config, report = config or PairConfig(), on_progress or silent
    choice, aligned = _reference(far, report)
    reference = far.rows(choice.index, 0, far.height)
    standard = standard_image(near, report)
    report("match", 0, 1)
    match, region, shared = _shared_view(reference, standard.pixels, config)
    top, left = region.top, region.left
    clip = reference[:, top : top + region.height, left : left + region.width].contiguous()
    start = match.matrix @ shifted(region_offset(region, far.height, far.width))
    ratio = check_shape(start, config)
    noise_std = choice.noise_std[choice.index]
    refined = refine_placement(clip, standard.pixels, start, config.scale, ratio, noise_std)
    ratio = check_shape(refined.placement.matrix, config)
    _check_blur(refined.blur_px, config)
    report("match", 1, 1)
    target, mask, colors, quality = _target(clip, standard.pixels, refined, ratio, config)
    motions = {index: found.matrix for index, found in aligned.motions.items()}
    frames = cut_frames(far, choice, motions, region, report)
    reasons = {
        index: found.reason for index, found in aligned.registrations.items() if found.reason
    }
    return Couple(
        reference_pixels=clip,
        target=target,
        mask=mask,
        region=region,
        choice=choice,
        far=frames,
        left_out=reasons | frames.left_out,
        standard=standard,
        match=match,
        shared=shared,
        zoom_ratio=ratio,
        refined=refined,
        colors=colors,
        quality=quality,
    )


def _reference(far: FrameSource, report: Progress) -> tuple[ReferenceChoice, Aligned]:
    # What bends the motion is estimated once the frames are cut.
    return align_whole(far, Aligning(RegistrationConfig(field=False), report=report))


def _shared_view(far: Tensor, near: Tensor, config: PairConfig) -> tuple[Match, Rectangle, float]:
    luma, near_luma = rgb_to_ycbcr(far)[:1], rgb_to_ycbcr(near)[:1]
    match = match_pictures(luma, near_luma, config.min_inliers)
    check_shape(match.matrix, config)
    shared = visible_share(match.matrix, far, near)
    if shared < config.min_overlap:
        raise SceneError(
            f"too little overlap: the far reference shows {shared:.0%} of the near shot, "
            f"{config.min_overlap:.0%} are needed"
        )
    region = shared_region(match.matrix, far, near)
    if min(region.width, region.height) < config.smallest_px:
        raise SceneError(
            f"too little overlap: {region.width}×{region.height} far px are shared, "
            f"{config.smallest_px} px on each side are needed"
        )
    return match, region, shared


def _check_blur(blur_px: float, config: PairConfig) -> None:
    if blur_px > config.max_blur_px:
        raise SceneError(
            f"the far reference is too blurry against the near shot: by {blur_px:.1f} px, "
            f"{config.max_blur_px:g} are allowed"
        )
    if -blur_px > config.max_blur_px / 4:
        raise SceneError(
            f"the near shot is blurrier than the far reference: by {-blur_px:.1f} far px, "
            f"{config.max_blur_px / 4:g} are allowed"
        )


def _target(
    clip: Tensor, near: Tensor, refined: Refined, ratio: float, config: PairConfig
) -> tuple[Tensor, Tensor, ColorMatch, PairQuality]:
    size, scale = (clip.shape[-2], clip.shape[-1]), config.scale
    picture, shown = placed(near, refined.placement, size, scale, ratio)
    seen = shown.view(size[0], scale, size[1], scale).all(3).all(1)
    on_grid, reference = equally_blurred(reduced(picture, scale), clip, refined.blur_px)
    colors = match_colors(on_grid, reference, seen)
    matched = colors(on_grid)
    ghosts = ghost_blocks(matched, reference, typical_difference(matched, reference))
    kept = block_mask(ghosts, size, 1) & seen
    valid = float(kept.double().mean())
    if 1 - valid > config.max_ghosts:
        raise SceneError(
            f"{1 - valid:.0%} of the shared view do not align (moved objects or parallax), "
            f"{config.max_ghosts:.0%} are allowed"
        )
    target = colors(picture).clamp_(0, 1)
    mask = block_mask(ghosts, size, scale) & shown
    quality = measure_quality(clip, target, mask, matched, reference, kept)
    if quality.correlation < config.min_correlation:
        raise SceneError(
            f"far and near differ: correlation {quality.correlation:.2f} where they align, "
            f"{config.min_correlation:g} is needed"
        )
    return target, mask, colors, quality
