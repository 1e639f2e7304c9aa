"""Makes the merged forms of all shipped models: ``python -m edge_sdk.zoo.fused_form_writing``.

It is run where weights with branches were trained again; both files of a form go into the source
tree together.
"""

from __future__ import annotations

import sys

import torch

import edge_sdk
from edge_sdk.errors import FusionError
from edge_sdk.models.checkpoint import save_checkpoint
from edge_sdk.models.network import Network
from edge_sdk.outputs import replacing
from edge_sdk.zoo.catalogue import load_model, model_names, model_path
from edge_sdk.zoo.fused_form import (
    CERTIFICATE_FILE,
    FUSED_FILE,
    VERSION,
    CertificateFile,
    certificate_files,
    digest_of,
)
from edge_sdk.zoo.networks import example_input, merged


def write_fused(name: str) -> CertificateFile:
    """Merge a shipped model, prove the result equal and write both files of its merged form.

    The models are compared on one thread, since the float32 figure depends on their number.

    Raises:
        ModelError: if no shipped model has that name, or its file is damaged.
        FusionError: if the two are not equal, or the merged one is of no architecture.
        OutputError: if a file cannot be written.
    """
    network = load_model(name)
    example = example_input(network)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        fused, certificate = merged(network, (example,))
    finally:
        torch.set_num_threads(threads)
    if not isinstance(fused, Network):
        raise FusionError(f"{name} merged beyond its blocks, so it has no file form")
    model = model_path(name)
    path = model.with_name(FUSED_FILE)
    save_checkpoint(fused, path)
    made = CertificateFile(
        version=VERSION,
        model_sha256=digest_of(model),
        fused_sha256=digest_of(path),
        made_with={"edge-sdk": edge_sdk.__version__, "torch": torch.__version__},
        example=tuple(example.shape),
        certificate=certificate,
    )
    with replacing(model.with_name(CERTIFICATE_FILE)) as temporary:
        temporary.write_bytes(certificate_files().dump_json(made, indent=1) + b"\n")
    return made


def main() -> None:
    """Write the merged form of every shipped model."""
    for name in model_names():
        error = write_fused(name).certificate.error_float64
        sys.stdout.write(f"{name}: merged, largest error {error:.1e} of the RMS output\n")


if __name__ == "__main__":
    main()
