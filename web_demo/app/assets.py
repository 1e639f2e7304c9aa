"""What the page is built with beside its code: a sample burst, and the list of its bundles.

Run after the bundles are packed: ``python assets.py public``. Writes ``sample/`` with the frames of
a simulated hand-held burst of the photograph that ``edge-sdk demo`` takes, ``sample/index.json``
with their names, and ``bundles/index.json`` from the manifests of all bundles that lie there.
Beside the folder, in ``.truth/``, goes what a camera without noise sees, for tests.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from pathlib import Path

FRAMES = 10
NOISE_LEVELS = 8.0


def write_sample(folder: Path, truth: Path) -> None:
    """Take the burst of ``edge-sdk demo`` and write it as PNG."""
    from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
    from edge_sdk.data.probes.examples import example_photo
    from edge_sdk.imaging import Picture, write_picture

    camera = CameraConfig(frames=FRAMES, noise_std=NOISE_LEVELS / 255, seed=0)
    burst = simulate_burst(example_photo("coffee"), camera)
    folder.mkdir(parents=True, exist_ok=True)
    truth.mkdir(parents=True, exist_ok=True)
    names = [f"coffee-{index + 1:02}.png" for index in range(FRAMES)]
    for index, name in enumerate(names):
        write_picture(Picture(burst.frames[index]), folder / name)
        write_picture(Picture(burst.truth(index)), truth / name)
    (folder / "index.json").write_text(json.dumps(names))


def write_catalog(folder: Path) -> None:
    """List the bundles by what their manifests say: bursts first, then by name."""
    entries = []
    for path in folder.glob("*.zip"):
        content = path.read_bytes()
        with zipfile.ZipFile(path) as bundle:
            manifest = json.loads(bundle.read("manifest.json"))
        entries.append(
            {
                "file": path.name,
                "name": manifest["name"],
                "kind": "burst" if "burst" in manifest else "single",
                "task": manifest["task"],
                "scale": manifest["picture"]["scale"],
                "precisions": [variant["precision"] for variant in manifest["variants"]],
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )
    entries.sort(key=lambda entry: (entry["kind"], entry["name"]))
    (folder / "index.json").write_text(json.dumps(entries, indent=1))


if __name__ == "__main__":
    public = Path(sys.argv[1])
    write_sample(public / "sample", public.parent / ".truth")
    write_catalog(public / "bundles")
