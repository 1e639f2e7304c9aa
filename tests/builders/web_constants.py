"""The constants of the driver as the one for browsers has them: read, and written anew.

``python -m tests.builders.web_constants`` writes them, and ``npx biome format --write`` in
``web_demo`` lays them out.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from edge_sdk.bundle.driver_constants import CONSTANTS, driver_constants

PATH = Path(__file__).parents[2] / "web_demo/driver/src/bundle/contract_constants.ts"
_HEAD = """/**
 * The constants of the contract by module, as the SDK has them: a bundle's are held against them.
 *
 * Written by `python -m tests.builders.web_constants`, and held to the SDK by its tests. What
 * computes takes them from the bundle.
 */
export const CONTRACT = """
_MODULE = re.compile(r'"([\w.]+)": \{(.*?)\}', re.DOTALL)
_VALUE = re.compile(r"(\w+): (\[.*?\]|[^\s,\[\]]+)", re.DOTALL)


def read() -> dict[str, dict[str, float | list[float]]]:
    """By module, each constant's value."""
    text = PATH.read_text(encoding="utf-8").split("export const CONTRACT", 1)[1]
    return {
        module: {
            name: json.loads(re.sub(r",\s*\]", "]", value)) for name, value in _VALUE.findall(body)
        }
        for module, body in _MODULE.findall(text)
    }


def main() -> None:
    """Write the file."""
    values = driver_constants()
    by_module = {
        module: {name: values[f"{module}.{name}"] for name in names}
        for module, names in CONSTANTS.items()
    }
    PATH.write_text(f"{_HEAD}{json.dumps(by_module)} as const;\n", encoding="utf-8")


if __name__ == "__main__":
    main()
