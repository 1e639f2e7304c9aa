from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.errors import InputError
from edge_sdk.imaging import Metadata, Picture, resize_bicubic, rgb_to_ycbcr, ycbcr_to_rgb
from edge_sdk.models import (
    Color,
    EnhanceNet,
    EnhanceNetConfig,
    PictureSpec,
    Task,
    enhance_picture,
)
from edge_sdk.models.enhance_config import SCALES
from edge_sdk.reparam import five_branches
from tests.examples import examples
from tests.tolerances import DOUBLE

TASKS = [(task, scale) for task in Task if task is not Task.BURST_ZOOM for scale in SCALES[task]]
"""Those of networks that take pictures."""


def network(task: Task, scale: int, color: Color, **changes: object) -> EnhanceNet:
    torch.manual_seed(0)
    config = EnhanceNetConfig(task=task, scale=scale, color=color, widths=(3, 3), skips=((0, 1),))
    return EnhanceNet(replace(config, **changes)).double().eval()


def silent(net: EnhanceNet) -> EnhanceNet:
    """The network without weights: what is left is its image-space skip."""
    for parameter in net.reconstruct.parameters():
        parameter.data.zero_()
    return net


def picture(height: int, width: int) -> Tensor:
    return 0.1 + 0.8 * torch.rand(3, height, width, dtype=torch.float64)


def continued(rgb: Tensor, multiple: int) -> Tensor:
    height, width = rgb.shape[-2:]
    padding = (0, -width % multiple, 0, -height % multiple)
    return functional.pad(rgb[None], padding, mode="replicate")


@examples(60)
@given(
    st.sampled_from(TASKS),
    st.sampled_from(Color),
    st.integers(1, 33),
    st.integers(1, 33),
    st.integers(1, 9),
)
@torch.no_grad()
def test_tiled_equals_whole_for_any_size(task, color, height, width, tile_px) -> None:
    net = network(*task, color, branches=None)
    rgb = picture(height, width)
    spec = net.spec
    tiled = enhance_picture(rgb, net, tile_px=tile_px)
    batch = continued(rgb, spec.reduction)
    if color is Color.RGB:
        whole = net(batch)
    else:
        ycbcr = rgb_to_ycbcr(batch)
        luma = net(ycbcr[:, :1])
        chroma = resize_bicubic(ycbcr[:, 1:], size=(luma.shape[-2], luma.shape[-1]))
        whole = ycbcr_to_rgb(torch.cat((luma, chroma), 1))
    sides = (-(-spec.scale * side // spec.reduction) for side in (height, width))
    assert tiled.shape == (3, *sides)
    torch.testing.assert_close(tiled, whole[0].clamp(0, 1), **DOUBLE)


@pytest.mark.parametrize(("task", "scale"), TASKS)
def test_one_pixel_of_halo_less_shows(task: Task, scale: int) -> None:
    net = network(task, scale, Color.RGB)
    rgb = picture(60, 60)
    spec = net.spec
    reduction = spec.reduction
    # The margin is rounded up to whole blocks: only the last pixel of a block is one too few.
    wanted = -(-spec.halo_px // reduction) * reduction - reduction
    short = replace(spec, halo_px=wanted)
    whole = enhance_picture(rgb, net, tile_px=1000)
    bare: nn.Module = nn.Sequential(net)
    exact = enhance_picture(rgb, bare, spec=spec, tile_px=6)
    wrong = enhance_picture(rgb, bare, spec=short, tile_px=6)
    torch.testing.assert_close(exact, whole, **DOUBLE)
    assert float((wrong - whole).abs().max()) > 1e-9


@pytest.mark.parametrize("color", list(Color))
@pytest.mark.parametrize("chroma", ["bicubic", "bilinear"])
@pytest.mark.parametrize(("task", "scale"), TASKS)
@torch.no_grad()
def test_a_constant_picture_stays_constant(task, scale: int, chroma, color: Color) -> None:
    net = silent(network(task, scale, color, branches=None))
    value = torch.tensor([0.2, 0.5, 0.7], dtype=torch.float64)[:, None, None]
    result = enhance_picture(value.expand(3, 9, 14).clone(), net, chroma=chroma, tile_px=5)
    torch.testing.assert_close(result, value.expand_as(result))


@torch.no_grad()
def test_denoising_without_weights_changes_nothing() -> None:
    rgb = picture(9, 8)
    for color in Color:
        net = silent(network(Task.DENOISING, 1, color, branches=None))
        torch.testing.assert_close(enhance_picture(rgb, net), rgb)


@pytest.mark.parametrize("chroma", ["bicubic", "bilinear"])
@torch.no_grad()
def test_chroma_is_interpolated_and_luma_is_the_networks(chroma) -> None:
    net = network(Task.SUPER_RESOLUTION, 2, Color.Y)
    rgb = 0.4 + 0.2 * torch.rand(3, 8, 10, dtype=torch.float64)
    for parameter in net.reconstruct.parameters():
        parameter.mul_(0.05)
    ycbcr = rgb_to_ycbcr(rgb)[None]
    result = rgb_to_ycbcr(enhance_picture(rgb, net, chroma=chroma))
    torch.testing.assert_close(result[:1], net(ycbcr[:, :1])[0])
    expected = (
        resize_bicubic(ycbcr[:, 1:], 2)
        if chroma == "bicubic"
        else functional.interpolate(ycbcr[:, 1:], scale_factor=2, mode="bilinear")
    )
    torch.testing.assert_close(result[1:], expected[0])


@pytest.mark.parametrize("chroma", ["bicubic", "bilinear"])
@torch.no_grad()
def test_luma_and_chroma_stay_in_register_where_sides_are_odd(chroma) -> None:
    # A ramp that colors and luma share: out of register, the channels would drift apart.
    ramp = torch.linspace(0.3, 0.6, 41, dtype=torch.float64).expand(3, 23, 41)
    tint = torch.tensor([1.0, 0.8, 0.6], dtype=torch.float64)[:, None, None]
    net = silent(network(Task.DOWN_SCALING, 4, Color.Y, branches=None))
    result = enhance_picture(ramp * tint, net, chroma=chroma)[..., 2:4, 2:-3]
    torch.testing.assert_close(result / tint, result[:1].expand_as(result), rtol=0, atol=1e-3)


@torch.no_grad()
def test_a_picture_keeps_its_metadata() -> None:
    alpha = torch.rand(1, 7, 9)
    given = Picture(torch.rand(3, 7, 9), Metadata(icc_profile=b"x", bit_depth=16, alpha=alpha))
    net = network(Task.DOWN_SCALING, 2, Color.Y).float()
    result = enhance_picture(given, net)
    assert isinstance(result, Picture)
    assert (result.height, result.width) == (4, 5)
    assert (result.metadata.icc_profile, result.metadata.bit_depth) == (b"x", 16)
    assert result.metadata.alpha is not None
    assert result.metadata.alpha.shape == (1, 4, 5)
    assert torch.equal(result.pixels, enhance_picture(given.pixels, net))


@torch.no_grad()
def test_the_result_is_clipped_and_batches_are_pictures_side_by_side() -> None:
    net = network(Task.SUPER_RESOLUTION, 2, Color.RGB)
    assert net.reconstruct.branches
    for parameter in net.parameters():
        parameter.mul_(2)
    batch = torch.rand(2, 3, 6, 7, dtype=torch.float64)
    result = enhance_picture(batch, net)
    assert float(result.min()) == 0
    assert float(result.max()) == 1
    for one, several in zip(batch, result, strict=True):
        torch.testing.assert_close(enhance_picture(one, net), several)
    assert not result.requires_grad


def test_windows_are_no_larger_than_tile_and_halo() -> None:
    net = network(Task.DOWN_SCALING, 2, Color.Y)
    seen: list[tuple[int, int]] = []
    steps: list[tuple[int, int]] = []

    def watched(x: Tensor) -> Tensor:
        seen.append((x.shape[-2], x.shape[-1]))
        return net(x)

    result = enhance_picture(
        picture(90, 70),
        watched,
        spec=net.spec,
        tile_px=16,
        on_progress=lambda label, done, total: steps.append((label, done, total)),
    )
    assert result.shape == (3, 45, 35)
    assert max(max(size) for size in seen) <= 16 + 2 * (net.spec.halo_px + 1)
    assert steps == [("tiles", done, len(seen)) for done in range(1, len(seen) + 1)]


def test_a_spec_with_a_coarser_multiple_is_kept_to() -> None:
    def picky(x: Tensor) -> Tensor:
        assert x.shape[-1] % 8 == x.shape[-2] % 8 == 0
        return functional.avg_pool2d(x, 2)

    spec = PictureSpec("other", Task.DOWN_SCALING, 1, Color.RGB, 8, 0, reduction=2)
    rgb = picture(29, 43)
    expected = functional.avg_pool2d(continued(rgb, 2), 2)[0]
    torch.testing.assert_close(enhance_picture(rgb, picky, spec=spec, tile_px=5), expected)


@pytest.mark.parametrize(
    ("rgb", "message"),
    [
        (torch.rand(1, 5, 5), r"not \[1, 5, 5\]; a network for Y takes its luma"),
        (torch.rand(4, 5, 5), "red, green, blue"),
        (torch.rand(2, 1, 5, 5), "red, green, blue"),
        (torch.rand(5, 5), "red, green, blue"),
        (torch.rand(3, 0, 5), "red, green, blue"),
        (torch.zeros(3, 5, 5, dtype=torch.uint8), "float32 or float64"),
    ],
)
def test_what_is_no_picture_is_refused(rgb: Tensor, message: str) -> None:
    for color in Color:
        with pytest.raises(InputError, match=message):
            enhance_picture(rgb, network(Task.DENOISING, 1, color).float())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"chroma": "nearest"}, "choose bicubic or bilinear"),
        ({"tile_px": 0}, "at least 1"),
        ({"spec": network(Task.DENOISING, 1, Color.RGB).spec}, "not the network's own"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, message: str) -> None:
    with pytest.raises(InputError, match=message):
        enhance_picture(picture(5, 5), network(Task.DENOISING, 1, Color.Y), **arguments)


def test_networks_that_do_not_fit_are_refused() -> None:
    rgb = picture(8, 8)
    with pytest.raises(InputError, match="a Identity does not say its scale"):
        enhance_picture(rgb, nn.Identity())
    training = network(Task.DENOISING, 1, Color.Y, branches=five_branches(3)).train()
    with pytest.raises(InputError, match="call eval"):
        enhance_picture(rgb, training)
    spec = network(Task.SUPER_RESOLUTION, 2, Color.RGB).spec
    with pytest.raises(InputError, match="2 times as large"):
        enhance_picture(rgb, nn.Identity(), spec=spec)
    with pytest.raises(InputError, match="color rgb; give the network's own spec"):
        enhance_picture(rgb, lambda x: x[:, :1], spec=spec)
