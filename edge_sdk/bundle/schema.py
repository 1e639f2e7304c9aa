"""The manifest as JSON Schema, for loaders that check by one.

``python -m edge_sdk.bundle.schema`` prints it; docs/reference/bundle.schema.json is what it prints.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from edge_sdk.bundle.manifest import FORMAT, MAJOR, BundleManifest


def manifest_schema() -> dict[str, Any]:
    """JSON Schema of ``manifest.json``.

    It says which keys there are and of what type; that files are listed, stages fit and the form is
    canonical only a reader can tell.

    Example:
        >>> from edge_sdk.bundle.schema import manifest_schema
        >>> manifest_schema()["properties"]["format"]["const"]
        'edge-sdk bundle'
    """
    from pydantic import TypeAdapter

    schema = TypeAdapter(BundleManifest).json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["properties"]["format"]["const"] = FORMAT
    schema["properties"]["major"]["const"] = MAJOR
    return schema


if __name__ == "__main__":
    sys.stdout.write(json.dumps(manifest_schema(), indent=1) + "\n")
