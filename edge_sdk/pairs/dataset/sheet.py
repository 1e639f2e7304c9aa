"""The contact sheet of a set: what people look at before they train on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edge_sdk.html.page import Section, cards, page, paragraph, table, write_page
from edge_sdk.html.pictures import figure, jpeg
from edge_sdk.imaging import read_picture, resize_bicubic
from edge_sdk.pairs.dataset.folder import SCENES
from edge_sdk.pairs.dataset.record import MASK, TARGET, frame_name

THUMBNAIL_PX = 240
QUALITY = 85
SHOWN_DIFFERENCE = 0.25
"""Difference that is drawn as black or white."""


def write_sheet(path: Path, folder: Path, scenes: Sequence[dict[str, Any]]) -> None:
    """Write the sheet: reference, target, their difference and the mask of every sample.

    Args:
        path: HTML file.
        folder: the set.
        scenes: summaries of its scenes.
    """
    accepted = [scene for scene in scenes if scene["accepted"]]
    dropped = [scene for scene in scenes if not scene["accepted"]]
    lead = (
        f"{len(accepted)} of {len(scenes)} scenes became samples.",
        "Difference: far reference less target, gray where equal. Mask: white counts, black leaves "
        "the loss.",
    )
    sections = [_sample(folder / SCENES / scene["name"], scene) for scene in accepted]
    if dropped:
        rows = [(scene["name"], scene["reason"]) for scene in dropped]
        sections.insert(0, Section("Dropped", (table(("scene", "reason"), rows),)))
    write_page(page("Far and near shots", lead, sections), path)


def _sample(folder: Path, scene: dict[str, Any]) -> Section:
    target = _thumbnail(read_picture(folder / TARGET).pixels)
    size = (target.shape[-2], target.shape[-1])
    far = _thumbnail(read_picture(folder / frame_name(0)).pixels, size)
    mask = _thumbnail(read_picture(folder / MASK).pixels, size)
    difference = (0.5 + (far - target) / (2 * SHOWN_DIFFERENCE)).clamp(0, 1)
    shown = (("far reference", far), ("target", target), ("difference", difference), ("mask", mask))
    figures = (
        f"{scene['frames']} frames of {scene['width']}×{scene['height']} px, zoom ratio "
        f"{scene['zoom_ratio']:.2f}, far blurrier by {scene['blur_px']:.1f} px, PSNR "
        f"{_decibels(scene['psnr_db'])}, at the far resolution {_decibels(scene['psnr_far_db'])}, "
        f"{scene['valid']:.0%} count"
    )
    parts = [figure(jpeg(pixels, QUALITY), caption, "smooth") for caption, pixels in shown]
    return Section(scene["name"], (paragraph(figures), cards(parts, "maps")))


def _thumbnail(pixels: Tensor, size: tuple[int, int] | None = None) -> Tensor:
    if size is None:
        height, width = pixels.shape[-2:]
        share = min(1.0, THUMBNAIL_PX / max(height, width))
        size = (max(1, round(height * share)), max(1, round(width * share)))
    resized: Tensor = resize_bicubic(pixels, size=size)
    return torch.clamp(resized, 0, 1)


def _decibels(value: float | None) -> str:
    return "exact" if value is None else f"{value:.1f} dB"
