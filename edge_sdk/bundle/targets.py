"""Which targets a bundle for a platform holds, and the least versions that they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata

from edge_sdk.deploy.preparation import INT8
from edge_sdk.devices.profile import PLATFORMS
from edge_sdk.errors import InputError
from edge_sdk.targets import check_converts, find_converter, targets_of
from edge_sdk.zoo.catalogue import load_int8, model_names, resolve_checkpoint
from edge_sdk.zoo.loading import LoadedModel


@dataclass(frozen=True)
class Wanted:
    """A target in a precision.

    Attributes:
        target: name of a converter.
        precision: of the network.

    Example:
        >>> from edge_sdk.bundle import Wanted
        >>> Wanted("coreml", "fp16").precision
        'fp16'
    """

    target: str
    precision: str


DEFAULTS: dict[str, tuple[Wanted, ...]] = {
    "android": (
        Wanted("tflite", "fp32"),
        Wanted("tflite", "int8"),
        Wanted("executorch", "fp32"),
        Wanted("executorch", "int8"),
    ),
    "ios": (Wanted("coreml", "fp16"), Wanted("coreml", "int8")),
    "web": (Wanted("tflite", "fp32"), Wanted("tflite", "int8")),
}
"""What a bundle for a platform holds, the preferred first."""
FORMATS = {"android": ("tflite", "executorch"), "ios": ("coreml", "executorch"), "web": ("tflite",)}
"""Kinds of files that a platform runs."""


def wanted_for(
    platform: str | None, targets: tuple[str, ...], precisions: tuple[str, ...]
) -> tuple[Wanted, ...]:
    """Targets and precisions of a bundle.

    Args:
        platform: one of :data:`PLATFORMS`, or ``None`` for any.
        targets: converters; empty for those of the platform.
        precisions: of the network; empty for those of the platform, or each target's first.

    Raises:
        InputError: if the platform, a target or a precision is unknown, or does not fit.

    Example:
        >>> from edge_sdk.bundle.targets import wanted_for
        >>> wanted_for("web", (), ("int8",))
        (Wanted(target='tflite', precision='int8'),)
    """
    if platform is not None and platform not in PLATFORMS:
        raise InputError(f"unknown platform '{platform}'; choose one of: {', '.join(PLATFORMS)}")
    usual = DEFAULTS.get(platform or "", ())
    if not targets and platform is None:
        targets = ("tflite", "executorch", "coreml")
    chosen = targets or tuple(dict.fromkeys(each.target for each in usual))
    found: list[Wanted] = []
    for target in chosen:
        converter = find_converter(target)
        check_converts(converter)
        form = targets_of(converter)[0].format
        if platform is not None and form not in FORMATS[platform]:
            raise InputError(
                f"{platform} runs no files of target '{target}'; choose one of: "
                f"{', '.join(FORMATS[platform])}, or leave --for out"
            )
        own = tuple(each.precision for each in usual if each.target == target)
        asked = precisions or own or converter.precisions[:1]
        missing = [each for each in asked if each not in converter.precisions]
        if missing and targets:
            raise InputError(
                f"target '{target}' has no precision '{missing[0]}'; choose one of: "
                + ", ".join(converter.precisions)
            )
        found += [Wanted(target, each) for each in asked if each in converter.precisions]
    if not found:
        raise InputError(f"no target for {platform} has precision {', '.join(precisions)}")
    return tuple(found)


def usable(
    loaded: LoadedModel, wanted: tuple[Wanted, ...]
) -> tuple[tuple[Wanted, ...], tuple[Wanted, ...]]:
    """Which of the wanted a model has codes for, and which it has not.

    Raises:
        InputError: if it has them for none.
    """
    if not any(each.precision in INT8 for each in wanted) or _has_int8(loaded):
        return wanted, ()
    fine = tuple(each for each in wanted if each.precision not in INT8)
    if not fine:
        raise InputError(
            f"{loaded.name} has no int8 ranges; add them by `edge-sdk quantize`, or choose another "
            "--precision"
        )
    return fine, tuple(each for each in wanted if each.precision in INT8)


def _has_int8(loaded: LoadedModel) -> bool:
    if loaded.name in model_names():
        return load_int8(loaded.name) is not None
    if not loaded.name.endswith(".safetensors"):
        return False
    return resolve_checkpoint(loaded.name).scheme is not None


def minimum_versions(wanted: Wanted) -> dict[str, str]:
    """Least versions of systems and runtimes that run a target in a precision, by name.

    Those of Core ML are what the files ask for. ExecuTorch and LiteRT run files of their own
    version and of older ones: the least known to run them is what wrote or ran them here.
    """
    form = targets_of(find_converter(wanted.target))[0].format
    if form == "coreml":
        coded = wanted.precision in (*INT8, "w8")
        return {"ios": "17.0", "coreml": "8"} if coded else {"ios": "16.0", "coreml": "7"}
    if form == "coreai":
        return {"ios": "27.0"}
    names = {"executorch": ("executorch", "executorch"), "tflite": ("litert", "ai-edge-litert")}
    name, package = names.get(form, (form, ""))
    return {name: metadata.version(package)} if package else {}
