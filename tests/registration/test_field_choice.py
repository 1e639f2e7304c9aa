"""An object that moves on its own: neither the frame nor the background beside it follows."""

import torch
from torch import Tensor

from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.registration import Registrar


def scene(seed: int, height: int = 240, width: int = 320) -> Tensor:
    """Texture of several scales, float32 [1, H, W] in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(1, 1, height, width)
    for blur in (1.5, 4.0, 12.0):
        layer = gaussian_blur(torch.rand(1, 1, height, width, generator=generator), blur)
        total += (layer - layer.mean()) / layer.std()
    return (0.5 + 0.12 * total[0]).clamp(0, 1)


def pasted(background: Tensor, thing: Tensor, left: int, top: int, radius: int) -> Tensor:
    """A disc of another scene, centered at (left, top)."""
    rows = torch.arange(background.shape[-2])[:, None] - top
    columns = torch.arange(background.shape[-1])[None] - left
    disc = (rows.square() + columns.square() <= radius**2).float()
    shown = torch.roll(thing, (top, left), (-2, -1))
    return background * (1 - disc) + shown * disc


def burst(shift_px: int) -> tuple[Tensor, Tensor, Tensor]:
    """Reference and frame at rest but for the disc, and where neither shows it."""
    background, thing = scene(0), scene(1)
    reference = pasted(background, thing, 120, 110, 70)
    frame = pasted(background, thing, 120 + shift_px, 110, 70)
    hidden = (reference != background) | (frame != background)
    return reference, frame, ~hidden[0]


def test_the_background_beside_an_object_stays_where_it_is() -> None:
    reference, frame, free = burst(6)
    found = Registrar(reference).register(frame[None])[0]
    assert found.accepted
    assert found.field.offsets_px is not None
    rows, columns = torch.meshgrid(torch.arange(240.0), torch.arange(320.0), indexing="ij")
    points = torch.stack((columns - 159.5, rows - 119.5), -1).double()
    error = (found.field.at(points) - points).norm(dim=-1)[free]
    assert float((error < 0.1).double().mean()) > 0.97
    # Tiles that show the same thing are trusted, close to the disc as well.
    trust = found.field.confidence_at(points)[free]
    assert float((trust > 0.9).double().mean()) > 0.95


def test_a_bright_object_does_not_change_the_brightness_of_the_rest() -> None:
    background = scene(0) * 0.4
    frame = background.clone()
    frame[:, 60:140, 60:140] = 0.45
    found = Registrar(background).register(frame[None])[0]
    assert found.accepted
    assert found.residual_std < 0.5 / 255


def test_the_frame_does_not_follow_an_object_of_much_texture() -> None:
    background = 0.5 + 0.15 * (scene(2) - 0.5)
    reference = pasted(background, scene(3), 120, 110, 60)
    frame = pasted(background, scene(3), 120, 122, 60)
    found = Registrar(reference).register(frame[None])[0]
    assert abs(found.motion.shift_y_px) < 0.1
