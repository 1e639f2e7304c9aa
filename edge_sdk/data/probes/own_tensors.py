"""Inputs of a model from files of tensors: for what no folder of pictures can say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge_sdk.errors import InputError, first_line
from edge_sdk.exported import Example, as_inputs, end_names, one_or_all
from edge_sdk.models.normalization import Normalization

SUFFIXES = (".npy", ".npz", ".safetensors")


def is_tensor_file(path: Path) -> bool:
    """Whether a path names a file of tensors by its suffix."""
    return path.suffix.lower() in SUFFIXES


def read_tensors(
    path: Path, example: Example, normalization: Normalization | None = None
) -> tuple[Example, ...]:
    """Read samples, as many as the first axis of the file's arrays is long.

    Args:
        path: ``.npy`` for a model of one input; ``.npz`` or ``.safetensors`` with one array, or
            with arrays ``input_0``, ``input_1`` and so on for several.
        example: an input of the model, of batch 1, or one tensor for each input: each sample is of
            these shapes.
        normalization: what pictures are put through, the inputs N×C×H×W of as many channels; all
            of a model of one input; ``None`` for nothing. Unsigned 8-bit integers are divided by
            255 before.

    Returns:
        Float32 samples, each a tensor, or a tuple of one for each input.

    Raises:
        InputError: if the file is missing or damaged, holds other names or shapes, numbers that are
            not finite, or no samples.

    Example:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> import torch
        >>> from edge_sdk.data.probes.own_tensors import read_tensors
        >>> np.save("samples.npy", np.random.default_rng(0).random((5, 3, 8, 8), np.float32))
        >>> samples = read_tensors(Path("samples.npy"), torch.rand(1, 3, 8, 8))
        >>> len(samples), samples[0].shape
        (5, torch.Size([1, 3, 8, 8]))
    """
    inputs = as_inputs(example)
    arrays = _arrays(path)
    names = end_names("input", len(inputs))
    if len(inputs) == 1 and len(arrays) == 1:
        arrays = {names[0]: next(iter(arrays.values()))}
    if set(arrays) != set(names):
        raise InputError(
            f"{path}: holds {', '.join(sorted(arrays)) or 'nothing'}; name the arrays "
            f"{', '.join(names)}, in the order of the model's inputs"
        )
    tensors = [
        _samples(path, name, arrays[name], each) for name, each in zip(names, inputs, strict=True)
    ]
    if normalization is not None:
        tensors = _normalized(tensors, normalization)
    counts = {len(each) for each in tensors}
    if len(counts) > 1 or counts == {0}:
        raise InputError(
            f"{path}: holds {' and '.join(str(len(each)) for each in tensors)} samples; give as "
            "many of each input, one at least"
        )
    return tuple(
        one_or_all(tuple(each[index : index + 1] for each in tensors))
        for index in range(len(tensors[0]))
    )


def _arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    if not path.is_file():
        raise InputError(f"{path}: no such file; check the path")
    try:
        if path.suffix.lower() == ".safetensors":
            from safetensors.numpy import load_file

            return dict(load_file(path))
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"input": loaded}
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except Exception as error:
        raise InputError(
            f"{path}: cannot be read ({first_line(error)}); write it with numpy.save, numpy.savez "
            "or safetensors, of plain numbers"
        ) from error


def _samples(
    path: Path,
    name: str,
    array: NDArray[np.generic],
    example: Tensor,
) -> Tensor:
    sides = "×".join(("N", *map(str, example.shape[1:])))
    if example.shape[0] != 1:
        raise InputError(
            f"the model's example is a batch of {example.shape[0]}; give one of batch 1 to read "
            f"samples of {path}"
        )
    if array.ndim != example.ndim or array.shape[1:] != tuple(example.shape[1:]):
        found = "×".join(map(str, array.shape)) or "a single number"
        raise InputError(f"{path}: {name} is {found}, the model takes {sides}; give it so")
    if array.dtype == np.uint8:
        values = torch.from_numpy(array.astype(np.float32)) / 255
    elif np.issubdtype(array.dtype, np.floating):
        values = torch.from_numpy(array.astype(np.float32))
    else:
        raise InputError(
            f"{path}: {name} is {array.dtype}; give float32, or unsigned 8-bit integers"
        )
    if not values.isfinite().all():
        raise InputError(f"{path}: {name} holds a NaN or an infinity; leave that sample out")
    return values


def _normalized(tensors: list[Tensor], normalization: Normalization) -> list[Tensor]:
    """The inputs with those that are pictures normalized.

    Raises:
        InputError: if none is.
    """
    if len(tensors) == 1:
        return [normalization.applied(tensors[0])]
    count = len(normalization.mean)
    channels = (1, 3) if count == 1 else (count,)
    pictures = [each.ndim == 4 and each.shape[1] in channels for each in tensors]
    if not any(pictures):
        raise InputError(
            f"no input is a picture N×C×H×W of the channels that the {count} means are for; leave "
            "mean and std out"
        )
    return [
        normalization.applied(each) if is_picture else each
        for each, is_picture in zip(tensors, pictures, strict=True)
    ]
