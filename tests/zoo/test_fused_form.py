from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from edge_sdk.deploy.preparation import prepare
from edge_sdk.errors import ModelError
from edge_sdk.models import load_checkpoint, save_checkpoint
from edge_sdk.reparam import fuse, operator_costs
from edge_sdk.reparam.proof.certificate import FLOAT32_TOLERANCE, FLOAT64_TOLERANCE
from edge_sdk.zoo import catalogue
from edge_sdk.zoo.catalogue import load_model, model_names, model_path
from edge_sdk.zoo.fused_form import (
    CERTIFICATE_FILE,
    FUSED_FILE,
    certificate_files,
    digest_of,
    load_fused,
)
from edge_sdk.zoo.fused_form_writing import write_fused
from edge_sdk.zoo.loading import load_any
from edge_sdk.zoo.networks import (
    burst_network,
    example_input,
    fused_by_name,
    luma_network,
    merged,
    picture_network,
)


class Proved(Exception):
    """Two models were compared."""


@pytest.fixture
def _no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    def compare(*_: object) -> None:
        raise Proved

    monkeypatch.setattr("edge_sdk.reparam.fusing.compare", compare)


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Folder of a copy of a shipped model, which may be damaged."""
    shutil.copytree(model_path("sr_x2_y").parent, tmp_path / "sr_x2_y")
    monkeypatch.setattr(catalogue, "ROOT", tmp_path)
    return tmp_path / "sr_x2_y"


@pytest.mark.parametrize("name", model_names())
def test_the_stored_form_is_the_shipped_model_without_branches(name: str) -> None:
    form = load_fused(name)
    network = load_model(name)
    assert form.network.config == network.config.fused()
    assert form.network.spec == network.spec
    assert not form.network.has_branches
    assert not form.network.training
    found = form.certificate
    assert found.error_float64 <= FLOAT64_TOLERANCE
    assert found.error_float32 <= FLOAT32_TOLERANCE
    example = example_input(network)
    assert form.example == tuple(example.shape)
    assert found.operators_after == operator_costs(form.network, example)
    for model, parameters in (
        (network, found.parameters_before),
        (form.network, found.parameters_after),
    ):
        assert sum(part.numel() for part in model.parameters()) == parameters


@pytest.mark.parametrize("name", model_names())
def test_the_certificate_holds_the_digests_of_the_files_beside_it(name: str) -> None:
    model = model_path(name)
    stored = json.loads(model.with_name(CERTIFICATE_FILE).read_text())
    assert stored["model_sha256"] == digest_of(model)
    assert stored["fused_sha256"] == digest_of(model.with_name(FUSED_FILE))


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", model_names())
def test_the_stored_form_is_bit_for_bit_what_fusing_gives(name: str) -> None:
    network = load_model(name)
    fused, certificate = merged(network, (example_input(network),))
    form = load_fused(name)
    expected, found = fused.state_dict(), form.network.state_dict()
    assert list(found) == list(expected)
    for key, tensor in expected.items():
        assert torch.equal(found[key].view(torch.int32), tensor.view(torch.int32)), key
    # Sums are rounded in another order on another processor: the largest error keeps its size, but
    # a processor with AVX2 alone was seen to make 2.3 times that of one with AVX-512.
    errors = ("error_float64", "error_float32")
    for error in errors:
        ratio = getattr(certificate, error) / getattr(form.certificate, error)
        assert 1 / 4 < ratio < 4, error
    same = {error: getattr(form.certificate, error) for error in errors}
    assert replace(certificate, **same) == form.certificate


@pytest.mark.slow
def test_making_it_anew_changes_nothing(copied: Path) -> None:
    kept = load_fused("sr_x2_y")
    (copied / FUSED_FILE).unlink()
    write_fused("sr_x2_y")
    # The entries of a safetensors header have no fixed order; what they hold is compared.
    made = load_fused("sr_x2_y")
    weights, before = made.network.state_dict(), kept.network.state_dict()
    assert weights.keys() == before.keys()
    assert all(torch.equal(weights[name], before[name]) for name in weights)
    assert made.network.config == kept.network.config
    assert made.certificate.regions == kept.certificate.regions


@pytest.mark.slow
@pytest.mark.usefixtures("_no_proof")
def test_a_shipped_model_is_used_without_a_proof() -> None:
    assert not burst_network("burst_zoom_x2", 2).has_branches
    assert not luma_network("sr_x2_y", 2).has_branches
    assert not picture_network("denoise_rgb").has_branches
    assert not fused_by_name("sr_x4_y").has_branches
    loaded = load_any("sr_x2_y")
    assert loaded.network.has_branches
    example = loaded.resized(48, 40).single_example
    for precision in ("fp32", "w8", "int8"):
        made = prepare(loaded, example, precision)
        assert made.certificate == load_fused("sr_x2_y").certificate


@pytest.mark.slow
@pytest.mark.usefixtures("_no_proof")
def test_a_file_of_the_user_is_proved(tmp_path: Path) -> None:
    path = tmp_path / "sr_x2_y.safetensors"
    save_checkpoint(load_model("sr_x2_y"), path)
    for use in (
        lambda: fused_by_name(str(path)),
        lambda: picture_network(str(path)),
        lambda: luma_network(str(path), 2),
        lambda: load_any(str(path)).fused(),
    ):
        with pytest.raises(Proved):
            use()


@pytest.mark.usefixtures("one_thread")
def test_another_example_has_its_own_costs_and_the_stored_proof() -> None:
    loaded = load_any("sr_x2_y", (1, 1, 24, 20))
    fused, certificate = loaded.fused()
    stored = load_fused("sr_x2_y").certificate
    assert certificate.error_float64 == stored.error_float64
    assert certificate.probes == stored.probes
    assert certificate.macs_before < stored.macs_before
    _, expected = fuse(loaded.network, loaded.example)
    errors = {"error_float64": stored.error_float64, "error_float32": stored.error_float32}
    assert certificate == replace(expected, **errors)
    assert certificate.operators_after == operator_costs(fused, *loaded.example)


def test_a_merged_file_that_was_edited_is_refused(copied: Path) -> None:
    path = copied / FUSED_FILE
    network = load_checkpoint(path).model
    with torch.no_grad():
        network.reconstruct.bias[0] += 1e-6
    save_checkpoint(network, path)
    check_refused(path, "is not the file that")


@pytest.mark.parametrize("cut", [0, 100, -1])
def test_a_merged_file_that_is_not_whole_is_refused(copied: Path, cut: int) -> None:
    path = copied / FUSED_FILE
    path.write_bytes(path.read_bytes()[:cut])
    check_refused(path, "is not the file that")


def test_a_certificate_of_other_weights_is_refused(copied: Path) -> None:
    network = load_model("sr_x2_y")
    with torch.no_grad():
        next(network.parameters()).mul_(1.001)
    save_checkpoint(network, copied / "model.safetensors")
    check_refused(copied / CERTIFICATE_FILE, "is about other weights than")


@pytest.mark.parametrize("name", [FUSED_FILE, CERTIFICATE_FILE])
def test_a_missing_file_is_named(copied: Path, name: str) -> None:
    (copied / name).unlink()
    check_refused(copied / name, "cannot be read")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda text: text[: len(text) // 2], "the file: Invalid JSON"),
        (lambda text: "", "the file"),
        (lambda text: "[]", "the file"),
        (lambda text: text.replace('"error_float64"', '"error"'), "certificate.error_float64"),
        (lambda text: text.replace('"version": 1', '"version": 9'), "file version 9 is not 1"),
    ],
)
def test_a_certificate_that_is_none_is_refused(copied: Path, change, word: str) -> None:
    path = copied / CERTIFICATE_FILE
    path.write_text(change(path.read_text()))
    check_refused(path, word)


def check_refused(path: Path, word: str) -> None:
    for use in (load_fused, fused_by_name, lambda name: load_any(name).fused()):
        with pytest.raises(ModelError) as caught:
            use("sr_x2_y")
        message = str(caught.value)
        assert message.startswith(f"{path}: ")
        assert word in message
        assert "\n" not in message
        assert "make merged" in message


def test_a_certificate_file_reads_back_as_it_was() -> None:
    text = model_path("burst_zoom_x2").with_name(CERTIFICATE_FILE).read_bytes()
    read = certificate_files().validate_json(text)
    assert certificate_files().validate_json(certificate_files().dump_json(read)) == read
