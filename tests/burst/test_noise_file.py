"""Noise as a JSON file: what is written is read again, and what does not fit is one line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.burst import Noise, ZoomConfig, read_noise, write_noise, zoom
from edge_sdk.burst.noise.file import FORMAT, VALUES, VERSION, noise_record
from edge_sdk.burst.noise.settling import NoiseSource
from edge_sdk.burst.stages.noise_map import LEVELS
from edge_sdk.errors import InputError
from tests.examples import examples

GOOD = {"format": FORMAT, "version": VERSION, "levels": [0.1, 0.5], "std": [0.01, 0.02]}
CURVE = st.lists(st.floats(0, 1), min_size=len(LEVELS), max_size=len(LEVELS))
CURVES = st.lists(CURVE, min_size=3, max_size=3)


def written(**changes: object) -> str:
    record = {key: value for key, value in {**GOOD, **changes}.items() if value != "gone"}
    Path("camera.json").write_text(json.dumps(record))
    return "camera.json"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@examples(20)
@given(CURVES, CURVES)
def test_what_is_written_is_read_again(fine: list[list[float]], coarse: list[list[float]]) -> None:
    noise = Noise.at_levels(LEVELS, fine, coarse)
    write_noise(noise, "camera.json")
    again = read_noise("camera.json")
    torch.testing.assert_close(again.std, noise.std, rtol=1e-5, atol=1e-300)
    torch.testing.assert_close(again.coarse_std, noise.coarse_std, rtol=1e-5, atol=1e-300)
    # From the second time on nothing is rounded any more.
    assert noise_record(again) == json.loads(Path("camera.json").read_text())
    write_noise(again, "again.json")
    assert Path("again.json").read_text() == Path("camera.json").read_text()


def test_levels_of_ones_own_are_interpolated_and_held_beyond_their_ends() -> None:
    noise = read_noise(written(coarse_std=[[0.1, 0.3], [0.2, 0.2], [0.0, 0.4]]))
    expected = torch.tensor([0.01, 0.01, 0.010625, 0.01375, 0.02, 0.02], dtype=torch.float64)
    torch.testing.assert_close(noise.std, expected.expand(3, -1))
    assert noise.coarse_std[0].tolist() == pytest.approx([0.1, 0.1, 0.1125, 0.175, 0.3, 0.3])


def test_one_level_and_one_list_are_white_noise() -> None:
    noise = read_noise(written(levels=[0], std=[0.03], values=VALUES))
    assert noise.is_white
    assert noise.typical_std == 0.03


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "edge-sdk burst"}, "format: must be 'edge-sdk noise'"),
        ({"format": "x" * 100}, f'not "{"x" * 39}; give a file that `zoom --save-noise` wrote'),
        ({"version": 2}, "version: must be 1, not 2; update edge-sdk"),
        ({"version": 0}, "version: must be 1, not 0; give a file"),
        ({"version": "1"}, 'version: must be 1, not "1"; give a file'),
        ({"version": True}, "version: must be 1, not true; give a file"),
        ({"values": "linear"}, "values: must be"),
        ({"levels": "gone"}, "levels: is missing"),
        ({"std": "gone"}, "std: is missing"),
        ({"sdt": [0.1]}, "sdt: is not a key of this format; leave it out"),
        ({"levels": []}, "levels: must be a list"),
        ({"levels": 0.5}, "levels: must be a list"),
        ({"levels": [0.5, 0.1]}, "levels: must increase"),
        ({"levels": [0.5, 0.5]}, "levels: must increase"),
        ({"levels": [0.5, 1.5]}, "levels: must be one or more numbers in [0, 1]"),
        ({"levels": [0.1, 128]}, "levels: must be numbers in [0, 1], not 128"),
        ({"levels": [0.1, "0.5"]}, "levels: must hold numbers alone"),
        ({"levels": [0.1, True]}, "levels: must hold numbers alone"),
        ({"std": [0.1]}, "std: must be three lists"),
        ({"std": [[0.1, 0.2], [0.1, 0.2]]}, "std: must be three lists"),
        ({"std": [[0.1, 0.2], [0.1, 0.2], [0.1]]}, "std: must be three lists"),
        ({"std": [[[0.1, 0.2]]] * 3}, "std: must hold numbers alone"),
        ({"std": [0.1, -0.2]}, "std: of red must be numbers in [0, 1], not -0.2"),
        ({"std": [0.1, float("nan")]}, "std: of red must be numbers in [0, 1], not nan"),
        ({"std": [0.1, float("inf")]}, "std: of red must be numbers in [0, 1], not inf"),
        ({"std": [0.1, 8.5]}, "divide 8-bit levels by 255"),
        ({"std": [2, 8]}, "not 2; divide 8-bit levels by 255"),
        ({"std": {"red": 1}}, "std: must be a list"),
        ({"std": [None, 0.1]}, "std: must hold numbers alone"),
        ({"coarse_std": None}, "coarse_std: must be a list"),
        ({"coarse_std": [[0.1, 0.1], [0.1, 0.1], [0.1, -1e-9]]}, "coarse_std: of blue"),
    ],
)
def test_what_does_not_fit_is_one_line_with_file_and_key(changes: dict[str, object], words) -> None:
    with pytest.raises(InputError) as caught:
        read_noise(written(**changes))
    (key,) = changes
    assert str(caught.value).startswith(f"camera.json: {key}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is not JSON"),
        (b"\xff\xd8\xff\xe0", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[1]", "must be one JSON object"),
        (b'{"std": [1], "std": [0]}', "std: stands there twice"),
    ],
)
def test_what_is_no_such_file_is_one_line(data: bytes, words: str) -> None:
    Path("camera.json").write_bytes(data)
    with pytest.raises(InputError, match=r"^camera\.json: ") as caught:
        read_noise("camera.json")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_named() -> None:
    for name, words in (("none.json", "no such file"), (".", "is a folder; give the name")):
        with pytest.raises(InputError, match=words):
            read_noise(name)


def test_a_number_and_curves_exclude_each_other() -> None:
    with pytest.raises(InputError, match="exclude each other"):
        ZoomConfig(noise_std=0.1, noise=Noise.white(0.1))
    assert ZoomConfig(noise_std=0.1).given_noise is not None
    assert ZoomConfig().given_noise is None


def test_given_curves_are_worked_with_and_typical_is_that_of_the_picture() -> None:
    frames = 0.5 + 0.01 * torch.randn(2, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    curves = [[0.2, 0.02, 0.2], [0.2, 0.02, 0.2], [0.2, 0.02, 0.2]]
    given_noise = Noise.at_levels([0.0, 0.5, 1.0], curves)
    result = zoom(frames, config=ZoomConfig(noise=given_noise))
    assert result.noise_source is NoiseSource.GIVEN
    assert torch.equal(result.noise.std, given_noise.std)
    assert result.noise_std == pytest.approx(0.02, rel=0.1)
    assert given_noise.typical_std > 0.1
    one = zoom(frames, config=ZoomConfig(noise_std=0.02))
    same = zoom(frames, config=ZoomConfig(noise=Noise.white(0.02)))
    assert torch.equal(one.pixels, same.pixels)


def test_the_example_of_the_reference_is_read_and_its_table_has_all_keys() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "noise.md").read_text()
    example = page.split('```json title="camera.json"\n')[1].split("```")[0]
    Path("camera.json").write_text(example)
    assert read_noise("camera.json").std[0, 0] == 0.018
    keys = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert keys == list(json.loads(example)) == list(noise_record(Noise.white(0.1)))
