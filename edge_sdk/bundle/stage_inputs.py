"""What golden vectors are measured on: an input for each stage, such as a driver would give it."""

from __future__ import annotations

from edge_sdk.bundle.generator import ONE, Fill, Group, Layer
from edge_sdk.registration.stages.expand import SCALE

_SCENE = (Layer(11, 16, 0, ONE // 2), Layer(21, 4, 0, ONE // 2))
_GRAIN = (Layer(31, 1, 0, ONE // 32),)
_CONTRAST = (Layer(41, 4, -ONE // 4, ONE // 4),)
_NOISE = 8 * ONE // 255


def stage_groups(stage: str, shape: tuple[int, ...]) -> tuple[Group, ...]:
    """The groups of channels of a stage's input.

    Args:
        stage: a stage of burst zoom; any other name is that of a network, whose channels are alike.
        shape: of the input, [1, C, h, w].
    """
    channels, height, width = shape[1:]
    everywhere = Group(1, fills=(Fill(0, 0, height, width, ONE),))
    if stage == "score":
        return (Group(1, _SCENE), everywhere)
    if stage == "search":
        bounds = Group(1, fills=(Fill(0, 0, 1, 2, ONE // 16),))
        return (Group(1, _CONTRAST), everywhere, bounds, Group(channels - 3, _CONTRAST))
    if stage == "align":
        return _align_groups(everywhere)
    if stage == "encode":
        offsets = Group(2, (Layer(51, 16, -ONE // 2, ONE // 2),))
        pictures = (Group(3, _SCENE), Group(3, _SCENE + _GRAIN))
        return (*pictures, offsets, everywhere, _numbers(height))
    if stage == "blend":
        phases = (channels - 6) // 4
        sums = Group(3 * phases, (Layer(61, 8, ONE // 2, 2 * ONE),))
        weights = Group(phases, (Layer(91, 8, 2 * ONE, 4 * ONE),))
        return (sums, weights, Group(3, _SCENE), _numbers(height))
    return (Group(channels, _SCENE),)


def _numbers(height: int) -> Group:
    """By row gain 1 and offset 0; two curves of noise at six levels; a lens of half a pixel."""
    gain, noise = Fill(0, 0, height, 1, ONE), Fill(0, 2, 6, 4, _NOISE)
    return Group(3, fills=(gain, noise, Fill(0, 4, 1, 5, ONE // 2)))


def _align_groups(everywhere: Group) -> tuple[Group, ...]:
    """Values, slopes and bends of a reference, a frame near it, and a spread that fits both."""
    whole = int(SCALE) * ONE
    parts = ((1, 101, 8), (2, 111, 16), (7, 121, 64))
    coefficients = [
        Group(count, (Layer(seed, 8, -whole // part, whole // part),))
        for count, seed, part in parts
    ]
    frame = Group(1, (Layer(131, 8, 3 * ONE // 8, 5 * ONE // 8),))
    offsets = Group(2, (Layer(141, 1, -ONE // 2, ONE // 2),))
    numbers = Group(1, fills=(Fill(0, 0, 1, 1, ONE), Fill(0, 2, 1, 3, whole // 8)))
    return (*coefficients, frame, offsets, everywhere, numbers)
