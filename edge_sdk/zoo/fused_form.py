"""The merged form that ships beside a model: its weights, and the certificate that they equal.

``fused.safetensors`` holds what :func:`~edge_sdk.reparam.fuse` makes of ``model.safetensors``, and
``certificate.json`` what it proved then, with the SHA-256 of both files. Whoever uses a shipped
model reads these, after their digests were checked, so that nothing is merged or proved again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from edge_sdk.errors import ModelError
from edge_sdk.models.checkpoint import load_checkpoint
from edge_sdk.models.network import Network
from edge_sdk.reparam.proof.certificate import Certificate
from edge_sdk.zoo.catalogue import model_path

FUSED_FILE = "fused.safetensors"
CERTIFICATE_FILE = "certificate.json"
VERSION = 1
REMEDY = "install edge-sdk again, or in its source tree run `make merged`"


@dataclass(frozen=True)
class CertificateFile:
    """What ``certificate.json`` holds.

    Attributes:
        version: of this form of file.
        model_sha256: digest of the weights with branches, 64 hexadecimal digits.
        fused_sha256: digest of the merged weights.
        made_with: versions of the packages that merged and compared, by name.
        example: shape of the input that both were compared on.
        certificate: what was found.
    """

    version: int
    model_sha256: str
    fused_sha256: str
    made_with: dict[str, str]
    example: tuple[int, ...]
    certificate: Certificate


@dataclass(frozen=True, eq=False)
class FusedForm:
    """A shipped model, merged.

    Attributes:
        network: the merged network in evaluation mode.
        certificate: proof that it equals the one with branches.
        example: shape of the input that the certificate is about.

    Example:
        >>> from edge_sdk.zoo import load_fused
        >>> form = load_fused("sr_x2_y")
        >>> form.example, len(form.certificate.regions)
        ((1, 1, 32, 32), 6)
    """

    network: Network
    certificate: Certificate
    example: tuple[int, ...]


def load_fused(name: str) -> FusedForm:
    """Read the merged form of a shipped model.

    Args:
        name: of the model.

    Raises:
        ModelError: if no shipped model has that name; or a file of it is missing or damaged, or is
            not the one that the certificate is about.

    Example:
        >>> from edge_sdk.zoo import load_fused
        >>> form = load_fused("sr_x2_y")
        >>> form.network.has_branches, form.certificate.error_float64 < 1e-11
        (False, True)
    """
    model = model_path(name)
    fused, certificate = model.with_name(FUSED_FILE), model.with_name(CERTIFICATE_FILE)
    stored = _read_certificate(certificate)
    if digest_of(model) != stored.model_sha256:
        raise ModelError(f"{certificate}: is about other weights than {model}; {REMEDY}")
    if digest_of(fused) != stored.fused_sha256:
        raise ModelError(f"{fused}: is not the file that {certificate} is about; {REMEDY}")
    return FusedForm(load_checkpoint(fused).model, stored.certificate, stored.example)


def digest_of(path: Path) -> str:
    """SHA-256 of a file of a shipped model, 64 hexadecimal digits.

    Raises:
        ModelError: if it cannot be read.
    """
    return hashlib.sha256(_contents(path)).hexdigest()


@cache
def certificate_files() -> TypeAdapter[CertificateFile]:
    """What reads and writes a :class:`CertificateFile` as JSON."""
    return TypeAdapter(CertificateFile)


def _read_certificate(path: Path) -> CertificateFile:
    try:
        stored = certificate_files().validate_json(_contents(path))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ModelError(f"{path}: {key}: {first['msg']}; {REMEDY}") from error
    if stored.version != VERSION:
        raise ModelError(f"{path}: file version {stored.version} is not {VERSION}; {REMEDY}")
    return stored


def _contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); {REMEDY}") from error
