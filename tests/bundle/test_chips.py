"""A bundle for a chip holds files compiled for it, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_sdk.artifacts.dispatch import stamp
from edge_sdk.bundle import PackOptions, Wanted
from edge_sdk.bundle.building import build
from edge_sdk.bundle.targets import wanted_for
from edge_sdk.errors import InputError, MissingExtraError
from edge_sdk.zoo.loading import LoadedModel, load_any


def small() -> LoadedModel:
    return load_any("sr_x2_y").resized(24, 32)


@pytest.mark.qualcomm
@pytest.mark.slow
@pytest.mark.parametrize(("asked", "made"), [("sm8550", "SM8550"), ("", "SM8650")])
def test_the_label_is_the_chip_that_the_file_is_compiled_for(
    asked: str, made: str, tmp_path: Path
) -> None:
    wanted = (Wanted("snapdragon", "int8"), Wanted("tflite", "int8"))
    manifest = build(small(), PackOptions(wanted, "android", asked), tmp_path)
    chips = {variant.target: variant.soc for variant in manifest.variants}
    # Files for any chip keep the label that was asked for.
    assert chips == {"snapdragon": made, "tflite": asked}
    (graph,) = manifest.variants[0].graphs
    assert stamp((tmp_path / graph.file).read_bytes()) == ("Qualcomm", made)


def test_an_unknown_chip_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    options = PackOptions((Wanted("snapdragon", "fp16"),), "android", "SM1")
    with pytest.raises(InputError, match="unknown chip 'SM1'"):
        build(small(), options, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_target_that_waits_says_so_before_its_precisions() -> None:
    with pytest.raises(MissingExtraError, match="take --target snapdragon"):
        wanted_for(None, ("executorch-qnn",), ("int8",))
