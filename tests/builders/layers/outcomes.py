"""What becomes of layers in a target: right, refused, or written wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_sdk.emulate.parity.agreement import artifact_results, run_torch
from edge_sdk.emulate.parity.differences import differences
from edge_sdk.emulate.parity.gates import GATES_DB
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.errors import ArtifactError, EdgeSdkError
from edge_sdk.targets import find_converter
from tests.builders.conversion_nets import picture, seeded
from tests.builders.layers.fan import Fan, Layer


@dataclass(frozen=True)
class Outcome:
    """What became of a layer.

    Attributes:
        kind: ``right``, ``refused`` (no file), or ``wrong`` (a file that computes something else,
            or that its runtime cannot run).
        db: agreement with PyTorch where a file ran, from the layer's largest value.
        why: why there is no file, or why it does not run; or by what else than the target's own
            converter it was made.
    """

    kind: str
    db: float | None = None
    why: str = ""


FEW = 12
"""Layers that are faster tried one by one than in halves."""


def outcomes(layers: Mapping[str, Layer], target: str, folder: Path) -> dict[str, Outcome]:
    """Convert layers, as many in one file as the target takes, and compare each with PyTorch."""
    if not layers:
        return {}
    model = seeded(lambda: Fan(dict(layers)))
    converter = find_converter(target)
    path = folder / f"layers{converter.suffix}"
    probes = [picture(1, 4, 12, 10), picture(1, 4, 12, 10, seed=2)]
    fallback = None
    try:
        report = converter.convert(model, probes[0], path, "fp32")
        fallback = report.fallback
        if fallback is not None and len(layers) > 1:
            return _halves(layers, target, folder, fallback)
    except EdgeSdkError as error:
        if len(layers) > 1:
            return _halves(layers, target, folder, str(error))
        return {name: Outcome("refused", why=str(error)) for name in layers}
    try:
        results = artifact_results(open_artifact(path), probes, path)
    except ArtifactError as error:
        if len(layers) > 1:
            return _halves(layers, target, folder, "")
        return {name: Outcome("wrong", why=str(error)) for name in layers}
    expected = run_torch(model, probes)
    found = {}
    for index, name in enumerate(layers):
        ends = [[[arrays[index]] for arrays in side] for side in (expected, results)]
        peak = max(float(abs(array[0]).max()) for array in ends[0])
        db = differences(ends[0], ends[1], [peak], clip=False).psnr_db
        kind = "right" if db >= GATES_DB["fp32"] else "wrong"
        found[name] = Outcome(kind, db, fallback or "")
    return found


def _halves(
    layers: Mapping[str, Layer], target: str, folder: Path, reason: str
) -> dict[str, Outcome]:
    """Try again without the layer that the reason names; if it names none, each of few alone."""
    names = list(layers)
    named = [name for name in re.findall(r"layers\.(\w+)", reason) if name in layers]
    cut = len(names) // 2
    parts = [names[:cut], names[cut:]] if len(names) > FEW else [[name] for name in names]
    if named:
        parts = [named[:1], [name for name in names if name != named[0]]]
    found = {}
    for part in parts:
        found.update(outcomes({name: layers[name] for name in part}, target, folder))
    return {name: found[name] for name in layers}
