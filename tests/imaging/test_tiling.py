from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import apply_tiled, window_spans
from tests.examples import examples
from tests.tolerances import SINGLE

HALO_PX = 4


def conv_net(scale: int, stride: int) -> nn.Module:
    """Zero-padding net whose output depends on ``HALO_PX`` input pixels around it at most."""
    torch.manual_seed(1)
    layers: list[nn.Module]
    if stride == 1:
        layers = [nn.Conv2d(2, 4, 5, padding=2), nn.ReLU(), nn.Conv2d(4, 4, 5, padding=2)]
    else:
        layers = [nn.PixelUnshuffle(2), nn.Conv2d(8, 16, 3, padding=1), nn.PixelShuffle(2)]
    channels = 3 * scale * scale
    return nn.Sequential(*layers, nn.Conv2d(4, channels, 1), nn.PixelShuffle(scale)).eval()


@examples(40)
@given(
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    tile_px=st.integers(1, 12),
    scale=st.integers(1, 3),
    strided=st.booleans(),
)
@torch.no_grad()
def test_tiled_equals_whole(
    height: int, width: int, tile_px: int, scale: int, strided: bool
) -> None:
    multiple = 2 if strided else 1
    tile_px += tile_px % multiple
    net = conv_net(scale, multiple)
    image = torch.rand(2, 2, height, width)
    tiled = apply_tiled(
        net, image, tile_px=tile_px, halo_px=HALO_PX, scale=scale, size_multiple=multiple
    )
    padding = (0, -width % multiple, 0, -height % multiple)
    whole = net(functional.pad(image, padding, mode="replicate"))
    expected = whole[..., : scale * height, : scale * width]
    torch.testing.assert_close(tiled, expected, **SINGLE)


@torch.no_grad()
def test_a_halo_too_small_is_seen() -> None:
    net, image = conv_net(1, 1), torch.rand(1, 2, 40, 40)
    tiled = apply_tiled(net, image, tile_px=8, halo_px=HALO_PX - 1)
    assert float((tiled - net(image)).abs().max()) > 1e-5


@given(
    blocks=st.integers(1, 60),
    tile_blocks=st.integers(1, 9),
    halo_px=st.integers(0, 8),
    multiple=st.integers(1, 4),
)
def test_spans_cover_once_inside_with_their_halo(
    blocks: int, tile_blocks: int, halo_px: int, multiple: int
) -> None:
    halo_px *= multiple
    window_px = tile_blocks * multiple + 2 * halo_px
    length = max(window_px, blocks * multiple)
    spans = window_spans(length, window_px, halo_px, multiple)
    assert spans[0].own_start == 0
    assert spans[-1].own_end == length
    assert all(a.own_end == b.own_start for a, b in pairwise(spans))
    for span in spans:
        assert span.start % multiple == 0
        assert 0 <= span.start <= length - window_px
        assert span.start == 0 or span.own_start - span.start >= halo_px
        end = span.start + window_px
        assert end == length or end - span.own_end >= halo_px


@examples(20)
@given(st.integers(16, 50), st.integers(16, 50))
def test_every_call_gets_one_shape_and_progress_ends_at_all(height: int, width: int) -> None:
    shapes, progress = set(), []

    def identity(x: torch.Tensor) -> torch.Tensor:
        shapes.add(tuple(x.shape))
        return x

    image = torch.rand(1, 1, height, width)
    result = apply_tiled(
        identity,
        image,
        tile_px=8,
        halo_px=4,
        fixed_size=True,
        on_progress=lambda label, done, total: progress.append((label, done, total)),
    )
    assert torch.equal(result, image)
    assert shapes == {(1, 1, 16, 16)}
    total = progress[-1][-1]
    assert progress == [("tiles", done, total) for done in range(1, total + 1)]


def test_a_picture_smaller_than_a_fixed_window_is_refused() -> None:
    with pytest.raises(PictureError, match=r"20×15 px .* 16×16"):
        apply_tiled(lambda x: x, torch.zeros(1, 1, 15, 20), tile_px=8, halo_px=4, fixed_size=True)


def test_sizes_that_do_not_fit_are_refused() -> None:
    image = torch.zeros(1, 1, 20, 20)
    with pytest.raises(InputError, match="check its scale"):
        apply_tiled(lambda x: x, image, tile_px=8, halo_px=4, scale=2)
    with pytest.raises(InputError, match="multiple of 4"):
        apply_tiled(lambda x: x, image, tile_px=8, halo_px=3, size_multiple=4)
    with pytest.raises(InputError, match=r"\[N, C, H, W\]"):
        apply_tiled(lambda x: x, image[0], tile_px=8, halo_px=4)
    with pytest.raises(InputError, match="at least"):
        apply_tiled(lambda x: x, image, tile_px=0, halo_px=4)
