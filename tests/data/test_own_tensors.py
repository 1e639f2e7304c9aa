"""Samples from files of tensors: read whole and in order, or refused by one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from edge_sdk.data.probes.calibration import read_calibration
from edge_sdk.data.probes.own_tensors import read_tensors
from edge_sdk.data.probes.pictures import probe_pictures
from edge_sdk.errors import InputError
from edge_sdk.models import Normalization

EXAMPLE = torch.rand(1, 3, 6, 8)
DRAWN = np.random.default_rng(0).random((9, 3, 6, 8), np.float32)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors"])
def test_samples_are_the_rows_of_the_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"samples{suffix}"
    {
        ".npy": lambda: np.save(path, DRAWN),
        ".npz": lambda: np.savez(path, anything=DRAWN),
        ".safetensors": lambda: save_file({"anything": DRAWN}, path),
    }[suffix]()
    found = read_tensors(path, EXAMPLE)
    assert torch.equal(torch.cat(list(found)), torch.from_numpy(DRAWN))
    assert probe_pictures(EXAMPLE, None, path).source == f"9 samples of {path}"


def test_calibration_holds_a_quarter_out(tmp_path: Path) -> None:
    path = tmp_path / "samples.npy"
    np.save(path, DRAWN)
    found = read_calibration(path, EXAMPLE, None, count=4)
    assert (len(found.calibration), len(found.held_out)) == (4, 1)
    both = torch.cat([*found.calibration, *found.held_out])
    assert len({tuple(row.flatten().tolist()) for row in both}) == 5


def test_bytes_are_scaled_and_normalized(tmp_path: Path) -> None:
    path = tmp_path / "bytes.npy"
    np.save(path, np.full((2, 3, 6, 8), 255, np.uint8))
    (first, _) = read_tensors(path, EXAMPLE, Normalization((0.5, 0.0, 1.0), (0.5, 2.0, 1.0)))
    assert first[0, :, 0, 0].tolist() == [1.0, 0.5, 0.0]


def test_only_pictures_of_several_inputs_are_normalized(tmp_path: Path) -> None:
    path, vectors = tmp_path / "two.npz", DRAWN[:, 0, 0]
    np.savez(path, input_0=DRAWN, input_1=vectors)
    example = (EXAMPLE, torch.rand(1, 8))
    for mean in ((0.5,), (0.5, 0.5, 0.5)):
        (picture, vector), *_ = read_tensors(path, example, Normalization(mean, mean))
        assert torch.allclose(picture[0], (torch.from_numpy(DRAWN[0]) - 0.5) / 0.5)
        assert torch.equal(vector[0], torch.from_numpy(vectors[0]))
    with pytest.raises(InputError, match="no input is a picture"):
        read_tensors(path, example, Normalization((0.5, 0.5), (1.0, 1.0)))


def _wrong_name(path: Path) -> None:
    np.savez(path, input_0=DRAWN, other=DRAWN)


def _wrong_counts(path: Path) -> None:
    np.savez(path, input_0=DRAWN, input_1=DRAWN[:4])


def _objects(path: Path) -> None:
    np.savez(path, input_0=np.array([{}], dtype=object), input_1=DRAWN)


def _shape(path: Path) -> None:
    np.savez(path, input_0=DRAWN[:, :2], input_1=DRAWN)


def _nan(path: Path) -> None:
    np.savez(path, input_0=DRAWN * np.nan, input_1=DRAWN)


def _integers(path: Path) -> None:
    np.savez(path, input_0=DRAWN.astype(np.int64), input_1=DRAWN)


def _damaged(path: Path) -> None:
    np.savez(path, input_0=DRAWN, input_1=DRAWN)
    path.write_bytes(path.read_bytes()[:200])


def _empty(path: Path) -> None:
    np.savez(path, input_0=DRAWN[:0], input_1=DRAWN[:0])


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (_wrong_name, "name the arrays input_0, input_1"),
        (_wrong_counts, "holds 9 and 4 samples"),
        (_objects, "of plain numbers"),
        (_shape, "is 9×2×6×8, the model takes N×3×6×8"),
        (_nan, "holds a NaN"),
        (_integers, "is int64; give float32"),
        (_damaged, "cannot be read"),
        (_empty, "one at least"),
        (lambda path: None, "no such file"),
    ],
)
def test_other_files_are_refused_by_one_line(
    write: Callable[[Path], None], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "samples.npz"
    write(path)
    with pytest.raises(InputError, match=reason) as caught:
        read_tensors(path, (EXAMPLE, EXAMPLE))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("mean", "std"),
    [((), ()), ((0.5,), (0.5, 0.5)), ((0.5,), (0.0,)), ((float("nan"),), (1.0,))],
)
def test_normalizations_that_are_none(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    with pytest.raises(InputError):
        Normalization(mean, std)


def test_normalization_by_channel_needs_the_channels() -> None:
    with pytest.raises(InputError, match="3 means are for 3 channels"):
        Normalization((0.1, 0.2, 0.3), (1.0, 1.0, 1.0)).applied(torch.rand(1, 1, 4, 4))
