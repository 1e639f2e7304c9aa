"""Whether files compute what their model does: named or given, converted here where asked."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import nn

from edge_sdk.deploy.parity import Parity, check_parity
from edge_sdk.deploy.preparation import read_scheme
from edge_sdk.emulate.parity.task_gates import TaskGate
from edge_sdk.models.normalization import Normalization
from edge_sdk.quantization import Scheme
from edge_sdk.zoo.loading import GivenExample, LoadedModel, as_loaded


def verify(
    model: str | Path | nn.Module | LoadedModel,
    artifacts: Sequence[str | Path] = (),
    precision: str | None = None,
    *,
    example: GivenExample | None = None,
    pictures: str | Path | None = None,
    calibration: str | Path | None = None,
    scheme: Scheme | str | Path | None = None,
    keep_branches: bool = False,
    gate: TaskGate | None = None,
    normalization: Normalization | None = None,
    layers: bool = False,
    target: str | None = None,
    soc: str | None = None,
    cpu: str | None = None,
) -> Parity:
    """Run converted files in their desktop runtimes and compare them with the PyTorch model, in dB.

    Args:
        model: shipped name, ``.safetensors`` file, ``package.module:callable``, or a float32 module
            of one input or several; it is left untouched.
        artifacts: files made from it, of one input shape; empty to convert to every installed
            target here, with inputs of 64×64 where the model takes any size.
        precision: what to convert in (fp32 if not given), or what the files must be in.
        example: an input of the model, float32 in [0, 1], or its shape; one tensor or shape for
            each input of a model of several; ``None`` for a model that knows its own.
        pictures: folder of pictures, or file of tensors, to compare on; ``None`` for photographs of
            scikit-image.
        calibration: folder of pictures for int8 ranges, the one that the files were made with.
        scheme: the int8 codes that the files were made with, or their ``.json``.
        keep_branches: the files were, or are to be, made with the model's branches as they are.
        gate: what every step must reach in place of its dB, such as
            :func:`~edge_sdk.emulate.task_gate` reads; ``None`` for the dB of its precision.
        normalization: what pictures in [0, 1] are put through before the model gets them.
        layers: compare every module's result too, in each runtime that ran a file.
        target: the one target to convert to here, in place of every installed one.
        soc: chip to convert for, where ``target`` compiles for one.
        cpu: ``arm64`` to run LiteRT and ExecuTorch files on an emulated ARM core too, and compare
            them with what they give here; ``python -m edge_sdk.emulate.arm64.setting_up`` sets it
            up.

    Returns:
        A row for torch, for the fused model, for the one in int8 codes, and for each file;
        ``passed`` says whether every one ran and reached its gate.

    Raises:
        InputError: if a target or chip is unknown, or given with files; if the files take different
            shapes, do not fit the model, or no example is known, or branches are to be kept where
            there are none.
        ModelError: if there is no such model.
        MissingExtraError: if no target is installed.
        ArtifactError: if a file cannot be loaded.
        FusionError: if fusing cannot be proved.

    Example:
        >>> from edge_sdk import convert, verify
        >>> made = convert("sr_x2_y", "executorch", "sr.pte", size=(48, 48))
        >>> found = verify("sr_x2_y", [made.path])
        >>> found.passed, [row.step for row in found.rows]
        (True, ['torch', 'fused', 'sr.pte'])
        >>> found.rows[-1].psnr_db > 100
        True
    """
    loaded = replace(as_loaded(model, example), keeps_branches=keep_branches)
    if normalization is not None:
        loaded = replace(loaded, normalization=normalization)
    with tempfile.TemporaryDirectory() as folder:
        return check_parity(
            loaded,
            [Path(artifact) for artifact in artifacts],
            precision,
            Path(folder),
            None if pictures is None else Path(pictures),
            None if calibration is None else Path(calibration),
            scheme if scheme is None or isinstance(scheme, Scheme) else read_scheme(scheme),
            gate,
            layers,
            target,
            soc,
            cpu,
        )
