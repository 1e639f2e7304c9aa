"""BurstPaperNet: the weight of the reference, places, tiles, refusals, and every converter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from edge_sdk.emulate.parity.agreement import verify
from edge_sdk.emulate.parity.gates import GATES_DB
from edge_sdk.errors import InputError
from edge_sdk.models.burst_paper_net import BurstPaperConfig, BurstPaperNet
from edge_sdk.targets import find_converter

SMALL = BurstPaperConfig(frames=3, channels=4, blocks=2, width=16)


def network(config: BurstPaperConfig = SMALL) -> BurstPaperNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return BurstPaperNet(config).eval()


def burst(frames: int = 3, height: int = 16, width: int = 24, seed: int = 1) -> Tensor:
    """Different frames, and noise of 0.03."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.rand(1, 3 * frames, height, width, generator=generator)
    return torch.cat((pixels, torch.full((1, 1, height, width), 0.03)), 1)


def copies(frames: int) -> Tensor:
    """The same picture in every place."""
    x = burst(1)
    return torch.cat((x[:, :3].repeat(1, frames, 1, 1), x[:, 3:]), 1)


def joined_alike(net: BurstPaperNet) -> BurstPaperNet:
    """The network with the weights behind the joins equal for all frames."""
    frames = net.config.frames
    with torch.no_grad():
        for conv in (net.join_quarter, net.join_half, net.join_full):
            own = conv.in_channels - conv.in_channels // (frames + 1) * frames
            own = 0 if conv is net.join_quarter else own
            features = conv.weight[:, own:]
            shared = features[:, : features.shape[1] // frames]
            features.copy_(shared.repeat(1, frames, 1, 1))
    return net


def pull_of_frames(net: BurstPaperNet, x: Tensor) -> list[Tensor]:
    """Gradient of the added picture at each frame; the reference's own pixels are left out."""
    x = x.clone().requires_grad_()
    added = net(x) - x[:, :3]
    weights = torch.randn(added.shape, generator=torch.Generator().manual_seed(2))
    (gradient,) = torch.autograd.grad((added * weights).sum(), x)
    return list(gradient[:, :-1].split(3, 1))


@pytest.mark.parametrize("size", [(16, 24), (4, 4), (8, 40)])
@pytest.mark.parametrize("frames", [2, 3, 10])
def test_the_output_has_the_size_of_a_frame(frames: int, size: tuple[int, int]) -> None:
    net = network(replace(SMALL, frames=frames))
    assert net.spec.input_channels == 3 * frames + 1
    assert net(burst(frames, *size).repeat(2, 1, 1, 1)).shape == (2, 3, *size)


def test_channels_are_those_of_the_document() -> None:
    shapes: dict[str, tuple[int, ...]] = {}
    net = network(BurstPaperConfig())
    for name in ("encode_full", "encode_half", "encode_quarter"):
        getattr(net, name).register_forward_hook(
            lambda module, inputs, output, name=name: shapes.update({name: tuple(output.shape)})
        )
    net.join_quarter.register_forward_pre_hook(
        lambda module, inputs: shapes.update(joined=tuple(inputs[0].shape))
    )
    net(burst(10, 16, 32))
    assert shapes == {
        "encode_full": (1, 8, 16, 32),
        "encode_half": (1, 32, 8, 16),
        "encode_quarter": (1, 64, 4, 8),
        "joined": (1, 640, 4, 8),
    }


@pytest.mark.parametrize("weight", [1.0, 1.5, 2.0, 5.0])
def test_the_reference_pulls_by_its_weight_where_all_else_is_equal(weight: float) -> None:
    net = joined_alike(network(replace(SMALL, reference_weight=weight))).double()
    reference, *others = pull_of_frames(net, copies(3).double())
    assert reference.abs().max() > 0
    for other in others:
        torch.testing.assert_close(other, others[0])
        torch.testing.assert_close(reference, weight * other)


def test_an_untrained_network_answers_the_reference_more_than_any_other_frame() -> None:
    # Weights as they are drawn; means over draws, since one draw may favor any place.
    total = torch.zeros(SMALL.frames)
    for seed in range(8):
        torch.manual_seed(seed)
        pulls = pull_of_frames(BurstPaperNet(SMALL), burst(seed=seed))
        total += torch.stack([pull.square().sum() for pull in pulls])
    assert total[0] > 2 * total[1:].max()


def test_the_order_of_the_others_matters_unless_their_weights_are_alike() -> None:
    x = burst()
    swapped = torch.cat((x[:, :3], x[:, 6:9], x[:, 3:6], x[:, 9:]), 1)
    net = network()
    assert (net(x) - net(swapped)).abs().max() > 1e-4
    joined_alike(net)
    torch.testing.assert_close(net(x), net(swapped))
    elsewhere = torch.cat((x[:, 3:6], x[:, :3], x[:, 6:]), 1)
    assert (net(x) - net(elsewhere)).abs().max() > 1e-4


@pytest.mark.parametrize("parameter", [-1e4, -30.0, 0.0, 30.0])
def test_a_learned_weight_stays_above_one(parameter: float) -> None:
    net = network(replace(SMALL, reference_weight="learned"))
    assert net.reference_weight == pytest.approx(2.0)
    assert net.weight_parameter is not None
    net.weight_parameter.data.fill_(parameter)
    assert net.reference_weight > 1
    reference, other, _ = pull_of_frames(joined_alike(net).double(), copies(3).double())
    assert reference.norm() > other.norm()


def test_a_learned_weight_learns_and_can_be_fixed() -> None:
    net = network(replace(SMALL, reference_weight="learned"))
    net(burst()).square().mean().backward()
    assert net.weight_parameter is not None
    assert net.weight_parameter.grad is not None
    assert net.weight_parameter.grad.abs().sum() > 0
    net.weight_parameter.data.fill_(0.7)
    fixed = net.with_fixed_weight()
    assert fixed.weight_parameter is None
    assert fixed.config.reference_weight == net.reference_weight
    torch.testing.assert_close(fixed(burst()), net(burst()))
    assert not fixed.training


def test_noise_is_seen() -> None:
    net, x = network(), burst()
    noisy = x.clone()
    noisy[:, -1] = 0.1
    assert (net(x) - net(noisy)).abs().max() > 1e-5


def test_a_tile_with_its_halo_gives_the_whole_picture() -> None:
    net = network(replace(SMALL, blocks=1)).double()
    halo = net.spec.halo_px
    assert halo % net.spec.size_multiple == 0
    x = burst(3, 64, 64).double()
    whole = net(x)
    low, high = 24, 36
    near = (..., slice(low - halo, high + halo), slice(low - halo, high + halo))
    inner = (..., slice(halo, -halo), slice(halo, -halo))
    torch.testing.assert_close(net(x[near])[inner], whole[..., low:high, low:high])
    # No smaller multiple would do.
    halo -= net.spec.size_multiple
    near = (..., slice(low - halo, high + halo), slice(low - halo, high + halo))
    inner = (..., slice(halo, -halo), slice(halo, -halo))
    assert (net(x[near])[inner] - whole[..., low:high, low:high]).abs().max() > 1e-9


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 10, 18, 24), "multiples of 4, not 18×24"),
        ((1, 10, 16, 22), "multiples of 4, not 16×22"),
        ((1, 10, 0, 24), "multiples of 4"),
        ((1, 7, 16, 24), r"\[N, 10, H, W\], 3 frames"),
        ((1, 4, 16, 24), "resample the burst to 3 frames"),
        ((10, 16, 24), r"not \(10, 16, 24\)"),
    ],
)
def test_other_inputs_are_refused_in_one_line(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        network()(torch.zeros(shape))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": 1}, "one frame is no burst"),
        ({"channels": 0}, "channels must be 1 or more"),
        ({"blocks": 0}, "blocks must be 1 or more"),
        ({"width": -3}, "width must be 1 or more"),
        ({"reference_weight": 0.5}, "above 1"),
        ({"reference_weight": float("nan")}, "above 1"),
        ({"reference_weight": 1e9}, "at most 100"),
        ({"reference_weight": "heavy"}, "'heavy' is unknown"),
    ],
)
def test_a_config_that_cannot_be_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(SMALL, **changes)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weight", "target"),
    # What is converted has a fixed weight in either case.
    [(2.0, "tflite"), *(("learned", target) for target in ("executorch", "tflite", "coreml"))],
)
def test_it_converts_whole(tmp_path: Path, target: str, weight: float | str) -> None:
    net = network(replace(SMALL, reference_weight=weight))  # type: ignore[arg-type]
    converter = find_converter(target)
    path = tmp_path / f"net{converter.suffix}"
    report = converter.convert(net.with_fixed_weight(), burst(), path, "fp32")
    if target == "executorch":
        assert (report.partitions, report.undelegated) == (1, ())
    if target == "tflite":
        assert (report.transposes, report.fallback) == (0, None)
    # Against the network with its own weight, learned or not, on an input not seen before.
    assert verify(net, burst(seed=5), path).psnr_db >= GATES_DB["fp32"]
