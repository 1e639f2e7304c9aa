"""Range lint of a loaded model, on pictures of the user's or on its example."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_sdk.data.probes.own_tensors import is_tensor_file, read_tensors
from edge_sdk.data.samples.model_inputs import ModelInputs, picture_inputs
from edge_sdk.errors import InputError
from edge_sdk.exported import as_inputs, one_or_all
from edge_sdk.quantization import RangeReport, lint_ranges
from edge_sdk.zoo.loading import LoadedModel


@dataclass(frozen=True)
class Lint:
    """Ranges of a model and the inputs that they were measured on.

    Attributes:
        ranges: per layer, with warnings.
        source: what the model was run on.

    Example:
        >>> from edge_sdk.deploy import lint_loaded
        >>> from edge_sdk.zoo import load_any
        >>> lint = lint_loaded(load_any("sr_x2_y"))
        >>> lint.ranges.warnings
        ()
    """

    ranges: RangeReport
    source: str


def lint_loaded(loaded: LoadedModel, pictures: Path | None = None) -> Lint:
    """Measure what int8 would keep of a model, before anything in it is merged.

    Args:
        loaded: the model; it is left untouched.
        pictures: folder of pictures, or file of tensors, to run it on; ``None`` for its own
            example, which is seeded
            noise unless the model brought one.

    Raises:
        InputError: if the model holds no layer to measure, the folder holds no picture, or the
            model takes other than pictures.
        PictureError: if a picture cannot be read or is too small.

    Example:
        >>> from edge_sdk.deploy import lint_loaded
        >>> from edge_sdk.zoo import load_any
        >>> lint = lint_loaded(load_any("sr_x2_y"))
        >>> lint.ranges.layers[0].name
        'features.0'
    """
    inputs = _inputs(loaded, pictures)
    return Lint(lint_ranges(loaded.network, inputs.tensors), inputs.source)


def _inputs(loaded: LoadedModel, pictures: Path | None) -> ModelInputs:
    if pictures is not None:
        if is_tensor_file(pictures):
            example = one_or_all(loaded.example)
            read = read_tensors(pictures, example, loaded.input_normalization)
            return ModelInputs(read, f"{len(read)} samples of {pictures}")
        found = picture_inputs(pictures, loaded.single_example, loaded.picture_spec)
        normalization = loaded.input_normalization
        if normalization is None:
            return found
        normalized = (normalization.applied(*as_inputs(each)) for each in found.tensors)
        return ModelInputs(tuple(normalized), f"{found.source}, normalized")
    if loaded.normalization is not None:
        raise InputError("mean and std are for pictures; give --pictures, or leave them out")
    what = "the model's own example" if loaded.own_example else "seeded noise"
    return ModelInputs(
        (loaded.example,), f"{what}, not pictures: give --pictures DIR for their ranges"
    )
