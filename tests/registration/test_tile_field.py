from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from edge_sdk.registration import (
    EuclideanMotion,
    Registration,
    RegistrationConfig,
    register,
    transform,
)
from tests.registration.waves import HEIGHT, WIDTH, grid, scene, view

NOISE = 4 / 255
RIGID = (
    EuclideanMotion(0.0, 0.0, 0.0),
    EuclideanMotion(2.3, -1.7, 0.4),
    EuclideanMotion(-5.5, 3.2, -0.8),
)
INNER = (slice(16, -16), slice(16, -16))
"""Half a tile from the edge, where the field is interpolated."""


def back(motion: EuclideanMotion, points: Tensor) -> Tensor:
    inverse = torch.linalg.inv(motion.matrix)
    return transform(inverse, points.reshape(-1, 2)).reshape(points.shape)


def sheared(points: Tensor, amount_px: float) -> Tensor:
    """Rows that lag behind each other, as a rolling shutter leaves them: frame to scene."""
    wave = torch.sin(torch.pi * points[..., 1] / HEIGHT) * amount_px
    return torch.stack((points[..., 0] - wave, points[..., 1]), -1)


def sheared_truth(amount_px: float) -> Tensor:
    """Where the frame shows each pixel of the reference: rows stay rows, so x alone moves."""
    points = grid()
    wave = torch.sin(torch.pi * points[..., 1] / HEIGHT) * amount_px
    return torch.stack((points[..., 0] + wave, points[..., 1]), -1)


def errors(found: Registration, truth: Tensor) -> Tensor:
    return (found.field.at(grid()) - truth).norm(dim=-1)


def two_layers(shift_px: float) -> tuple[Tensor, Tensor, Tensor]:
    """Reference, frame, and which pixels of the reference are the nearer layer's: its right half.

    The nearer layer shows another part of the scene, moves to the right and hides what it meets.
    """
    points = grid()
    near, far = scene(points + 1000.0), scene(points)
    moved = scene(points + points.new_tensor([1000.0 - shift_px, 1000.0]))
    right = points[..., 0] > 10.0
    reference = torch.where(right, near, far).float()[None]
    frame = torch.where(points[..., 0] > 10.0 + shift_px, moved, far).float()[None]
    noise = NOISE * torch.randn(2, 1, HEIGHT, WIDTH)
    return reference + noise[0], frame + noise[1], right


@pytest.mark.parametrize("motion", RIGID, ids=str)
@pytest.mark.parametrize("noise_std", [0.0, NOISE, 4 * NOISE])
def test_a_rigid_scene_has_no_field(motion: EuclideanMotion, noise_std: float) -> None:
    frame = view(lambda points: back(motion, points), noise_std)
    (found,) = register(view(noise_std=noise_std), frame[None])
    assert found.accepted
    assert found.field.offsets_px is None
    assert found.field.confidence is not None
    assert found.field.support is not None
    # Tiles that the frame shows in full are believed in full.
    assert float(found.field.confidence[1:-1, 1:-1].min()) > 0.95
    assert float(found.field.support.median()) > 0.7


@pytest.mark.parametrize("amount_px", [0.5, 1.0, 2.0])
def test_a_smooth_field_is_recovered(amount_px: float) -> None:
    frame = view(lambda points: sheared(points, amount_px), NOISE)
    (found,) = register(view(noise_std=NOISE), frame[None])
    assert found.accepted
    assert found.field.offsets_px is not None
    error = errors(found, sheared_truth(amount_px))[INNER]
    assert float(error.median()) < 0.1
    rigid = (transform(found.matrix, grid().reshape(-1, 2)).reshape(HEIGHT, WIDTH, 2)
             - sheared_truth(amount_px)).norm(dim=-1)[INNER]  # fmt: skip
    assert float(error.mean()) < 0.5 * float(rigid.mean())


@pytest.mark.parametrize(("shift_px", "bound_px"), [(1.0, 0.15), (3.0, 0.15), (8.0, 0.3)])
def test_two_layers_are_distinguished(shift_px: float, bound_px: float) -> None:
    reference, frame, right = two_layers(shift_px)
    (found,) = register(reference, frame[None])
    assert found.accepted
    assert found.field.offsets_px is not None
    truth = grid()
    truth[..., 0] += torch.where(right, shift_px, 0.0)
    error = errors(found, truth)
    # The border is blurred over a tile; a layer has its own motion beyond that.
    x = grid()[..., 0]
    shown = (truth[..., 0] < WIDTH / 2)[INNER]
    for side in (x < -20, x > 40 + shift_px):
        assert float(error[INNER][side[INNER] & shown].median()) < bound_px


def test_no_field_where_none_is_wanted() -> None:
    frame = view(lambda points: sheared(points, 2.0))
    (found,) = register(view(), frame[None], RegistrationConfig(field=False))
    assert found.accepted
    assert found.field.offsets_px is None
    assert found.field.confidence is None


def test_brightness_does_not_make_a_field() -> None:
    frame = view(lambda points: back(RIGID[1], points), NOISE)
    (plain,), (dim,) = (register(view(), f[None]) for f in (frame, 0.6 * frame + 0.1))
    assert plain.field.offsets_px is None
    assert dim.field.offsets_px is None
    bent = view(lambda points: sheared(points, 2.0))
    (found,) = register(view(), 0.6 * bent[None] + 0.1)
    assert float(errors(found, sheared_truth(2.0))[INNER].median()) < 0.1


@pytest.mark.slow
def test_frames_do_not_depend_on_each_other_or_on_their_order() -> None:
    frames = torch.stack(
        [
            view(lambda points: sheared(points, 2.0), NOISE),
            view(lambda points: back(RIGID[1], points), NOISE),
            torch.zeros(1, HEIGHT, WIDTH),
            two_layers(3.0)[1],
        ]
    )
    together = register(view(), frames)
    alone = [register(view(), frame[None])[0] for frame in frames]
    turned = register(view(), frames.flip(0))[::-1]
    for one, others in zip(together, zip(alone, turned, strict=True), strict=True):
        for other in others:
            assert one.accepted == other.accepted
            assert (one.field.offsets_px is None) == (other.field.offsets_px is None)
            if one.accepted:
                # Iterations end together; what a frame gains from further ones is as small.
                apart = (one.field.at(grid()) - other.field.at(grid())).norm(dim=-1)
                assert float(apart.max()) < 0.02


@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
def test_flat_references_and_frames_have_no_field(level: float) -> None:
    flat = torch.full((1, HEIGHT, WIDTH), level)
    for reference, frame in itertools.product((flat, view()), repeat=2):
        (found,) = register(reference, frame[None])
        assert found.field.offsets_px is None
        assert bool(torch.isfinite(found.field.at(grid())).all())


def test_a_dark_half_moves_with_the_rest_and_is_not_supported() -> None:
    dark = grid()[..., 0] < 0
    reference = view(noise_std=NOISE)
    frame = view(lambda points: sheared(points, 2.0), NOISE)
    for picture in (reference, frame):
        picture[:, dark] = 0.01
    (found,) = register(reference, frame[None])
    assert found.accepted
    assert float(errors(found, sheared_truth(2.0)).max()) < 4.0
    assert found.field.support is not None
    assert found.field.confidence is not None
    columns = found.field.support.shape[1]
    # Five tiles, in quarters.
    assert columns == 20
    assert float(found.field.support[:, :4].max()) < 1e-3
    assert float(found.field.support[:, 12:16].median()) > 0.6
    assert float(found.field.confidence[:, :4].min()) > 0.9


def test_confidence_falls_where_a_frame_shows_something_else_and_only_there() -> None:
    frame = view(lambda points: back(RIGID[1], points), NOISE)
    frame[:, 32:80, 48:112] = 0.5 + 0.2 * torch.randn(1, 48, 64)
    (found,) = register(view(noise_std=NOISE), frame[None])
    assert found.accepted
    trust = found.field.confidence_at(grid())
    assert float(trust[48:64, 64:96].max()) < 0.5
    assert float(trust[110:-16, 16:-16].min()) > 0.9
    away = transform(RIGID[1].matrix, grid().reshape(-1, 2)).reshape(HEIGHT, WIDTH, 2)
    assert float(errors(found, away)[90:].median()) < 0.05


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 150), (47, 63)])
def test_small_and_narrow_pictures(height: int, width: int) -> None:
    reference, frame = view()[:, :height, :width], view(lambda p: sheared(p, 1.0))
    (found,) = register(reference, frame[None, :, :height, :width])
    assert bool(torch.isfinite(found.field.at(grid()[:height, :width])).all())
    assert found.field.confidence is not None
    assert bool(((found.field.confidence >= 0) & (found.field.confidence <= 1)).all())
