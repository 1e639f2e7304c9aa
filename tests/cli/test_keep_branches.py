"""Models that run with their branches: ``--keep-branches`` of four commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import Picture, psnr, read_picture, write_picture
from edge_sdk.models import EnhanceNet, EnhanceNetConfig, save_checkpoint
from edge_sdk.reparam import five_branches, fuse_partially, parse_plan
from tests.cli.command_line import Run
from tests.needs import needs
from tests.reparam.random_blocks import trained_looking

NOTE = "its 2 blocks with branches were merged for this; --keep-branches runs them as they are"


@pytest.fixture
def partly(tmp_path: Path) -> str:
    torch.manual_seed(0)
    config = EnhanceNetConfig(widths=(4, 4, 4), skips=(), branches=five_branches(6), ends="plain")
    network, _ = fuse_partially(
        trained_looking(EnhanceNet(config)), parse_plan("kernel:3"), torch.rand(1, 1, 16, 16)
    )
    path = tmp_path / "partly.safetensors"
    save_checkpoint(network, path)
    (tmp_path / "photos").mkdir()
    write_picture(
        Picture(example_photo("coffee")[:, 100:180, 200:300]), tmp_path / "photos" / "cup.png"
    )
    return str(path)


def test_enhance_gives_the_same_picture_and_says_what_it_merges(run: Run, partly: str) -> None:
    merged = run("enhance", "photos", "--model", partly, "-o", "merged")
    kept = run("enhance", "photos", "--model", partly, "-o", "kept", "--keep-branches")
    assert (merged.status, kept.status) == (0, 0)
    assert NOTE in merged.err
    assert "branches" not in kept.err
    pictures = [read_picture(Path(name) / "cup.png").pixels for name in ("merged", "kept")]
    assert psnr(*pictures) > 60


def test_evaluate_scores_it_as_it_is(run: Run, partly: str) -> None:
    scores = []
    for options in ((), ("--keep-branches",)):
        outcome = run("evaluate", partly, "--data", "photos", "--json", *options)
        assert outcome.status == 0
        assert (NOTE in outcome.err) is (not options)
        scores.append(json.loads(outcome.out)["rows"][1]["folders"][0]["psnr_db"])
    assert scores[0] == pytest.approx(scores[1], abs=0.01)


@needs("tflite")
def test_a_file_has_the_operators_of_its_branches(run: Run, partly: str) -> None:
    merged = run("convert", partly, "-t", "tflite", "--size", "32x32", "-o", "m.tflite", "--json")
    assert NOTE in merged.err
    outcome = run(
        "convert", partly, "-t", "tflite", "--size", "32x32", "-o", "k.tflite", "--json",
        "--keep-branches",
    )  # fmt: skip
    assert outcome.status == 0
    assert NOTE not in outcome.err
    kept, whole = json.loads(outcome.out)["operators"], json.loads(merged.out)["operators"]
    # Two modules of a 3×3, a 1×1 and the identity, and the plain ends.
    assert (kept["CONV_2D"], whole["CONV_2D"]) == (6, 4)
    assert kept["ADD"] == whole["ADD"] + 4
    verified = run("verify", partly, "k.tflite", "m.tflite", "--keep-branches", "--json")
    assert verified.status == 0
    steps = [row["step"] for row in json.loads(verified.out)["rows"]]
    assert steps == ["torch", "branches kept", "k.tflite", "m.tflite"]


@pytest.mark.slow
@needs("tflite", "executorch", "coreml")
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_every_target_takes_branches(run: Run, partly: str, precision: str) -> None:
    options = ("-c", "photos") if precision == "int8" else ()
    outcome = run("verify", partly, "-p", precision, "--keep-branches", "--json", *options)
    rows = json.loads(outcome.out)["rows"]
    files = [row["step"] for row in rows if row["step"] not in ("torch", "quantized")]
    assert files[0] == "branches kept"
    assert len(files) > 3
    assert all(row["missing"] is None for row in rows)
    if precision == "fp32":
        assert outcome.status == 0


@pytest.mark.parametrize(
    "command",
    [
        ("enhance", "photos", "--model"),
        ("evaluate", "--data", "photos"),
        ("convert", "-t", "tflite"),
        ("verify",),
    ],
)
def test_a_model_without_branches_is_refused(
    run: Run, partly: str, tmp_path: Path, command: tuple[str, ...]
) -> None:
    plain = tmp_path / "plain.safetensors"
    save_checkpoint(EnhanceNet(EnhanceNetConfig(widths=(4,), skips=(), branches=None)), plain)
    outcome = run(*command, plain, "--keep-branches")
    assert (
        "plain.safetensors has no multi-branch block whose branches could stay"
        in outcome.error_line
    )


def test_codes_of_the_merged_network_are_not_those_of_branches(run: Run, partly: str) -> None:
    for model in ("sr_x2_y", partly):
        outcome = run("convert", model, "-t", "tflite", "-p", "int8", "--keep-branches")
        assert "int8 codes are stored for networks with merged branches alone" in outcome.error_line
        assert "--calibration" in outcome.error_line
    outcome = run(
        "quantize", partly, "--calibration", "photos", "--size", "16x16", "-o", "q.safetensors"
    )
    assert outcome.status == 0, outcome.err
    assert "codes of branches are chosen by convert --keep-branches" in outcome.err
