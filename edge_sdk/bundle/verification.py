"""Whether a bundle computes what was packed: every graph, in every runtime that is here."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_sdk.bundle.burst_checks import BurstCheck, check_burst
from edge_sdk.bundle.burst_vectors import read_bursts
from edge_sdk.bundle.manifest import GraphEntry, Variant
from edge_sdk.bundle.names import BURSTS
from edge_sdk.bundle.reading import Bundle
from edge_sdk.bundle.stage_record import as_torch
from edge_sdk.bundle.zooming import open_stages
from edge_sdk.emulate.runtimes.names import RUNTIMES
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.emulate.runtimes.runner import Runner
from edge_sdk.errors import ArtifactError, BundleError, InputError, MissingExtraError
from edge_sdk.targets import find_converter, runs_here


@dataclass(frozen=True)
class GraphCheck:
    """How one graph did on its golden vector.

    Attributes:
        variant: target and precision.
        stage: what it computes.
        runtime: what ran it, with its version; empty where nothing here does.
        snr_db: signal over noise; NaN where nothing ran it.
        gate_db: what it must reach.
        milliseconds: of one run, after one before it; NaN in an emulator of a processor.
        missing: why it was not run; empty if it was.
        proves: what agreement in that runtime says of a device.
        left: operators that the runtime's delegate left to the processor, one name per occurrence.

    Example:
        >>> from edge_sdk.bundle import GraphCheck
        >>> GraphCheck("tflite int8", "decode", "LiteRT 2.3.0", 47.5, 30, 4.2).passed
        True
    """

    variant: str
    stage: str
    runtime: str
    snr_db: float
    gate_db: int
    milliseconds: float
    missing: str = ""
    proves: str = ""
    left: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it reached its gate; what nothing here runs counts as not refuted."""
        return bool(self.missing) or self.snr_db >= self.gate_db


@dataclass(frozen=True)
class BundleCheck:
    """How all graphs did.

    Attributes:
        rows: one for each graph of each variant.
        bursts: of a bundle for burst zoom, the golden bursts by the driver of the SDK: all of them
            by the first variant that runs here, the first by each other.

    Example:
        >>> from edge_sdk.bundle import BundleCheck, GraphCheck
        >>> BundleCheck((GraphCheck("tflite fp32", "model", "here", 12.0, 80, 1.0),)).passed
        False
    """

    rows: tuple[GraphCheck, ...]
    bursts: tuple[BurstCheck, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no graph missed its gate, and one ran at least."""
        ran = any(not row.missing for row in self.rows)
        graphs = all(row.passed for row in self.rows)
        return ran and graphs and all(burst.passed for burst in self.bursts)


def verify_bundle(bundle: Bundle) -> BundleCheck:
    """Run every graph of a bundle on its golden vector.

    Args:
        bundle: as :func:`~edge_sdk.bundle.reading.open_bundle` gives it.

    Raises:
        BundleError: if a graph cannot be opened, or takes or gives something else than it says.

    Example:
        >>> from edge_sdk.bundle import PackOptions, Wanted, open_bundle, pack, verify_bundle
        >>> from edge_sdk.zoo import load_any
        >>> options = PackOptions((Wanted("tflite", "fp32"),), "web")
        >>> packed = pack(load_any("sr_x2_y").resized(48, 48), "sr.zip", options)
        >>> [(row.stage, row.passed) for row in verify_bundle(open_bundle("sr.zip")).rows]
        [('model', True)]
    """
    seen: dict[tuple[str, GraphEntry], GraphCheck] = {}
    rows = []
    with bundle.unpacked() as folder:
        for variant in bundle.manifest.variants:
            for graph in variant.graphs:
                key = (variant.target, graph)
                if key not in seen:
                    seen[key] = _checked(bundle, variant, graph, folder)
                rows.append(replace(seen[key], variant=variant.name))
        bursts = tuple(_bursts(bundle, folder))
    return BundleCheck(tuple(rows), bursts)


def _bursts(bundle: Bundle, folder: Path) -> Iterator[BurstCheck]:
    if bundle.manifest.burst is None:
        return
    vectors = read_bursts(bundle.read(BURSTS), BURSTS)
    first = True
    for variant in bundle.manifest.variants:
        try:
            stages = open_stages(bundle, variant, folder)
        except (MissingExtraError, InputError):
            continue
        for vector in vectors if first else vectors[:1]:
            yield check_burst(vector, stages, variant)
        first = False


def _checked(bundle: Bundle, variant: Variant, graph: GraphEntry, folder: Path) -> GraphCheck:
    empty = GraphCheck(variant.name, graph.stage, "", float("nan"), graph.gate_db, 0.0)
    try:
        if not runs_here(find_converter(variant.target)):
            return replace(empty, missing=f"nothing on this machine runs {variant.target}")
        runner = open_artifact(folder / graph.file)
        _check_ends(runner, graph)
        vector = bundle.golden[graph.golden]
        taken = vector.drawn()
        made, milliseconds = _timed(runner, graph, taken)
        snr_db = vector.snr_db(made)
    except (MissingExtraError, InputError) as error:
        return replace(empty, missing=str(error))
    except (ArtifactError, BundleError) as error:
        text = str(error).replace(f"{folder}/", "")
        where = "" if graph.file in text else f"{graph.file} "
        raise BundleError(f"{bundle.path}: {where}{text}; pack the bundle anew") from error
    return replace(
        empty,
        runtime=runner.info.runtime,
        snr_db=snr_db,
        milliseconds=milliseconds,
        proves=runner.info.proves,
        left=() if runner.delegation is None else runner.delegation.undelegated,
    )


def _timed(
    runner: Runner, graph: GraphEntry, taken: NDArray[np.float32]
) -> tuple[NDArray[np.float32], float]:
    """What a graph makes of its input, and in how many milliseconds; an emulator is not timed."""
    made = _run(runner, graph, taken)
    known = RUNTIMES.get(runner.info.name)
    if known is not None and known.emulates:
        return made, math.nan
    started = time.perf_counter()
    made = _run(runner, graph, taken)
    return made, 1000 * (time.perf_counter() - started)


def _check_ends(runner: Runner, graph: GraphEntry) -> None:
    """Hold what the manifest says of the ends of a graph against the file.

    Raises:
        BundleError: if the file takes or gives something else.
    """
    for tensor, shapes in (
        (graph.input, runner.input_shapes),
        (graph.output, runner.output_shapes),
    ):
        found = {name: tuple(shape) for name, shape in shapes.items()}
        if found != {tensor.name: as_torch(tensor.shape, tensor.layout)}:
            raise BundleError(f"has not the end {tensor.name} that the manifest says")
        scale, zero_point = runner.steps.get(tensor.name, (0.0, 0))
        said = float(tensor.scale) if tensor.scale else 0.0
        if tensor.dtype.startswith("float"):
            said = scale
        if abs(said - scale) > 1e-6 * scale or (scale and tensor.zero_point != zero_point):
            raise BundleError(f"has other steps of {tensor.name} than the manifest says")


def _run(runner: Runner, graph: GraphEntry, taken: NDArray[np.float32]) -> NDArray[np.float32]:
    (made, *_) = runner.run({graph.input.name: taken}).values()
    found: NDArray[np.float32] = np.asarray(made, np.float32)
    return found
