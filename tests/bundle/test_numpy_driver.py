"""The driver in plain NumPy zooms from a bundle alone, as the golden bursts say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edge_sdk.bundle import open_bundle
from edge_sdk.bundle.burst_vectors import StepValues, read_bursts
from edge_sdk.bundle.generator import positions
from edge_sdk.emulate.runtimes.opening import open_artifact
from examples.driver_numpy.stages import Driver
from examples.driver_numpy.zoom import zoom
from tests.needs import needs


def snr_db(known: StepValues, found: np.ndarray) -> float:
    assert tuple(found.shape) == known.shape
    values = found.reshape(-1)[positions(17, len(known.values), found.size)].astype(np.float64)
    error = np.square(values - known.values).sum()
    return float(10 * np.log10(np.square(known.values).sum() / max(error, 1e-30)))


@needs("tflite")
@pytest.mark.slow
def test_every_golden_burst(shipped: Path) -> None:
    bundle = open_bundle(shipped)
    driver = Driver.of(json.loads(bundle.read("driver.json")))
    (variant,) = bundle.manifest.variants
    with bundle.unpacked() as folder:
        runners = {graph.stage: open_artifact(folder / graph.file) for graph in variant.graphs}

        def run(stage: str, packed: np.ndarray) -> np.ndarray:
            runner = runners[stage]
            (name,) = runner.input_shapes
            (made,) = runner.run({name: packed}).values()
            return np.asarray(made)

        for vector in read_bursts(bundle.read("bursts.json"), "bursts.json"):
            found = zoom(list(vector.burst.drawn()), driver, run)
            assert found.burst.reference == vector.reference, vector.burst.name
            used = tuple(sorted((found.burst.reference, *found.burst.matrices)))
            assert used == vector.used, vector.burst.name
            assert int(found.hot.sum()) == vector.hot
            assert abs(found.lens_px - vector.lens_px) < 1e-3
            picture = found.pixels.transpose(2, 0, 1)
            assert snr_db(vector.picture, picture) > 80, vector.burst.name
            for index, motion in enumerate(vector.motions):
                if motion and index in vector.used:
                    matrix = found.burst.found[index].matrix
                    expected = np.array(motion).reshape(3, 3)
                    assert np.abs(matrix[:2, 2] - expected[:2, 2]).max() < 1e-3


@needs("tflite")
@pytest.mark.slow
def test_the_zip_is_small_enough_for_an_app(shipped: Path) -> None:
    assert shipped.stat().st_size < 1_500_000
