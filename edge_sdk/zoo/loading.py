"""Any model by what a user types: a shipped name, a file, or a callable of a Python module."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from edge_sdk.errors import InputError, ModelError
from edge_sdk.models import ModelSpec, PictureSpec
from edge_sdk.models.normalization import Normalization
from edge_sdk.models.spec import RecognitionSpec
from edge_sdk.reparam import keep_branches
from edge_sdk.reparam.blocks.collapse import multi_branch_blocks
from edge_sdk.reparam.fusing import certificate_for
from edge_sdk.reparam.graph.preparation import checked_copy
from edge_sdk.reparam.plans.kept import NO_BRANCHES
from edge_sdk.reparam.proof.certificate import Certificate
from edge_sdk.zoo.catalogue import load_model, model_names
from edge_sdk.zoo.float_types import example_in_float32, in_float32
from edge_sdk.zoo.fused_form import load_fused
from edge_sdk.zoo.networks import example_input, merged, probe_px
from edge_sdk.zoo.python_models import NONE, Arguments, call_for_model

Shape = Sequence[int]
GivenExample = Tensor | Shape | Sequence[Tensor] | Sequence[Shape]
"""An example as callers give it: a tensor or a shape, or one for each of several inputs."""

LARGEST_SIDE = 8192
LARGEST_INPUT = 2**28
"""Most numbers that an example input may hold, 1 GiB as float32."""
_CONVERTED = "is converted already; name the .safetensors file or shipped model that it was made of"
_NO_MODELS = {
    ".onnx": "ONNX files are not read; name the Python callable that builds the model instead, "
    "package.module:callable",
    ".zip": "a bundle or other archive is no model; name the .safetensors file or shipped model "
    "that it was made of",
    **dict.fromkeys((".tflite", ".pte", ".mlpackage", ".mlmodel", ".aimodel"), _CONVERTED),
}
"""What to say of files that hold a network and are no models to start from, by suffix."""


@dataclass(frozen=True)
class LoadedModel:
    """A model with what is needed to run it once.

    Attributes:
        name: what the user typed.
        network: the model in evaluation mode, with its branches.
        example: one tensor per argument of the model.
        spec: what a caller must know to feed the model; ``None`` if it does not say.
        own_example: whether the example came with the model; else it is seeded noise in [0, 1].
        shipped: whether it is a model by a shipped name, whose merged form is stored.
        keeps_branches: whether it deploys with its branches, as it is, instead of merged.
        notes: for people: what was changed to load it, one sentence each.
        normalization: what pictures in [0, 1] are put through before the model gets them, where its
            spec does not say; ``None`` for nothing.

    Raises:
        InputError: if a normalization is given and the spec has one.

    Example:
        >>> from edge_sdk.zoo import load_any
        >>> loaded = load_any("sr_x2_y")
        >>> loaded.single_example.shape, loaded.resized(48, 64).single_example.shape
        (torch.Size([1, 1, 32, 32]), torch.Size([1, 1, 48, 64]))
    """

    name: str
    network: nn.Module
    example: tuple[Tensor, ...]
    spec: ModelSpec | None
    own_example: bool = False
    shipped: bool = False
    keeps_branches: bool = False
    notes: tuple[str, ...] = ()
    normalization: Normalization | None = None

    def __post_init__(self) -> None:
        own = self.recognition_spec
        if self.normalization is not None and own is not None and own.normalization is not None:
            raise InputError(
                f"{self.name} says its own mean and std; leave those that are given out"
            )

    def fused(self) -> tuple[nn.Module, Certificate]:
        """The model as it deploys, and the certificate that it equals the one in training.

        It is merged, unless its branches stay. Those of a shipped model are read from its stored
        form: what was proved there does not depend on the size of the example, and what the models
        cost is counted for this one.

        Raises:
            ModelError: if the stored form is missing, damaged or another model's.
            InputError: if a model that is not shipped cannot be merged with this example, or one
                whose branches stay has none.
            FusionError: if it cannot be traced or proved equal.

        Example:
            >>> from edge_sdk.zoo import load_any
            >>> network, certificate = load_any("sr_x2_y").fused()
            >>> network.has_branches, certificate.error_float64 < 1e-11
            (False, True)
        """
        if self.keeps_branches:
            if not multi_branch_blocks(self.network):
                raise InputError(NO_BRANCHES.format(self.name))
            return keep_branches(self.network, self.example)
        if not self.shipped:
            return merged(self.network, self.example)
        form = load_fused(self.name)
        if form.example == tuple(self.single_example.shape):
            return form.network, form.certificate
        return form.network, certificate_for(
            form.certificate, self.network, form.network, self.example
        )

    @property
    def picture_spec(self) -> PictureSpec | None:
        """What the model does to pictures; ``None`` if it does not say, or makes none."""
        return self.spec if isinstance(self.spec, PictureSpec) else None

    @property
    def recognition_spec(self) -> RecognitionSpec | None:
        """How the model tells classes apart; ``None`` if it does not."""
        return self.spec if isinstance(self.spec, RecognitionSpec) else None

    @property
    def input_normalization(self) -> Normalization | None:
        """What pictures in [0, 1] are put through for this model: what is given, or its spec's."""
        own = self.recognition_spec
        return own.normalization if own is not None and own.normalization else self.normalization

    @property
    def single_example(self) -> Tensor:
        """The example of a model of one input.

        Raises:
            InputError: if the model takes several inputs.
        """
        if len(self.example) != 1:
            raise InputError(
                f"{self.name} takes {len(self.example)} inputs; this works on models of one input"
            )
        return self.example[0]

    def resized(self, height: int, width: int) -> LoadedModel:
        """The same model with an example of another height and width, seeded noise in [0, 1].

        Raises:
            InputError: if the model takes several inputs, or one that is no N×C×H×W, or height or
                width is below 1.
        """
        if min(height, width) < 1:
            raise InputError(f"a size of {height}×{width} px is none; give 1 or more of each")
        before = self.single_example
        if before.ndim != 4:
            raise InputError(
                f"{self.name} takes {list(before.shape)}, which has no height and width to choose"
            )
        return replace(
            self, example=(_noise((*before.shape[:2], height, width)),), own_example=False
        )


def load_any(
    model: str, input_shape: Shape | Sequence[Shape] | None = None, arguments: Arguments = NONE
) -> LoadedModel:
    """Load a model that a user names, in evaluation mode.

    Args:
        model: shipped name, path of a ``.safetensors`` file, or ``package.module:callable``: a
            callable that returns an ``nn.Module``, or a pair of one and
            its example input(s), or such a module itself. Modules of the current directory are
            found. Import and call run with torch seeded by 0, so that random weights are the same
            each time.
        input_shape: shape of the example input, which is seeded noise in [0, 1] then, or one for
            each input; ``None`` for 1×C×32×32 of a shipped model or file, or the example that the
            callable returns.
        arguments: what the callable is called with, by name; ``NAME=VALUE`` of the command line.

    Raises:
        ModelError: if it is none of these, or what it names cannot be imported, called or used.
        InputError: if no shape is known, or it does not fit the model.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.zoo import load_any
        >>> count = Path("theirs.py").write_text("from torch import nn; stem = nn.Conv2d(3, 8, 3)")
        >>> loaded = load_any("theirs:stem", (1, 3, 24, 32))
        >>> loaded.network(loaded.single_example).shape
        torch.Size([1, 8, 22, 30])
    """
    if _is_python_name(model):
        given, examples = call_for_model(model, arguments)
        network, note = in_float32(given)
        example = tuple(example_in_float32(each) for each in examples)
        own_example = bool(example)
    else:
        if arguments:
            raise InputError(f"{model} takes no arguments; --arg is for package.module:callable")
        note = ""
        network = load_model(_checked_file(model))
        example, own_example = (example_input(network),), False
    spec = getattr(network, "spec", None)
    known_spec = spec if isinstance(spec, ModelSpec) else None
    network.eval()
    shipped = model in model_names()
    notes = (note,) if note else ()
    loaded = LoadedModel(model, network, example, known_spec, own_example, shipped, notes=notes)
    if input_shape is not None:
        drawn = _drawn(input_shape)
        if example and len(drawn) != len(example):
            raise InputError(
                f"{model} takes {len(example)} inputs, not {len(drawn)}; give --input for each, or "
                "leave it out for the example that the callable returns"
            )
        loaded = replace(loaded, example=drawn, own_example=False)
    if not loaded.example:
        raise InputError(
            f"{model} brings no example input; give its shape, such as --input 1x3x224x224, or "
            "return a pair (model, example)"
        )
    _check_channels(loaded)
    return loaded


def as_loaded(
    model: str | Path | nn.Module | LoadedModel, example: GivenExample | None = None
) -> LoadedModel:
    """A model given by name, by file or as a module, as what the rest works on.

    Args:
        model: as :func:`load_any` takes it; or a module, of which a copy in evaluation mode is
            made; or a model that is loaded already.
        example: a tensor as the one input, or a shape for seeded noise in [0, 1], or one of them
            for each input; ``None`` for what the model brings, or 1×C×32×32 of a module that says
            what it does to pictures.

    Raises:
        ModelError: as :func:`load_any`.
        InputError: if no example is known, or it does not fit the model.

    Example:
        >>> from torch import nn
        >>> from edge_sdk.zoo import as_loaded
        >>> loaded = as_loaded(nn.Conv2d(3, 8, 3), (1, 3, 24, 32))
        >>> loaded.name, loaded.network.training
        ('Conv2d', False)
    """
    given = () if example is None else _drawn(example)
    if isinstance(model, LoadedModel):
        loaded = model
    elif isinstance(model, nn.Module):
        loaded = _of_module(model)
    else:
        loaded = load_any(str(model), [tuple(each.shape) for each in given] or None)
    if example is not None:
        own = isinstance(example, Tensor) or any(isinstance(each, Tensor) for each in example)
        loaded = replace(loaded, example=given, own_example=own)
    if not loaded.example:
        raise InputError(
            f"this {loaded.name} brings no example input; give one, or its shape, such as "
            "example=(1, 3, 64, 64)"
        )
    _check_channels(loaded)
    return loaded


def parse_shape(text: str) -> tuple[int, ...]:
    """Read a shape such as ``1x3x224x224``, one to six sides.

    Raises:
        InputError: if it is something else, or a side is not 1 to 8192.
    """
    if not re.fullmatch(r"\d{1,5}([x×]\d{1,5}){0,5}", text.strip().lower()):
        raise InputError(f"shape '{text}' is not like 1x3x224x224; write its sides with x between")
    shape = tuple(int(side) for side in re.split("[x×]", text.strip().lower()))
    if not all(1 <= side <= LARGEST_SIDE for side in shape):
        raise InputError(f"shape '{text}' must have sides of 1 to {LARGEST_SIDE}")
    return shape


def _of_module(module: nn.Module) -> LoadedModel:
    widened, note = in_float32(module)
    network = checked_copy(widened)
    notes = (note,) if note else ()
    spec = getattr(network, "spec", None)
    name = type(module).__name__
    if not isinstance(spec, ModelSpec):
        return LoadedModel(name, network, (), None, notes=notes)
    side = probe_px(spec)
    example = _noise((1, spec.input_channels, side, side))
    return LoadedModel(name, network, (example,), spec, notes=notes)


def _is_python_name(model: str) -> bool:
    named = re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*:.*", model) is not None
    return named and not Path(model).exists()


def _checked_file(model: str) -> str:
    if model.lower().endswith((".pt2", ".pt", ".pth", ".ckpt")):
        raise ModelError(
            f"{model}: such files are not read, since reading one can run code that is in it; name "
            "the Python callable that builds the model instead, package.module:callable"
        )
    path = Path(model)
    what = _NO_MODELS.get(path.suffix.lower())
    if what is None and (path / "manifest.json").is_file():
        what = _NO_MODELS[".zip"]
    if what is not None:
        raise ModelError(f"{model}: {what}")
    if model in model_names() or path.suffix == ".safetensors" or path.exists():
        return model
    if ":" not in model:
        raise ModelError(
            f"'{model}' is neither a shipped model ({', '.join(model_names())}) nor a .safetensors "
            "file nor a Python package.module:callable"
        )
    raise ModelError(
        f"'{model}' is no Python name; write package.module:callable, or a file or shipped name"
    )


def _drawn(example: GivenExample) -> tuple[Tensor, ...]:
    """The inputs that an example says, seeded noise for each shape."""
    if isinstance(example, Tensor):
        return (example_in_float32(example.detach()),)
    if all(isinstance(each, int) for each in example):
        return (_noise(example),)  # type: ignore[arg-type]
    return tuple(
        example_in_float32(each.detach()) if isinstance(each, Tensor) else _noise(each, index)  # type: ignore[arg-type]
        for index, each in enumerate(example)
    )


def _noise(shape: Shape, seed: int = 0) -> Tensor:
    count = 1
    for side in shape:
        count *= side
    if count > LARGEST_INPUT:
        sides = "×".join(str(side) for side in shape)
        raise InputError(f"an input of {sides} holds {count:,} numbers; give a smaller shape")
    return torch.rand(tuple(shape), generator=torch.Generator().manual_seed(seed))


def _check_channels(loaded: LoadedModel) -> None:
    spec = loaded.spec
    if spec is None:
        return
    shape = tuple(loaded.single_example.shape)
    fits = len(shape) == 4 and shape[1] == spec.input_channels
    if not fits or any(side % spec.size_multiple for side in shape[2:]):
        multiple = f" in multiples of {spec.size_multiple}" if spec.size_multiple > 1 else ""
        raise InputError(
            f"{loaded.name} takes N×{spec.input_channels}×H×W, H and W{multiple or ' of any size'}"
            f", not {'×'.join(str(side) for side in shape)}"
        )
