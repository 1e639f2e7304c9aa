from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from edge_sdk.burst.encode import HALO_PX, Encode
from edge_sdk.registration.pyramid import gaussian_blur

TILE, SCALE = 40, 2
INSIDE = TILE - 2 * HALO_PX
NOISE = 8 / 255


def rest(*values: float) -> Tensor:
    return torch.tensor(values or (0.0,) * 6).view(1, 6, 1, 1)


def run(
    reference: Tensor,
    frame: Tensor,
    motion: Tensor | None = None,
    confidence: float = 1.0,
    noise_std: float = NOISE,
) -> tuple[Tensor, Tensor, Tensor]:
    encoder = Encode(reference.shape[-1], SCALE)
    trust = torch.full((1, 1, *reference.shape[-2:]), confidence)
    noise = torch.full((1, 1, 1, 1), noise_std)
    sums, weights, agreement = encoder(
        reference, frame, rest() if motion is None else motion, trust, noise
    )
    return sums, weights, agreement


def texture() -> Tensor:
    return gaussian_blur(torch.rand(1, 3, TILE, TILE), 0.8)


moves = st.floats(-1.4, 1.4)


@given(moves, moves, st.floats(0, 1))
def test_a_constant_stays_constant(dx: float, dy: float, level: float) -> None:
    flat = torch.full((1, 3, TILE, TILE), level)
    sums, weights, agreement = run(flat, flat, rest(dx, 0.0, 0.0, dy, 0.0, 0.0))
    assert sums.shape == (1, 12, INSIDE, INSIDE)
    assert weights.shape == (1, 4, INSIDE, INSIDE)
    assert agreement.shape == (1, 1, INSIDE, INSIDE)
    for colour in range(3):
        part = sums[:, 4 * colour : 4 * colour + 4]
        torch.testing.assert_close(part, level * weights, rtol=1e-5, atol=1e-6)


@given(moves, moves)
def test_weights_are_the_gaussians_of_the_distances(dx: float, dy: float) -> None:
    flat = torch.full((1, 3, TILE, TILE), 0.5)
    _, weights, _ = run(flat, flat, rest(dx, 0.0, 0.0, dy, 0.0, 0.0))
    offsets = torch.arange(-2.0, 3.0)
    for row, phase_y in enumerate((-0.25, 0.25)):
        for column, phase_x in enumerate((-0.25, 0.25)):
            along_x = torch.exp(-8 * (offsets - phase_x - dx).square()).sum()
            along_y = torch.exp(-8 * (offsets - phase_y - dy).square()).sum()
            found = weights[0, 2 * row + column]
            torch.testing.assert_close(
                found, (along_x * along_y).expand_as(found), rtol=1e-4, atol=1e-5
            )


def test_phases_lie_as_pixel_shuffle_takes_them() -> None:
    x = torch.arange(float(TILE)) / TILE
    ramp = (x[None, :] + 0.1 * x[:, None]).expand(1, 3, TILE, TILE)
    sums, weights, _ = run(ramp, ramp)
    fine = nn.functional.pixel_shuffle(sums[:, :4] / weights, SCALE)[0, 0]
    assert bool((fine[:, 1:] > fine[:, :-1]).all())
    assert bool((fine[1:] > fine[:-1]).all())


def test_the_frame_is_looked_up_where_the_motion_points() -> None:
    x = torch.arange(float(TILE)) / TILE
    reference = x.expand(1, 3, TILE, TILE)
    frame = (x - 0.5 / TILE).expand(1, 3, TILE, TILE)  # shows the same half a pixel further right
    sums, weights, agreement = run(reference, frame, rest(0.5, 0.0, 0.0, 0.0, 0.0, 0.0))
    assert float(agreement.min()) == 1.0
    mean = sums[:, :4].sum(1) / weights.sum(1)
    expected = x[HALO_PX:-HALO_PX].expand(INSIDE, INSIDE)
    torch.testing.assert_close(mean[0], expected, rtol=0, atol=0.2 / TILE)


@pytest.mark.parametrize("noise_std", [0.0, NOISE])
def test_a_frame_agrees_with_itself(noise_std: float) -> None:
    picture = texture()
    _, _, agreement = run(picture, picture, noise_std=noise_std)
    assert torch.equal(agreement, torch.ones_like(agreement))


def test_noise_alone_is_not_a_ghost() -> None:
    scene = texture()
    reference, frame = (scene + NOISE * torch.randn(scene.shape) for _ in range(2))
    _, _, agreement = run(reference, frame)
    assert float(agreement.mean()) > 0.97


def test_a_ghost_is_left_out_and_nothing_else() -> None:
    side = 96
    scene = 0.4 + 0.1 * gaussian_blur(torch.rand(1, 3, side, side), 1.5)
    reference = scene + NOISE * torch.randn(scene.shape)
    frame = scene + NOISE * torch.randn(scene.shape)
    frame[..., 40:60, 40:60] += 0.25
    sums, weights, agreement = run(reference, frame)
    ghost = torch.zeros(side, side, dtype=torch.bool)
    ghost[40:60, 40:60] = True
    near = torch.zeros(side, side, dtype=torch.bool)
    near[35:65, 35:65] = True
    inner = (slice(HALO_PX, -HALO_PX), slice(HALO_PX, -HALO_PX))
    assert float(agreement[0, 0][ghost[inner]].max()) < 0.02
    assert float(agreement[0, 0][~near[inner]].mean()) > 0.93
    assert float(weights[0, :, ghost[inner]].max()) < 0.02
    assert float(sums[0, :, ghost[inner]].max()) < 0.02


def test_confidence_scales_everything() -> None:
    picture = texture()
    once, thrice = run(picture, picture), run(picture, picture, confidence=3.0)
    for one, three in zip(once, thrice, strict=True):
        torch.testing.assert_close(three, 3 * one)
    for nothing in run(picture, picture, confidence=0.0):
        assert float(nothing.abs().max()) == 0.0


@pytest.mark.slow
def test_the_stage_exports_and_lowers_whole() -> None:
    exir = pytest.importorskip("executorch.exir")
    partition = pytest.importorskip("executorch.backends.xnnpack.partition.xnnpack_partitioner")
    picture = texture()
    inputs = (
        picture,
        picture,
        rest(),
        torch.ones(1, 1, TILE, TILE),
        torch.full((1, 1, 1, 1), 0.03),
    )
    encoder = Encode(TILE, SCALE).eval()
    exported = torch.export.export(encoder, inputs, strict=True)
    for expected, found in zip(encoder(*inputs), exported.module()(*inputs), strict=True):
        torch.testing.assert_close(found, expected)
    edge = exir.to_edge_transform_and_lower(exported, partitioner=[partition.XnnpackPartitioner()])
    calls = [
        str(node.target)
        for node in edge.exported_program().graph_module.graph.nodes
        if node.op == "call_function" and "getitem" not in str(node.target)
    ]
    assert len(calls) == 1, calls
    assert "executorch_call_delegate" in calls[0]
