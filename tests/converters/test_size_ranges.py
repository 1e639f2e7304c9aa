"""One file for a range of sizes, where the target has such; else one for each, or a refusal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from edge_sdk import Runner, SizeRange, convert, open_artifact, verify
from edge_sdk.deploy.conversion import ConvertedModel
from edge_sdk.errors import ArtifactError, ConversionError, InputError
from edge_sdk.zoo.loading import as_loaded
from tests.needs import needs

pytestmark = [pytest.mark.slow, needs("executorch", "coreml", "tflite")]

SIZES = SizeRange((16, 24), (48, 40))
SUFFIXES = {"executorch": ".pte", "coreml": ".mlpackage"}


class Enlarger(nn.Module):
    """×2 with a nearest-neighbor skip, as super-resolution networks are."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, 8, 3, padding=1)
        self.tail = nn.Sequential(nn.ReLU(), nn.Conv2d(8, 12, 3, padding=1), nn.PixelShuffle(2))
        self.up = nn.Upsample(scale_factor=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.tail(self.head(x)) + self.up(x)


class Halver(nn.Module):
    """Takes even sizes alone."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(12, 12, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        unshuffled = nn.functional.pixel_unshuffle(x, 2)
        return nn.functional.pixel_shuffle(self.conv(unshuffled), 2)


class Settled(nn.Module):
    """Holds a number that is right for 16×24 px alone, and takes any size."""

    def forward(self, x: Tensor) -> Tensor:
        return x + x.shape[2] * x.shape[3] / (16 * 24)


class Flat(nn.Module):
    """Reads its size as plain numbers."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(1, 3, int(x.shape[2]) * int(x.shape[3])).cumsum(2)[:, :, -1:]


def ranged(model: nn.Module, target: str, folder: Path, sizes: SizeRange) -> ConvertedModel:
    path = folder / f"ranged{SUFFIXES[target]}"
    return convert(model.eval(), target, path, example=(1, 3, 32, 32), size=sizes)


def held_to(model: nn.Module, runner: Runner, *sizes: tuple[int, int]) -> None:
    (name,) = runner.input_shapes
    for height, width in sizes:
        picture = torch.rand(1, 3, height, width)
        with torch.no_grad():
            expected = model(picture).numpy()
        (result,) = runner.run({name: picture.numpy()}).values()
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("target", SUFFIXES)
def test_one_file_takes_every_size_of_its_range(target: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Enlarger().eval()
    found = ranged(network, target, tmp_path, SIZES)
    (taken,) = found.report.inputs
    assert (taken.least, taken.shape) == ((1, 3, 16, 24), (1, 3, 48, 40))
    assert found.check.probes == 7
    runner = open_artifact(found.path)
    ((name, largest),) = runner.input_shapes.items()
    assert largest == (1, 3, 48, 40)
    assert list(runner.output_shapes.values()) == [(1, 3, 96, 80)]
    held_to(network, runner, (16, 24), (48, 40), (48, 24), (21, 39))
    with pytest.raises(ArtifactError, match=r"takes shape \(1, 3, 16, 24\) to \(1, 3, 48, 40\)"):
        runner.run({name: np.zeros((1, 3, 50, 24), np.float32)})
    assert verify(as_loaded(network, (1, 3, 16, 24)), [found.path]).passed


@pytest.mark.parametrize("target", SUFFIXES)
@pytest.mark.parametrize("model", [Halver, Settled, Flat])
def test_a_model_that_leans_on_its_size_is_right_at_all_or_refused(
    model: type[nn.Module], target: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    network = model().eval()
    try:
        found = ranged(network, target, tmp_path, SIZES)
    except ConversionError as error:
        message = str(error)
    else:
        held_to(network, open_artifact(found.path), (40, 30), (16, 40))
        return
    assert "\n" not in message
    assert not list(tmp_path.iterdir())


def test_files_of_ranges_and_of_one_size_are_verified_together(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, shape = Enlarger().eval(), (1, 3, 32, 32)
    files = [ranged(network, target, tmp_path, SIZES).path for target in SUFFIXES]
    found = verify(as_loaded(network, shape), files)
    assert found.passed
    assert found.shape == shape
    static = convert(network, "tflite", tmp_path / "one.tflite", example=(1, 3, 20, 28)).path
    assert verify(as_loaded(network, shape), [*files, static]).shape == (1, 3, 20, 28)
    outside = convert(network, "tflite", tmp_path / "out.tflite", example=(1, 3, 64, 28)).path
    with pytest.raises(InputError, match="verify them one by one"):
        verify(as_loaded(network, shape), [*files, outside])


def test_a_size_that_the_model_does_not_take_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Halver does not take 47×40"):
        ranged(Halver(), "executorch", tmp_path, SizeRange((16, 24), (47, 40)))


def test_targets_of_one_size_name_those_that_take_ranges(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"have one size each.*coreml or executorch"):
        convert("sr_x2_y", "tflite", tmp_path / "sr.tflite", size=SIZES)


def test_several_inputs_have_no_range(tmp_path: Path) -> None:
    class Two(nn.Module):
        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return a + b

    with pytest.raises(InputError, match=r"takes 2|takes shapes|several inputs"):
        convert(Two(), "executorch", tmp_path / "two.pte", example=[(1, 3, 16, 24)] * 2, size=SIZES)


@given(st.tuples(*[st.integers(-3, 40)] * 4))
def test_a_range_is_one(sides: tuple[int, int, int, int]) -> None:
    low, narrow, high, wide = sides
    fits = 2 <= low <= high and 2 <= narrow <= wide and (low, narrow) != (high, wide)
    try:
        sizes = SizeRange((low, narrow), (high, wide))
    except InputError:
        assert not fits
        return
    assert fits
    assert all(low <= height <= high and narrow <= width <= wide for height, width in sizes.probed)
    assert {(low, narrow), (high, wide)} <= set(sizes.corners)
