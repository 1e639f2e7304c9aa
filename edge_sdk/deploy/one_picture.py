"""One picture in memory through a model, for callers that read and write bytes themselves."""

from __future__ import annotations

import tempfile
from pathlib import Path

from edge_sdk.deploy.enhancement import DEFAULT_MODEL, NetworkRunner
from edge_sdk.emulate.runtimes.names import TORCH, runtime_name
from edge_sdk.errors import InputError
from edge_sdk.imaging import Picture
from edge_sdk.imaging.encoding import FORMATS, Format
from edge_sdk.models import Network, enhance_picture
from edge_sdk.progress import Progress
from edge_sdk.zoo.networks import picture_network


def enhance_one(
    picture: Picture,
    model: str | Path | Network = DEFAULT_MODEL,
    runtime: str = TORCH,
    on_progress: Progress | None = None,
    *,
    keep_branches: bool = False,
) -> Picture:
    """Enhance a picture with a model, as :func:`edge_sdk.enhance` does with files.

    Args:
        picture: what to enhance.
        model: shipped name, ``.safetensors`` file, or a network that takes pictures.
        runtime: ``torch``, or one for which the model is converted in fp32.
        on_progress: told of every window.
        keep_branches: run a model that is merged in part as it is.

    Raises:
        InputError: if model or runtime do not fit.
        ModelError: if there is no such model.
        PictureError: if the picture is too small for a converted model.
        MissingExtraError: if the runtime, or its converter, is not installed.

    Example:
        >>> import torch
        >>> from edge_sdk import Picture
        >>> from edge_sdk.deploy.one_picture import enhance_one
        >>> larger = enhance_one(Picture(torch.rand(3, 20, 30)))
        >>> larger.width, larger.height
        (60, 40)
    """
    runtime = runtime_name(runtime)
    network = picture_network(
        model if isinstance(model, Network) else str(model), keep_branches=keep_branches
    )
    with tempfile.TemporaryDirectory() as folder:
        runner = NetworkRunner(network, runtime, Path(folder))
        function = runner.for_picture(picture.width, picture.height)
        return enhance_picture(picture, function, spec=network.spec, on_progress=on_progress)


def form_by_name(name: str) -> Format:
    """A format by its name, such as ``png`` or ``jpeg``.

    Raises:
        InputError: if it is unknown.

    Example:
        >>> from edge_sdk.deploy.one_picture import form_by_name
        >>> form_by_name("jpeg").container
        'JPEG'
    """
    known = [suffix.removeprefix(".") for suffix in FORMATS]
    if name.lower() not in known:
        raise InputError(f"--format {name} is unknown; choose one of {', '.join(known)}")
    return FORMATS[f".{name.lower()}"]
