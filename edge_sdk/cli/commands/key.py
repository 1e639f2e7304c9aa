"""Command ``key``: a pair of keys to sign bundles with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_sdk.cli.shared.console import out, print_json


def key(
    output: Annotated[
        Path, typer.Argument(help="Private key to write; its public half goes beside it.")
    ] = Path("key.pem"),
    as_json: Annotated[bool, typer.Option("--json", help="Print both paths as JSON.")] = False,
) -> None:
    """Make a pair of keys to sign bundles with, and to check them by.

    The private key stays with whoever packs; the public one goes into the app. Both are PEM of
    ECDSA over P-256, as openssl makes them; a file that is there is not replaced.

    Example: edge-sdk key key.pem
    """
    from edge_sdk.bundle.signature import make_keys

    public = make_keys(output)
    if as_json:
        print_json({"private": output, "public": public})
        return
    out.print(f"wrote {output} (private: keep it to yourself) and {public} (for the app)")
