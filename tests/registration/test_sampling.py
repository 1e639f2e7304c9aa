from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from edge_sdk.registration.motion import centered_grid
from edge_sdk.registration.sampling import sample_bicubic, sample_frames

HEIGHT, WIDTH = 17, 22
MARGIN = 3
fractions = st.floats(-1, 1)


def close(a: Tensor, b: Tensor, tolerance: float = 1e-10) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=tolerance)


def grid() -> Tensor:
    return centered_grid(HEIGHT, WIDTH, like=torch.zeros(1, dtype=torch.float64))


def inner(x: Tensor) -> Tensor:
    return x[..., MARGIN:-MARGIN, MARGIN:-MARGIN]


def quadratic(points: Tensor) -> Tensor:
    x, y = points[..., 0], points[..., 1]
    return 0.3 + 0.2 * x - 0.1 * y + 0.05 * x * x - 0.02 * x * y + 0.03 * y * y


def test_pixel_centers_give_the_pixels() -> None:
    image = torch.rand(3, HEIGHT, WIDTH, dtype=torch.float64)
    close(sample_bicubic(image, grid()), image)


@given(fractions, fractions)
def test_exact_on_quadratics(dx: float, dy: float) -> None:
    points = grid() + torch.tensor([dx, dy], dtype=torch.float64)
    sampled = sample_bicubic(quadratic(grid())[None], points)[0]
    close(inner(sampled), inner(quadratic(points)))


@given(st.floats(-60, 60), st.floats(-60, 60))
def test_a_constant_stays_constant_even_far_outside(x: float, y: float) -> None:
    image = torch.full((1, HEIGHT, WIDTH), 0.7, dtype=torch.float64)
    value = sample_bicubic(image, torch.tensor([x, y], dtype=torch.float64))
    close(value, torch.full((1,), 0.7, dtype=torch.float64))


def test_beyond_the_edge_the_nearest_pixel_counts() -> None:
    image = torch.rand(1, HEIGHT, WIDTH, dtype=torch.float64)
    corner = torch.tensor([-(WIDTH - 1) / 2 - 9.0, -(HEIGHT - 1) / 2 - 9.0], dtype=torch.float64)
    close(sample_bicubic(image, corner), image[:, 0, 0])


@given(st.integers(-2, 2), st.integers(-2, 2))
def test_whole_pixels_shift_the_picture(dx: int, dy: int) -> None:
    image = torch.rand(1, HEIGHT, WIDTH, dtype=torch.float64)
    moved = sample_bicubic(image, grid() + torch.tensor([dx, dy], dtype=torch.float64))
    close(inner(moved), inner(torch.roll(image, (-dy, -dx), (-2, -1))))


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5, 0.8])
def test_shift_theorem(fraction: float) -> None:
    # A wave shifts by its phase; what cubic convolution misses falls with frequency cubed.
    x = grid()[..., 0]
    errors = []
    for frequency in (0.1, 0.2):
        wave = torch.cos(frequency * x)[None]
        moved = sample_bicubic(wave, grid() + torch.tensor([fraction, 0.0], dtype=torch.float64))
        truth = torch.cos(frequency * (x + fraction))[None]
        errors.append(float(inner(moved - truth).abs().max()))
        assert errors[-1] <= 0.1 * frequency**3
    assert errors[1] / errors[0] > 2**2.5


def test_turning_the_picture_turns_the_samples() -> None:
    image = torch.rand(1, HEIGHT, WIDTH, dtype=torch.float64)
    points = grid() * 0.83 + 0.2
    flipped = sample_bicubic(image.flip(-1, -2), -points)
    close(flipped, sample_bicubic(image, points))
    across = sample_bicubic(image.transpose(-1, -2), points.flip(-1))
    close(across, sample_bicubic(image, points))


def test_frames_agree_with_their_pixels_at_the_centers() -> None:
    frames = torch.rand(2, 3, HEIGHT, WIDTH)
    points = grid().reshape(1, -1, 2).expand(2, -1, -1)
    values, inside = sample_frames(frames, points)
    assert values.shape == (2, 3, HEIGHT * WIDTH)
    assert bool(inside.all())
    close(values.reshape(frames.shape), frames, 1e-5)


def test_inside_ends_at_the_outermost_pixel_centers() -> None:
    edge = (WIDTH - 1) / 2
    points = torch.tensor([[[edge, 0.0], [edge + 0.01, 0.0], [-edge - 0.01, 0.0]]])
    _, inside = sample_frames(torch.rand(1, 1, HEIGHT, WIDTH), points)
    assert inside.tolist() == [[True, False, False]]


@given(st.floats(-40, 40), st.floats(-40, 40), st.floats(0.5, 1.5))
def test_frames_and_single_pictures_are_sampled_alike(dx: float, dy: float, zoom: float) -> None:
    frames = torch.rand(2, 3, HEIGHT, WIDTH, dtype=torch.float64)
    points = (grid() * zoom + torch.tensor([dx, dy], dtype=torch.float64)).reshape(1, -1, 2)
    both = torch.cat((points, -points))
    values, inside = sample_frames(frames, both)
    close(values, torch.stack([sample_bicubic(*pair) for pair in zip(frames, both, strict=True)]))
    limit = torch.tensor([WIDTH - 1, HEIGHT - 1], dtype=torch.float64) / 2
    assert torch.equal(inside, (both.abs() <= limit).all(-1))


def test_sampling_is_differentiable() -> None:
    image = torch.rand(1, 6, 7, dtype=torch.float64, requires_grad=True)
    points = centered_grid(6, 7, like=image.detach()) * 0.7 + math.pi / 10
    assert torch.autograd.gradcheck(lambda picture: sample_bicubic(picture, points), image)
