"""Parts of a frame that show nothing while other frames show something there.

A file that was cut off, a dropped packet or a sensor that failed leaves an area of one value, and
its border is the sharpest edge of the burst. Such a part, border included, gives a frame no energy,
so that what it lost counts against it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst.stages.score import BLOCK_PX

LEAST_BLANK_BLOCKS = 16
"""Blocks of an area from which on it is not by chance that all frames have it in the same place."""
LEAST_LOST_BLOCKS = 4
"""Blocks of an area from which on it is lost; JPEG makes one or two blocks of a dark place flat."""
BORDER_PX = 5
"""Pixels of a level around a lost part that its border reaches, by blur and Laplacian."""
MOTION_BLOCKS = 2
"""Blocks by which hands move frames: as far from an area of one value, a frame is not said to show
something that another has lost."""


def lost_parts(flat: Sequence[Tensor]) -> list[Tensor]:
    """Blocks of each frame that are lost.

    A block is lost where it holds a single value and more than half of the other frames do not,
    within the reach of their motion, and where ``LEAST_LOST_BLOCKS`` or more of such touch; what
    all frames show as one value, such as a clipped sky, is not lost.

    Args:
        flat: for each frame, bool [h, w]: whether a block holds one value.

    Returns:
        For each frame, bool [h, w].

    Example:
        >>> import torch
        >>> from edge_sdk.burst.reference.lost_parts import lost_parts
        >>> whole = torch.zeros(8, 8, dtype=torch.bool)
        >>> cut = whole.clone()
        >>> cut[:, :3] = True
        >>> [int(lost.sum()) for lost in lost_parts([whole, cut, whole])]
        [0, 24, 0]
    """
    alive = torch.stack([~_grown(each, MOTION_BLOCKS) for each in flat]).sum(0)
    needed = (len(flat) - 1) / 2
    return [_of_areas(each & (alive > needed)) for each in flat]


def blank_in_all(flat: Sequence[Tensor]) -> float:
    """Part of the picture, 0 to 1, where every frame holds one value, with the same outline.

    A scene's own flat areas, such as a clipped sky, move with the hand; what stays in its place is
    damage that all files have, a mask, or a border. No frame can say what would be there. A single
    frame tells nothing, nor does a burst without anything else in it.

    Args:
        flat: for each frame, bool [h, w]: whether a block holds one value.

    Example:
        >>> import torch
        >>> from edge_sdk.burst.reference.lost_parts import blank_in_all
        >>> cut = torch.zeros(10, 10, dtype=torch.bool)
        >>> cut[:, :3] = True
        >>> blank_in_all([cut, cut]), blank_in_all([cut, cut.roll(1, 1)]), blank_in_all([cut])
        (0.3, 0.0, 0.0)
    """
    if len(flat) < 2:
        return 0.0
    stacked = torch.stack(tuple(flat))
    anywhere, everywhere = stacked.any(0), stacked.all(0)
    if bool(everywhere.all()) or int(everywhere.sum()) < LEAST_BLANK_BLOCKS:
        return 0.0
    labels, sizes = _areas(anywhere)
    same = labels[everywhere].bincount(minlength=len(sizes)) == sizes
    same[0] = False
    blank = int(sizes[same & (sizes >= LEAST_BLANK_BLOCKS)].sum())
    return blank / anywhere.numel()


def at_level(lost: Tensor, level: int, size: tuple[int, int]) -> Tensor:
    """Blocks of a pyramid's level, of the given size, that a lost part or its border reaches.

    Args:
        lost: bool [h, w], blocks of the finest level.
        level: 0 for the finest.
        size: number of rows and columns of blocks on the level.
    """
    factor = 2**level
    reached = _grown(lost, -(-BORDER_PX * factor // BLOCK_PX))
    pooled = functional.max_pool2d(reached[None].float(), factor, ceil_mode=True)[0].bool()
    result = torch.zeros(size, dtype=torch.bool)
    height, width = (min(pair) for pair in zip(size, pooled.shape, strict=True))
    result[:height, :width] = pooled[:height, :width]
    return result


def _of_areas(mask: Tensor) -> Tensor:
    """What of a mask lies in areas of ``LEAST_LOST_BLOCKS`` or more."""
    if int(mask.sum()) < LEAST_LOST_BLOCKS:
        return torch.zeros_like(mask)
    labels, sizes = _areas(mask)
    return mask & (sizes >= LEAST_LOST_BLOCKS)[labels]


def _areas(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Number of the area that each block of a mask lies in, 0 outside, and blocks of each area."""
    import cv2

    count, areas = cv2.connectedComponents(mask.to(torch.uint8).numpy())
    labels = torch.from_numpy(areas).long()
    return labels, labels.flatten().bincount(minlength=count)


def _grown(mask: Tensor, blocks: int) -> Tensor:
    side = 2 * blocks + 1
    return functional.max_pool2d(mask[None].float(), side, 1, blocks)[0].bool()
