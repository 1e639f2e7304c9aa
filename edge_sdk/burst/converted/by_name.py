"""Which network a zoom takes, in PyTorch or as converted stages, which are kept for the next."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path

from platformdirs import user_cache_path
from torch import nn

import edge_sdk
from edge_sdk.burst.converted.fitting import network_scale
from edge_sdk.burst.converted.graphs import StageSizes
from edge_sdk.burst.converted.running import StageFiles
from edge_sdk.burst.converted.writing import write_stages
from edge_sdk.deploy.preparation import Prepared, prepare
from edge_sdk.emulate.runtimes.names import RUNTIMES, TORCH, runtime_name
from edge_sdk.errors import ArtifactError, InputError, OutputError
from edge_sdk.progress import Progress
from edge_sdk.targets import LoweringReport, find_converter
from edge_sdk.zoo.catalogue import model_names, resolve_checkpoint
from edge_sdk.zoo.loading import load_any
from edge_sdk.zoo.networks import burst_network, zooms_bursts

DEFAULT_MODEL = "burst_zoom_x2"
"""The shipped network for converted stages, whatever the scale."""
NO_MODEL = "none"

PACKAGES = (
    "torch",
    "torchao",
    "executorch",
    "coremltools",
    "tensorflow",
    "tensorflow-cpu",
    "litert-torch",
    "ai-edge-litert",
    "onnxruntime-qnn",
    "coreai-core",
    "coreai-torch",
    "coreai-opt",
)
"""Distributions that converters work with, where they are installed."""


@dataclass(frozen=True, eq=False)
class ZoomNetwork:
    """What a zoom is computed with.

    Attributes:
        network: as :func:`~edge_sdk.burst.pipeline.zoom` takes it.
        scale: what it enlarges by; the result is brought to another scale that was requested.
        name: for people: the model and what runs it.
    """

    network: nn.Module | StageFiles | None
    scale: int
    name: str


def zoom_network(
    model: str | None,
    scale: int,
    runtime: str = TORCH,
    precision: str | None = None,
    stages: Path | StageFiles | None = None,
    on_progress: Progress | None = None,
) -> ZoomNetwork:
    """Find what a user requests.

    Args:
        model: name or file of a network, ``none``, or ``None`` for the default: the shipped network
            that enlarges by ``scale``, where there is one, else none.
        scale: enlargement requested.
        runtime: a name in :data:`~edge_sdk.emulate.runtimes.names.RUNTIMES`; in others than
            ``torch`` converted stages run, which are kept in the user's cache.
        precision: of the converted network; ``None`` for fp32.
        stages: folder of stages that were converted before, or such stages opened; ``model`` and
            ``runtime`` are theirs.
        on_progress: called before each stage that is converted, and when all are done.

    Raises:
        InputError: if names are unknown or do not fit each other.
        ModelError: if there is no such model.
        ArtifactError: if the stages are damaged.
        ConversionError: if they cannot be converted.
    """
    runtime = runtime_name(runtime)
    if stages is not None:
        if model is not None or runtime != TORCH or precision is not None:
            raise InputError("--stages brings model, runtime and precision; leave those out")
        opened = StageFiles.of(stages) if isinstance(stages, Path) else stages
        return ZoomNetwork(opened, opened.scale, _stage_name(opened))
    if runtime == TORCH and precision is not None:
        raise InputError(f"--precision is for a --runtime other than {TORCH}; leave it out")
    if model is None:
        model = shipped_network(scale) or (NO_MODEL if runtime == TORCH else DEFAULT_MODEL)
    if runtime != TORCH:
        return _converted(model, runtime, precision, on_progress)
    if model == NO_MODEL:
        return ZoomNetwork(None, scale, "no network")
    network = burst_network(model, scale)
    return ZoomNetwork(network, network_scale(network), f"{model}, PyTorch")


def shipped_network(scale: int) -> str | None:
    """Name of the network for bursts that ships for a scale.

    Example:
        >>> from edge_sdk.burst.converted.by_name import shipped_network
        >>> shipped_network(3), shipped_network(4)
        ('burst_zoom_x3', None)
    """
    name = f"burst_zoom_x{scale}"
    return name if name in model_names() else None


def _converted(
    model: str, runtime: str, precision: str | None, on_progress: Progress | None
) -> ZoomNetwork:
    if model == NO_MODEL or not zooms_bursts(model):
        raise InputError(
            f"--runtime {runtime} runs a network for burst zoom, such as {DEFAULT_MODEL}; name one "
            "by --model, or leave --runtime out"
        )
    precision, target = precision or "fp32", RUNTIMES.find(runtime).target
    if target is None:
        raise InputError(f"nothing converts for --runtime {runtime}; choose another")
    folder = user_cache_path("edge-sdk") / "stages" / _key(model, target, precision)
    opened = _opened(folder, runtime)
    if opened is None:
        with _alone(folder):
            # Another process may have converted them meanwhile.
            opened = _opened(folder, runtime)
            if opened is None:
                with _temporary_sibling(folder) as made:
                    convert_stages(model, target, precision, made, on_progress)
                    opened = _moved(made, folder, runtime)
    return ZoomNetwork(opened, opened.scale, _stage_name(opened))


def convert_stages(
    model: str,
    target: str,
    precision: str,
    folder: Path,
    on_progress: Progress | None = None,
    sizes: StageSizes | None = None,
    soc: str | None = None,
) -> dict[str, LoweringReport]:
    """Convert the stages of a network by name; as :func:`write_stages`, fused and in codes.

    Returns:
        The report of each stage.
    """
    loaded = load_any(model)

    def prepared(side: int) -> Prepared:
        sized = loaded.resized(side, side)
        return prepare(sized, sized.single_example, precision)

    return write_stages(loaded, prepared, target, precision, folder, on_progress, sizes, soc)


def _stage_name(stages: StageFiles) -> str:
    manifest = stages.manifest
    return f"{manifest.model}, {stages.runtime}, {manifest.precision}"


def _opened(folder: Path, runtime: str) -> StageFiles | None:
    """Stages that were kept; ``None`` where there are none, or they are no longer whole."""
    try:
        return StageFiles.of(folder, runtime)
    except ArtifactError:
        return None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process fills a folder of the cache, and keep others out."""
    from filelock import FileLock

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_name(f"{folder.name}.lock")).acquire()
    except OSError as error:
        raise OutputError(f"{folder}: cannot be created ({error.strerror or error})") from error
    with lock:
        yield


@contextmanager
def _temporary_sibling(folder: Path) -> Iterator[Path]:
    """A new folder beside another; removed if it is left."""
    try:
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise OutputError(f"{folder}: cannot be created ({error.strerror})") from error
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _moved(made: Path, folder: Path, runtime: str) -> StageFiles:
    """Rename new stages into their place, where at most damaged ones are."""
    try:
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from error
    return StageFiles.of(folder, runtime)


def _key(model: str, target: str, precision: str) -> str:
    """What the files depend on: weights, our sources, the converter's, versions of packages."""
    total = hashlib.sha256(f"{edge_sdk.__version__} {target} {precision}".encode())
    weights = resolve_checkpoint(model).path
    for path in (weights, weights.with_name("int8.safetensors")):
        if path.is_file():
            total.update(path.read_bytes())
    converter = type(find_converter(target)).__module__.partition(".")[0]
    for package in (edge_sdk.__name__, converter):
        for root in import_module(package).__path__:
            for path in sorted(Path(root).rglob("*.py")):
                total.update(path.read_bytes())
    for package in PACKAGES:
        total.update(f"{package} {_version(package)}\n".encode())
    return f"{Path(model).stem}-{target}-{precision}-{total.hexdigest()[:12]}"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"
