"""Packing: the same bytes twice, whole or not at all, and what the stages of a bundle zoom."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_sdk.bundle import PackOptions, Wanted, open_bundle, pack, packing, verify_bundle
from edge_sdk.bundle.building import build
from edge_sdk.bundle.verification import BundleCheck, GraphCheck
from edge_sdk.bundle.zooming import choose_variant, open_stages
from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.burst.converted.by_name import zoom_network
from edge_sdk.data.camera.config import CameraConfig
from edge_sdk.data.camera.simulation import simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.errors import BundleError, EdgeSdkError, InputError, OutputError
from edge_sdk.imaging import psnr
from edge_sdk.zoo.loading import load_any
from tests.builders.bundle_corpus import key, public_key
from tests.builders.bundles import small, written
from tests.builders.burst_networks import BUNDLE_SIZES
from tests.needs import each_needing, needs

OPTIONS = PackOptions((Wanted("tflite", "fp32"),), "android", sizes=BUNDLE_SIZES)


@needs("tflite")
@pytest.mark.slow
def test_a_bundle_zooms_as_pytorch_does(packed: Path) -> None:
    burst = simulate_burst(example_photo("coffee")[:, :150, :190], CameraConfig(frames=3))
    expected = zoom(burst.frames, zoom_network(str(packed / "small.safetensors"), 2).network)
    bundle = open_bundle(packed / "small.zip", public_key())
    with bundle.unpacked() as folder:
        stages = open_stages(bundle, choose_variant(bundle.manifest), folder)
        found = zoom(burst.frames, stages, ZoomConfig())
    assert found.reference == expected.reference
    assert found.used == expected.used == 3
    assert psnr(found.pixels, expected.pixels) > 80


@needs("tflite")
@pytest.mark.slow
def test_the_same_bytes_twice_and_every_graph_passes(packed: Path, tmp_path: Path) -> None:
    again = pack(load_any(str(packed / "small.safetensors")), tmp_path / "b.zip", OPTIONS, key())
    digests = {
        hashlib.sha256(path.read_bytes()).digest() for path in (packed / "small.zip", again.path)
    }
    assert len(digests) == 1
    assert again.check.passed
    assert {row.stage for row in again.check.rows} == {
        graph.stage for variant in again.manifest.variants for graph in variant.graphs
    }
    golden = next(entry for entry in again.manifest.files if entry.name == "golden.json")
    assert golden.size < 200_000


@needs("tflite")
@pytest.mark.slow
def test_a_graph_that_computes_something_else_is_told(packed: Path, tmp_path: Path) -> None:
    bundle = open_bundle(packed / "small.zip")
    with bundle.unpacked() as folder:
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
    changed = {}
    for name, vector in bundle.golden.items():
        off = tuple(1.01 * value for value in vector.values) if name == "blend" else vector.values
        changed[name] = replace(vector, values=off)
    from edge_sdk.bundle.golden import write_golden
    from tests.builders.bundles import bound

    files["golden.json"] = write_golden(changed)
    text = bound(bundle.manifest, files).to_bytes()
    check = verify_bundle(open_bundle(written(tmp_path / "b", text, files)))
    assert not check.passed
    assert [row.stage for row in check.rows if not row.passed] == ["blend"]


@pytest.mark.slow
@pytest.mark.parametrize("target", each_needing(["coreml"]))
def test_core_ml_packages_depend_on_their_model_alone(target: str, tmp_path: Path) -> None:
    options = PackOptions((Wanted(target, "fp16"),), "ios")
    loaded = load_any("sr_x2_y").resized(32, 32)
    manifests = []
    for name in "ab":
        (tmp_path / name).mkdir()
        manifests.append(build(loaded, options, tmp_path / name))
    assert manifests[0].to_bytes() == manifests[1].to_bytes()


def made(manifest: Any, files: dict[str, bytes]) -> Callable[..., Any]:
    """Stands for ``build``: writes files that are there already."""

    def build(loaded: object, options: object, folder: Path, report: object = None) -> Any:
        for name, contents in files.items():
            (folder / name).write_bytes(contents)
        return manifest

    return build


def refusal(run: Callable[[], object]) -> str:
    """The message of what a call is refused with; empty where it is not."""
    try:
        run()
    except EdgeSdkError as error:
        return str(error)
    return ""


CHECK = BundleCheck((GraphCheck("tflite fp32", "model", "here", 99.0, 80, 1.0),))


@pytest.mark.parametrize("name", ["b.zip", "b"])
def test_whatever_write_fails_nothing_half_is_left(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, files = small()
    monkeypatch.setattr(packing, "build", made(manifest, files))
    monkeypatch.setattr(packing, "verify_bundle", lambda bundle: CHECK)
    loaded: Any = None
    path = tmp_path / name
    pack(loaded, path, OPTIONS)
    before = open_bundle(path).manifest
    failed = 0
    for number in range(200):
        calls = iter(range(10_000))

        def failing(real: Callable[..., Any], at: int = number, count: Any = calls) -> Any:
            def call(*arguments: Any, **named: Any) -> Any:
                if next(count) == at:
                    raise OSError(28, "No space left on device")
                return real(*arguments, **named)

            return call

        with monkeypatch.context() as patch:
            for owner, names in (
                (os, ("fsync",)),
                (Path, ("write_bytes", "rename", "replace", "mkdir")),
                (packing, ("write_zip",)),
            ):
                for each in names:
                    patch.setattr(owner, each, failing(getattr(owner, each)))
            told = refusal(lambda: pack(loaded, path, OPTIONS))
        assert open_bundle(path).manifest == before
        assert [each.name for each in tmp_path.iterdir()] == [name]
        if not told:
            break
        assert "No space left" in told
        failed += 1
    assert failed >= 5


def test_a_graph_that_misses_its_gate_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, files = small()
    low = BundleCheck((replace(CHECK.rows[0], snr_db=12.0),))
    monkeypatch.setattr(packing, "build", made(manifest, files))
    monkeypatch.setattr(packing, "verify_bundle", lambda bundle: low)
    loaded: Any = None
    with pytest.raises(BundleError, match=r"12\.0 dB on its golden vector, less than 80"):
        pack(loaded, tmp_path / "b.zip", OPTIONS)
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    loaded: Any = None
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    with pytest.raises(OutputError, match="holds other files"):
        pack(loaded, tmp_path / "photos", OPTIONS)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "manifest.json").write_text('{"name": "a web app"}')
    with pytest.raises(OutputError, match="holds other files"):
        pack(loaded, tmp_path / "app", OPTIONS)
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    for name in ("model.safetensors", "bundle.bin"):
        with pytest.raises(OutputError, match="is no folder; give the name of a folder, or one"):
            pack(loaded, tmp_path / name, OPTIONS)
    (tmp_path / "model.safetensors").unlink()
    shutil.rmtree(tmp_path / "app")
    with pytest.raises(OutputError, match="does not exist"):
        pack(loaded, tmp_path / "none" / "b.zip", OPTIONS)
    with pytest.raises(InputError, match="cannot be read"):
        pack(loaded, tmp_path / "b.zip", OPTIONS, tmp_path / "none.pem")
    shutil.rmtree(tmp_path / "photos")
    assert list(tmp_path.iterdir()) == []


def test_variants_that_nothing_here_runs() -> None:
    manifest, _ = small()
    with pytest.raises(BundleError, match=r"no variant int8; it holds: tflite fp32"):
        choose_variant(manifest, precision="int8")
