"""Commands on bundles: pack, inspect, verify, zoom and enhance, and what they refuse."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from edge_sdk.bundle import open_bundle
from edge_sdk.bundle.device_limits import failed_on_device
from edge_sdk.bundle.signature import public_pem
from edge_sdk.data.camera.config import CameraConfig
from edge_sdk.data.camera.simulation import simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.devices.self_test import read_self_test
from edge_sdk.imaging import Picture, psnr, read_picture, write_picture
from tests.builders.bundle_corpus import key
from tests.builders.bundles import small, written
from tests.cli.command_line import Run
from tests.needs import needs

pytestmark = needs("tflite")


def photographed(count: int = 3) -> list[str]:
    burst = simulate_burst(example_photo("coffee")[:, :130, :150], CameraConfig(frames=count))
    names = [f"{index}.png" for index in range(count)]
    for name, frame in zip(names, burst.frames, strict=True):
        write_picture(Picture(frame), name)
    return names


@pytest.mark.slow
def test_a_network_for_pictures_from_pack_to_enhance(run: Run) -> None:
    outcome = run("pack", "sr_x2_y", "--for", "web", "--size", "48x48", "-o", "sr.zip")
    assert outcome.status == 0, outcome.err
    assert "wrote sr.zip" in outcome.out
    told = json.loads(run("inspect", "sr.zip", "--report", "sr.html", "--json").out)
    assert told["manifest"]["platform"] == "web"
    assert told["signed"] is False
    assert "Golden vectors" in Path("sr.html").read_text()
    checked = json.loads(run("verify", "sr.zip", "--json").out)
    assert checked["passed"]
    assert {row["variant"] for row in checked["rows"]} == {"tflite fp32", "tflite int8"}
    write_picture(Picture(example_photo("coffee")[:, :60, :80]), "photo.png")
    by_bundle = run("enhance", "photo.png", "--bundle", "sr.zip", "-o", "by_bundle")
    assert by_bundle.status == 0, by_bundle.err
    assert run("enhance", "photo.png", "-o", "by_torch").status == 0
    pictures = [read_picture(Path(f"{folder}/photo.png")) for folder in ("by_bundle", "by_torch")]
    assert psnr(pictures[0].pixels, pictures[1].pixels) > 60
    line = run("zoom", "photo.png", "--bundle", "sr.zip").error_line
    assert "is for super-resolution, not for burst zoom" in line
    write_picture(Picture(example_photo("coffee")[:, :40, :80]), "small.png")
    failed = run("enhance", "small.png", "--bundle", "sr.zip", "-o", "none")
    assert failed.status == 1
    assert "80×40 px is smaller than the 48 px" in failed.err


@pytest.mark.slow
def test_a_burst_by_a_bundle_and_by_pytorch(run: Run, packed: Path) -> None:
    names, bundle = photographed(), str(packed / "small.zip")
    public = Path("public.pem")
    public.write_bytes(public_pem(key()))
    arguments = ("--bundle", bundle, "--key", str(public), "--profile", "android-mid")
    outcome = run("zoom", *names, *arguments, "-o", "bundle.png")
    assert outcome.status == 0, outcome.err
    assert "by small.safetensors, LiteRT" in outcome.out
    model = str(packed / "small.safetensors")
    assert run("zoom", *names, "--model", model, "-o", "torch.png").status == 0
    pictures = [read_picture(Path(f"{name}.png")).pixels for name in ("bundle", "torch")]
    assert psnr(*pictures) > 60
    line = run("enhance", "0.png", "--bundle", bundle, "-o", "out").error_line
    assert "takes no single pictures; for bursts there is" in line
    line = run("zoom", *names, "--bundle", bundle, "--precision", "int8").error_line
    assert "holds no variant int8; it holds: tflite fp32" in line
    line = run("zoom", *names, "--bundle", bundle, "--profile", "iphone-3gb").error_line
    assert "iphone-3gb would refuse tflite fp32: the bundle is for android" in line


@pytest.mark.slow
def test_who_tampers_and_digests_anew_is_told_by_the_key_alone(run: Run, packed: Path) -> None:
    from tests.builders.bundles import bound

    bundle = open_bundle(packed / "small.zip")
    with bundle.unpacked() as folder:
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
    files["driver.json"] = files["driver.json"].replace(b'"scale": 2', b'"scale": 2 ')
    text = bound(bundle.manifest, files).to_bytes()
    assert bundle.signature is not None
    written(Path("tampered"), text, {**files, "manifest.sig": bundle.signature})
    Path("public.pem").write_bytes(public_pem(key()))
    assert run("verify", "tampered").status == 0
    outcome = run("verify", "tampered", "--key", "public.pem")
    assert outcome.status == 2
    assert "is not signed by public.pem: do not use it" in outcome.error_line
    assert run("verify", str(packed / "small.zip"), "--key", "public.pem").status == 0


@pytest.mark.slow
def test_profiles_and_what_a_phone_wrote(run: Run, packed: Path) -> None:
    path = str(packed / "small.zip")
    assert run("verify", path, "--profile", "android-low").status == 0
    tight = "name: tight\nplatform: android\nmemory_mb: 20\nlongest_tile_px: 30\n"
    more = "backends: [litert]\nprecisions: [fp32]\nversions: {litert: 1.0}\n"
    Path("tight.yaml").write_text(tight + more.replace("1.0", '"1.0"'))
    outcome = run("verify", path, "--profile", "tight.yaml")
    assert outcome.status == 1
    for reason in (
        "a tile of 104 px is longer than 30",
        "MB (estimated from sizes), the device gives 20",
        "litert 2.3.0 is needed, the device has 1.0",
    ):
        assert reason in outcome.err
    manifest = open_bundle(path).manifest
    results = [
        {
            "variant": variant.name,
            "stage": graph.stage,
            "backend": "XNNPACK",
            "snr_db": 99.0,
            "milliseconds": 1.0,
        }
        for variant in manifest.variants
        for graph in variant.graphs
    ]
    record = {
        "format": "edge-sdk device",
        "version": 1,
        "device": "A phone",
        "system": "Android 14",
        "bundle": hashlib.sha256(manifest.to_bytes()).hexdigest(),
        "results": results,
    }
    Path("device.json").write_text(json.dumps(record))
    assert run("verify", path, "--device", "device.json").status == 0
    for change, reason in (
        ({"results": [{**results[0], "snr_db": 12.0}, *results[1:]]}, "gives 12.0 dB, less than"),
        ({"results": results[1:]}, "tested no variant as a whole"),
        ({"results": [*results, {**results[0], "stage": "x"}]}, "there is no x as tflite fp32"),
        ({"bundle": "0" * 64}, "tested another bundle"),
    ):
        Path("other.json").write_text(json.dumps({**record, **change}))
        found = failed_on_device(open_bundle(path), read_self_test(Path("other.json")))
        assert reason in found[0]
    outcome = run("verify", path, "--device", "other.json")
    assert outcome.status == 1
    assert "tested another bundle" in outcome.err
    Path("none.json").write_text("{")
    Path("newer.json").write_text(json.dumps({**record, "version": 2}))
    outcome = run("verify", path, "--device", "newer.json")
    assert "is edge-sdk device of version 2, not 1; let the app" in outcome.error_line
    assert "let the app write it again" in run("verify", path, "--device", "none.json").error_line


def test_what_cannot_be_packed_or_read_is_one_line(run: Run) -> None:
    manifest, files = small()
    written(Path("bundle"), manifest.to_bytes(), files)
    written(Path("broken"), manifest.to_bytes()[:-1], files)
    names = photographed(2)
    for arguments, message in (
        (("pack",), "no model given"),
        (("pack", "sr_x2_y", "--for", "toaster"), "unknown platform 'toaster'"),
        (("pack", "sr_x2_y", "--for", "web", "--targets", "coreml"), "web runs no files of target"),
        (("pack", "sr_x2_y", "--targets", "abacus"), "unknown target 'abacus'"),
        (("pack", "sr_x2_y", "--targets", "tflite", "-p", "int3"), "has no precision 'int3'"),
        (("pack", "none.safetensors", "--for", "web"), "none.safetensors"),
        (("pack", "sr_x2_y", "--for", "web", "--sign", "none.pem"), "none.pem: cannot be read"),
        (("pack", "net.onnx", "--for", "web"), "ONNX files are not read; name the Python"),
        (("pack", "sr.zip", "--for", "web"), "a bundle or other archive is no model"),
        (("pack", "bundle", "--for", "web"), "a bundle or other archive is no model"),
        (("pack", "sr.pte", "--for", "web"), "is converted already"),
        (("pack", "sr_x2_y", "--for", "web", "--soc", "é"), "soc '\\xe9' is not plain ASCII"),
        (("pack", "sr_x2_y", "--for", "web", "--license", '"'), "license '\"' is not plain"),
        (("inspect", "none.zip"), "none.zip: cannot be read"),
        (("inspect", "broken"), "is no JSON of ASCII text"),
        (("verify", "broken"), "is no JSON of ASCII text"),
        (("verify", "bundle", "more.tflite"), "a bundle is verified alone"),
        (("verify", "sr_x2_y", "--profile", "android-low"), "--profile is for a bundle"),
        (("verify", "bundle"), "model-tflite-fp32.tflite"),
        (("zoom", *names, "--bundle", "broken"), "is no JSON of ASCII text"),
        (("zoom", *names, "--key", "k.pem"), "--key is for a --bundle"),
        (("zoom", *names, "--bundle", "bundle", "--model", "none"), "brings its own model"),
        (
            ("zoom", *names, "--bundle", "bundle", "--profile", "fridge"),
            "choose one of: android-low",
        ),
        (("enhance", "0.png", "--bundle", "none.zip"), "none.zip: cannot be read"),
    ):
        outcome = run(*arguments)
        assert outcome.status == 2, arguments
        assert message in outcome.error_line, outcome.error_line
    assert not Path("zoom.png").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "is no profile"),
        ("name: [", "is no YAML"),
        ("name: x\ncolour: red", "colour is unknown"),
        ("name: x", "platform: Field required"),
        (
            "name: x\nplatform: symbian\nmemory_mb: 9\nlongest_tile_px: 9\nbackends: []\n"
            "precisions: []\nversions: {}",
            "unknown platform 'symbian'; choose one of: android, ios, web",
        ),
    ],
)
def test_profiles_of_ones_own_that_do_not_fit(run: Run, text: str, message: str) -> None:
    manifest, files = small()
    written(Path("bundle"), manifest.to_bytes(), files)
    Path("own.yaml").write_text(text)
    names = photographed(2)
    line = run("zoom", *names, "--bundle", "bundle", "--profile", "own.yaml").error_line
    assert message in line
