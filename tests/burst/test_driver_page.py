"""The contract for other drivers, docs/reference/driver.md, says what the stages do."""

from __future__ import annotations

import importlib
import math
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from edge_sdk import ZoomConfig
from edge_sdk.bundle.driver_constants import driver_constants
from edge_sdk.burst.converted.graphs import STAGES, channels_of
from edge_sdk.burst.converted.packed import (
    ENCODE_CHANNELS,
    PackedBlend,
    PackedEncode,
    blend_channels,
)
from edge_sdk.burst.driver.stage_set import DECODED_PX
from edge_sdk.burst.stages.blend import Blend
from edge_sdk.burst.stages.encode import Encode
from edge_sdk.burst.stages.restore import Restore
from edge_sdk.burst.stages.score import Score
from edge_sdk.registration import RegistrationConfig
from edge_sdk.registration.stages.align import BLOCK_POINTS, Align
from edge_sdk.registration.stages.expand import Expand, farrow_kernels
from edge_sdk.registration.stages.levels import Halve, Smooth, Surround
from edge_sdk.registration.stages.search import Search

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "driver.md").read_text()
CONSTANTS = re.findall(r"^\| `([\w.]+)\.([A-Z_]+)` \| ([^|]+) \|", PAGE, re.MULTILINE)
HALOS = re.findall(r"^\| ([1-4]) \| (\d+) \|$", PAGE, re.MULTILINE)
ENDS = re.findall(r"^\| (→ )?`(\w+)` \| \[([^\]]+)\] \|", PAGE, re.MULTILINE)


def number(written: str) -> float:
    """Of 0.5, −0.5, 1/255, 10⁻⁶ and 1.5·10⁻⁶."""
    plain = written.translate(str.maketrans("−⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "--0123456789"))
    plain = plain.replace("·10-", "e-").replace("10-", "1e-")
    over, _, under = plain.partition("/")
    return float(over) / float(under or 1)


@pytest.mark.parametrize(("module", "name", "value"), CONSTANTS)
def test_constants(module: str, name: str, value: str) -> None:
    found = getattr(importlib.import_module(f"edge_sdk.{module}"), name)
    found = found if isinstance(found, tuple) else (found,)
    written = tuple(number(each) for each in value.split(", "))
    assert found == pytest.approx(written, rel=1e-4)


def test_bundles_hand_over_the_constants_of_the_tables() -> None:
    assert sorted(driver_constants()) == sorted(f"{module}.{name}" for module, name, _ in CONSTANTS)


def test_the_tables_are_found() -> None:
    assert len(CONSTANTS) == 191
    assert [int(scale) for scale, _ in HALOS] == [1, 2, 3, 4]
    named = [name for _, name, _ in ENDS if name in ("sums", "picture", "features")]
    assert named == ["sums", "sums", "picture", "sums", "features"]


def test_constants_named_in_the_text_are_in_the_table() -> None:
    text = PAGE.split("\n## Order of work\n")[1]
    named = set(re.findall(r"`(?:[\w.]+\.)?([A-Z][A-Z_]+)`", text))
    assert len(named) > 10
    assert named <= {name for _, name, _ in CONSTANTS}


@pytest.mark.parametrize(("scale", "halo"), HALOS)
def test_halos(scale: str, halo: str) -> None:
    assert Restore(int(scale), 8 / 255, 10).halo_px == int(halo)


def stage_ends(stage: str) -> tuple[list[str], list[str]]:
    part = PAGE.split(f"### `{stage}`\n")[-1].split("\n### ")[0]
    found = re.findall(r"^\| (→ )?`\w+` \| \[([^\]]+)\] \|", part, re.MULTILINE)
    return [shape for arrow, shape in found if not arrow], [s for arrow, s in found if arrow]


def size(shape: str, names: dict[str, int]) -> tuple[int, ...]:
    product = shape.replace("s²", str(names["s"] ** 2))
    sizes = []
    for entry in product.split(","):
        total = 1
        for factor in entry.strip().split("·"):
            total *= names[factor] if factor in names else int(factor)
        sizes.append(total)
    return tuple(sizes)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_shapes_of_the_stages(scale: int) -> None:
    decoder = Restore(scale, 8 / 255, 10)
    side = DECODED_PX + 2 * decoder.halo_px
    names = {"s": scale, "T": 170, "t": 160, "d": side, "u": DECODED_PX}
    tensors: list[Tensor] = []
    for stage, module in (("encode", Encode(scale)), ("decode", decoder)):
        ins, outs = stage_ends(stage)
        given = [torch.rand(size(shape, names)) for shape in ins]
        found = module(*given)
        found = found if isinstance(found, tuple) else (found,)
        assert [tuple(x.shape) for x in found] == [size(shape, names) for shape in outs]
        tensors += found
    assert len(tensors) == 4


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_shapes_of_blend_and_of_the_files(scale: int) -> None:
    blend = Blend(scale)
    ins, _ = stage_ends("blend")
    given = [torch.rand(size(shape, {"s": scale, "d": 40})) for shape in ins]
    assert blend(*given).shape == (1, 4 * scale**2 + 8, 38, 38)
    packed = torch.cat((*given[:3], torch.rand(1, 3, 40, 40)), 1)
    assert packed.shape[1] == blend_channels(scale)
    assert PackedBlend(blend)(packed).shape == (1, 4 * scale**2 + 8, 38, 38)
    made = PackedEncode(Encode(scale))(torch.rand(1, ENCODE_CHANNELS, 40, 40))
    assert made.shape == (1, 4 * scale**2 + 1, 30, 30)


def test_shapes_of_the_stages_of_motion() -> None:
    assert "c [1, 10, B, 64]; frame [1, 1, B, 64]; δ [1, 2, B, 64]" in PAGE
    assert "means [1, 22, B, 1]" in PAGE
    planes = [torch.rand(1, channels, 7, BLOCK_POINTS) for channels in (10, 1, 2, 1)]
    assert Align()(*planes, torch.rand(1, 1, 1, 3)).shape == (1, 22, 7, 1)
    for stage, halo, factor in ((Smooth(), 3, 1), (Halve(), 4, 2), (Surround(), 6, 1)):
        side = 20 * factor + 2 * halo
        assert stage(torch.rand(1, 1, side, side)).shape == (1, 1, 20, 20)
        assert f"{'2·T' if factor == 2 else 'T'} + {2 * halo}, " in PAGE
    assert Expand()(torch.rand(1, 1, 24, 24)).shape == (1, 10, 20, 20)
    assert Score()(torch.rand(1, 1, 26, 18), torch.ones(1, 1, 24, 16)).shape == (1, 1, 3, 2)
    line = torch.rand(1, 1, 1, 50)
    found = Search(4)(line, line, torch.rand(1, 9, 1, 58), torch.ones(1, 1, 1, 2))
    assert found.shape == (1, 2 * 9, 1, 2 * 4 + 1)


def channels(written: str, scale: int, shifts: int) -> int:
    """Of a list such as `sums 3·s², weights s², lines D: of L pixels`."""
    counts = written.partition(":")[0].replace("s²", str(scale**2)).replace(" D", f" {shifts}")
    terms = [term for part in counts.split(", ") for term in part.split(" + ")]
    return sum(math.prod(map(int, term.split()[-1].split("·"))) for term in terms)


@pytest.mark.parametrize("scale", [2, 3])
def test_channels_of_the_files(scale: int) -> None:
    part = PAGE.split("\n## Stages as files\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.+`) \| (.+) \| .+ \|$", part, re.MULTILINE)
    takes = {stage: given for names, given in rows for stage in re.findall(r"`(\w+)`", names)}
    assert sorted(takes) == sorted(STAGES)
    expected = {**channels_of(scale, 4), "decode": 4 * scale**2 + 8}
    assert {stage: channels(takes[stage], scale, 9) for stage in takes} == expected


def test_kernels_of_expand() -> None:
    rows = re.findall(r"k[₀₁₂₃] = \(([^)]+)\)", PAGE)
    written = [[float(tap.replace("−", "-")) for tap in row.split(", ")] for row in rows]
    torch.testing.assert_close(torch.tensor(written), farrow_kernels().taps(), rtol=0.0, atol=2e-6)


def test_limits_of_acceptance() -> None:
    config, text = RegistrationConfig(), " ".join(PAGE.split())
    assert f"more than {config.max_pixels:,} px are not compared" in text
    assert f"the larger of {config.max_shift_px:g} px and" in text
    assert f"shows less than {config.min_overlap} of the reference" in text
    assert f"that it shows is under {config.min_explained}," in text
    assert f"`reference_weight` ({ZoomConfig().reference_weight})" in text
