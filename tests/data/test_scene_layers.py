from __future__ import annotations

import dataclasses
import functools

import pytest
import torch
from torch import Tensor

from edge_sdk.data.camera.occluders import MovingObject, NearLayer
from edge_sdk.data.camera.simulation import CameraConfig, SimulatedBurst, simulate_burst
from edge_sdk.errors import InputError, PictureError
from edge_sdk.registration.motion import centered_grid, transform
from edge_sdk.registration.sampling import sample_bicubic

CLEAN = CameraConfig(frames=6, noise_std=0.0, seed=2)
PARALLAX = dataclasses.replace(CLEAN, near=NearLayer(factor=2.0, share=0.3))
MOVER = MovingObject(share=0.05, moved_share=0.5, shift_px=9.0)
MOVING = dataclasses.replace(CLEAN, moving_object=MOVER)


@functools.cache
def waves(seed: int = 0) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.arange(190.0), torch.arange(230.0), indexing="ij")
    total = torch.zeros(3, 190, 230)
    for channel in range(3):
        for _ in range(6):
            across, down, phase = (2 * torch.rand(3, generator=chance) - 1).tolist()
            total[channel] += torch.sin(0.5 * (across * x + down * y) + 6 * phase)
    return 0.5 + 0.06 * total


@functools.cache
def burst(kind: str) -> SimulatedBurst:
    return simulate_burst(waves(), {"parallax": PARALLAX, "moving": MOVING, "clean": CLEAN}[kind])


def grid_of(found: SimulatedBurst) -> Tensor:
    like = torch.zeros((), dtype=torch.float64)
    return centered_grid(*found.frames.shape[-2:], like=like)


def inner_radius(grid: Tensor) -> Tensor:
    """1 on the ellipse that covers the share of the near layer."""
    size = grid.new_tensor([230 / 2, 190 / 2])
    return (grid / size).norm(dim=-1) / (0.3 / torch.pi) ** 0.5


@pytest.mark.parametrize(("reference", "index"), [(0, 1), (0, 5), (3, 2)])
def test_layers_move_by_their_factor(reference: int, index: int) -> None:
    found = burst("parallax")
    grid = grid_of(found)
    positions = found.true_positions(reference, index)
    motions = [found.motions[reference].matrix, found.motions[index].matrix]
    radius = inner_radius(grid)
    for factor, area in ((1.0, radius > 1.4), (2.0, radius < 0.7)):
        here, there = (motion.clone() for motion in motions)
        here[:2, 2] *= factor
        there[:2, 2] *= factor
        expected = transform(torch.linalg.inv(there) @ here, grid.reshape(-1, 2)).reshape(
            grid.shape
        )
        assert int(area.sum()) > 500
        torch.testing.assert_close(positions[area], expected[area], rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", ["parallax", "moving"])
@pytest.mark.parametrize(("reference", "index"), [(0, 1), (0, 4), (3, 2)])
def test_true_positions_show_the_same_thing(kind: str, reference: int, index: int) -> None:
    found = burst(kind)
    positions = found.true_positions(reference, index)
    seen = positions.isfinite().all(-1)
    assert 0.7 < float(seen.double().mean()) < 1.0 + 1e-9
    limit = positions.new_tensor(found.frames.shape[:-3:-1]) / 2 - 3
    inside = seen & (positions.abs() < limit).all(-1)
    there = sample_bicubic(found.frames[index], positions[inside].float())
    error = (there - found.frames[reference][:, inside]).abs()
    # A pixel at an edge holds up to a tenth of the other layer; everywhere else only rounding.
    assert float(error.median()) < 0.7 / 255
    assert float(error.quantile(0.95)) < 3 / 255


def test_what_stands_behind_the_nearer_layer_is_hidden() -> None:
    found = burst("parallax")
    hidden = found.true_positions(0, 1).isnan().any(-1)
    radius = inner_radius(grid_of(found))
    assert bool(hidden.any())
    # Only at the edge: 4 px of relative shift and the soft edge are under a fifth of the radius.
    assert float(radius[hidden].min()) > 0.8
    assert float(radius[hidden].max()) < 1.2


def test_a_near_layer_has_no_single_motion() -> None:
    with pytest.raises(InputError, match="nearer layer has no single motion"):
        burst("parallax").relative_motion(0, 1)
    assert burst("moving").relative_motion(0, 1).shape == (3, 3)


def test_the_object_moves_in_the_share_of_frames_and_by_the_distance() -> None:
    offsets = burst("moving").layered.layers[0].offsets_px.norm(dim=-1)
    assert float(offsets[0]) == 0.0
    assert sorted(offsets.tolist()) == pytest.approx([0, 0, 0, 9, 9, 9])


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_the_object_covers_its_share(share: float) -> None:
    moving_object = dataclasses.replace(MOVER, share=share, moved_share=0.0)
    found = simulate_burst(waves(), dataclasses.replace(MOVING, moving_object=moving_object))
    coverage = found.layered.layers[0].pixels[3]
    height, width = found.frames.shape[-2:]
    assert float(coverage.sum()) / (4 * height * width) == pytest.approx(share, rel=0.02)
    area = found.moving_area(0).double().mean()
    assert share < float(area) < share + 0.02


def test_only_the_object_and_its_area_change() -> None:
    static, moving = burst("clean"), burst("moving")
    assert static.motions == moving.motions
    for index in range(6):
        # The area begins where the object covers a hundredth of a point.
        changed = ((static.truth(index) - moving.truth(index)).abs() > 0.02).any(0)
        assert bool(changed.any())
        assert not bool((changed & ~moving.moving_area(index)).any())
    assert not bool(static.moving_area(0).any())


def test_the_object_may_show_another_picture() -> None:
    white = torch.ones(3, 200, 240)
    found = simulate_burst(waves(), MOVING, white)
    layer = found.layered.layers[0].pixels
    torch.testing.assert_close(layer[:3], layer[3:].expand(3, -1, -1))
    center = layer[3] > 0.999
    assert int(center.sum()) > 100


def test_layers_leave_motion_and_noise_as_they_were() -> None:
    noisy = dataclasses.replace(CLEAN, noise_std=5 / 255)
    plain = simulate_burst(waves(), noisy)
    moving = simulate_burst(waves(), dataclasses.replace(noisy, moving_object=MOVER))
    assert plain.motions == moving.motions
    same = (plain.frames == moving.frames).all(1).double().mean((1, 2))
    assert float(same.min()) > 0.9


def test_same_seed_same_object() -> None:
    again = simulate_burst(waves(), MOVING)
    assert torch.equal(again.frames, burst("moving").frames)
    other = simulate_burst(waves(), dataclasses.replace(MOVING, seed=3))
    assert not torch.equal(other.layered.layers[0].pixels, again.layered.layers[0].pixels)


def test_everything_at_once() -> None:
    config = dataclasses.replace(
        PARALLAX, moving_object=MOVER, path="walk", readout=0.5, lens_std_px=0.5, noise_std=2 / 255
    )
    found = simulate_burst(waves(), config)
    assert float(found.frames.min()) >= 0
    assert float(found.frames.max()) <= 1
    positions = found.true_positions(2, 4)
    assert 0.6 < float(positions.isfinite().all(-1).double().mean()) < 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (lambda: NearLayer(factor=-1), "factor must be 0 to 8"),
        (lambda: NearLayer(share=0.0), "near layer must cover"),
        (lambda: NearLayer(share=0.8), "near layer must cover"),
        (lambda: NearLayer(edge_px=0.0), "edge"),
        (lambda: MovingObject(share=0.0), "object must cover"),
        (lambda: MovingObject(share=0.3), "object must cover"),
        (lambda: MovingObject(moved_share=1.5), "share of frames"),
        (lambda: MovingObject(shift_px=-1), "shift must be 0 px"),
        (lambda: MovingObject(shift_px=float("inf")), "shift must be 0 px"),
        (lambda: MovingObject(edge_px=float("nan")), "edge"),
    ],
)
def test_impossible_layers_are_refused(settings: object, message: str) -> None:
    assert callable(settings)
    with pytest.raises(InputError, match=message):
        settings()


def test_an_object_that_leaves_the_frame_is_refused() -> None:
    far = dataclasses.replace(MOVING, moving_object=dataclasses.replace(MOVER, shift_px=60.0))
    with pytest.raises(PictureError, match="does not stay inside"):
        simulate_burst(waves(), far)
    with pytest.raises(PictureError, match="smaller than the photograph"):
        simulate_burst(waves(), MOVING, torch.rand(3, 100, 100))
