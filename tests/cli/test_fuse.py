from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from edge_sdk.imaging import Picture, write_picture
from edge_sdk.models import EnhanceNet, EnhanceNetConfig, load_checkpoint, save_checkpoint
from edge_sdk.reparam import five_branches
from tests.cli.command_line import Run
from tests.tolerances import MERGED_NETWORK

SOURCE = """
import torch
from torch import nn
from edge_sdk.models import EnhanceNet, EnhanceNetConfig
from edge_sdk.reparam import MultiBranchConv2d, five_branches

class Rep(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 1)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x):
        return torch.relu(self.norm(self.a(x) + self.b(x)))

class Decides(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.conv(x) if x.sum() > 0 else x

def rep():
    return nn.Sequential(Rep(), Rep()), torch.rand(1, 3, 8, 9)

def bare():
    return Rep()

def decides():
    return Decides(), torch.rand(1, 3, 8, 9)

def blocks():
    return nn.Sequential(
        MultiBranchConv2d(3, 3, five_branches(4)), nn.ReLU(),
        MultiBranchConv2d(3, 3, five_branches(4)),
    ), torch.rand(1, 3, 8, 9)

def inflated():
    net = EnhanceNet(EnhanceNetConfig(widths=(4, 4), skips=(), branches=five_branches(3)))
    with torch.no_grad():
        net.features[1].branches[0].layers[0].weight.mul_(1e4)
    return net, torch.rand(1, 1, 9, 8)

def four_channels():
    return nn.Conv2d(4, 3, 3), torch.rand(1, 4, 8, 8)

def two_inputs():
    return nn.Bilinear(2, 3, 4), (torch.rand(5, 2), torch.rand(5, 3))

def plain_chain():
    return nn.Sequential(nn.ReLU())

def value_error():
    class Refuses(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)

        def forward(self, x):
            raise ValueError("will not")
    return Refuses(), torch.rand(1, 3, 8, 8)
"""
NUMBERS = itertools.count()


@pytest.fixture
def theirs(run: Run) -> str:
    """Name of an importable module of models in the current directory, new each time."""
    name = f"cli_models_{next(NUMBERS)}"
    Path(f"{name}.py").write_text(SOURCE)
    return name


@pytest.fixture
def five(run: Run) -> Path:
    """A network of three modules with five branches each, and such ends."""
    config = EnhanceNetConfig(widths=(4, 4, 4, 4), skips=(), branches=five_branches(3))
    save_checkpoint(EnhanceNet(config), Path("five.safetensors"))
    return Path("five.safetensors")


@pytest.fixture
def photos(run: Run) -> Path:
    Path("photos").mkdir()
    for index in range(2):
        write_picture(Picture(torch.rand(3, 20, 24)), Path(f"photos/{index}.png"))
    return Path("photos")


def test_a_foreign_model_is_fused_into_a_program(run: Run, theirs: str) -> None:
    outcome = run("fuse", f"{theirs}:rep", "--json")
    assert outcome.status == 0, outcome.err
    report = json.loads(outcome.out)
    assert report["output"] == "fused.pt2"
    assert "1×3×H×W" in report["kind"]
    certificate = report["certificate"]
    assert [region["branches"] for region in certificate["regions"]] == [2, 2]
    assert certificate["bytes_after"] < certificate["bytes_before"]
    program = torch.export.load("fused.pt2").module()
    from edge_sdk.zoo.loading import load_any

    x = torch.rand(1, 3, 12, 7)
    expected = load_any(f"{theirs}:rep").network(x)
    torch.testing.assert_close(program(x), expected, **MERGED_NETWORK)


def test_the_shape_of_the_example_can_be_given(run: Run, theirs: str) -> None:
    assert "--input" in run("fuse", f"{theirs}:bare").error_line
    outcome = run("fuse", f"{theirs}:bare", "--input", "1x3x10x12")
    assert outcome.status == 0, outcome.err
    assert "(1×3×10×12 input)" in outcome.out
    assert "wrote fused.pt2: program of torch.export" in outcome.out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("select", "group", "left"),
    [
        ("all", None, [0, 0, 0]),
        ("random:3", None, [3, 3, 3]),
        ("kernel:3x3", None, [3, 3, 3]),
        ("count:2", None, [4, 4, 4]),
        ("kernel:3+count:2", None, [4, 4, 4]),
        ("kernel:3,count:2", None, [3, 3, 3]),
        ("uniform:3", None, [3, 3, 3]),
        ("proportional:1.5", None, [4, 3, 0]),
        ("inverse:6", None, [0, 3, 4]),
        ("per-size:3x3", None, [3, 3, 3]),
        ("per-count:2", None, [4, 4, 4]),
        ("all", "every:2", [3, 3, 3]),
        ("all", "equal-sizes", [2, 2, 2]),
        ("all", "by-type", [2, 2, 2]),
        ("all", "every:1", [5, 5, 5]),
        ("random:1", None, [5, 5, 5]),
    ],
)
def test_every_rule_and_grouping_merges_a_part(
    run: Run, five: Path, select: str, group: str | None, left: list[int]
) -> None:
    options = () if group is None else ("--group", group)
    outcome = run("fuse", five, "--select", select, *options, "-o", "p.safetensors", "--json")
    assert outcome.status == 0, outcome.err
    assert json.loads(outcome.out)["certificate"]["error_float64"] < 1e-11
    before, after = (load_checkpoint(Path(name)).model for name in (five, "p.safetensors"))
    blocks = (*after.features, after.reconstruct)
    assert [len(getattr(block, "branches", ())) for block in blocks] == [0, *left, 0]
    x = torch.rand(1, 1, 9, 8)
    torch.testing.assert_close(after(x), before(x), rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_choosing_by_cost_weighs_bits(run: Run, five: Path) -> None:
    merged = []
    for worth in ("0", "8"):
        outcome = run(
            "fuse", five, "--select", "cost", "--bit-weight", worth, "-o", "p.safetensors", "--json"
        )
        assert outcome.status == 0, outcome.err
        merged.append(json.loads(outcome.out)["certificate"])
    assert all(len(certificate["regions"]) == 5 for certificate in merged)
    assert merged[0]["macs_after"] <= merged[1]["macs_after"]


@pytest.mark.slow
def test_the_seed_chooses_the_branches(run: Run, five: Path) -> None:
    def members(seed: int) -> list[list[str]]:
        outcome = run("fuse", five, "--select", "uniform:2", "--seed", seed, "--json")
        regions = json.loads(outcome.out)["certificate"]["regions"]
        return [region["members"] for region in regions]

    first = members(1)
    assert members(1) == first
    assert members(2) != first


@pytest.mark.slow
def test_a_partly_fused_network_has_a_note_and_converts(run: Run, five: Path) -> None:
    outcome = run("fuse", five, "--select", "count:2", "-o", "p.safetensors")
    assert "EnhanceNet, partly merged" in outcome.out
    assert run("fuse", "p.safetensors", "-o", "whole.safetensors").status == 0
    assert not load_checkpoint(Path("whole.safetensors")).model.has_branches
    outcome = run("fuse", five, "--select", "count:2", "-o", "p.pt2")
    assert "program of torch.export for inputs 1×1×H×W" in outcome.out


@pytest.mark.slow
def test_blocks_of_a_foreign_model_merge_in_part(run: Run, theirs: str) -> None:
    outcome = run("fuse", f"{theirs}:blocks", "--select", "kernel:1", "--json")
    assert outcome.status == 0, outcome.err
    assert json.loads(outcome.out)["output"] == "fused.pt2"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--select", "kernal:3"), "did you mean 'kernel'"),
        (("--select", "random:0"), "1 or more"),
        (("--select", "random:6"), "there are 5"),
        (("--select", "uniform:9"), "there are 5"),
        (("--select", "kernel:7"), "picks no branch"),
        (("--select", "count:1+count:2"), "contradict"),
        (("--select", "uniform:2,all"), "contradicts"),
        (("--select", "cost", "--group", "every:2"), "contradicts"),
        (("--select", "inverse:0.4"), "merges nothing"),
        (("--select", "all", "--fold-skips"), "--fold-skips"),
        (("--select", "all", "--group", "every:9x"), "whole number"),
        (("--select", "all", "--bit-weight", "2"), "--bit-weight"),
        (("--group", "together"), "--select"),
        (("--bit-weight", "2"), "--select"),
        (("--seed", "-1"), "seed"),
        (("--report", "r.txt"), ".html"),
        (("--report", "none/r.html"), "does not exist"),
        (("-o", "fused.bin"), ".safetensors or .pt2"),
        (("--pictures", "nowhere"), "nowhere"),
        (("--input", "1x3x8x8"), "N×1×H×W"),
        (("--input", "large"), "1x3x224x224"),
    ],
)
def test_bad_options(run: Run, five: Path, options: tuple[str, ...], word: str) -> None:
    assert word in run("fuse", five, *options).error_line
    assert not any(Path(name).exists() for name in ("fused.safetensors", "r.html", "fused.bin"))


@pytest.mark.parametrize(
    ("model", "options", "word"),
    [
        ("no_such_module_here:net", (), "no_such_module_here"),
        ("THEIRS:missing", (), "missing"),
        ("THEIRS:decides", (), "cannot be traced"),
        ("THEIRS:rep", ("-o", "f.safetensors"), "f.pt2"),
        ("THEIRS:rep", ("--select", "all"), "no multi-branch block"),
        ("THEIRS:two_inputs", (), "N×C×H×W"),
        ("THEIRS:value_error", (), "will not"),
        ("THEIRS:four_channels", ("--pictures", "photos"), "channel"),
        ("fused.pt2", (), "can run code"),
    ],
)
def test_bad_models(
    run: Run, theirs: str, photos: Path, model: str, options: tuple[str, ...], word: str
) -> None:
    outcome = run("fuse", model.replace("THEIRS", theirs), *options)
    assert word in next(line for line in outcome.err.splitlines() if line.startswith("error: "))
    assert outcome.status == 2
    assert not Path("fused.pt2").exists()


def test_a_global_skip_is_folded_where_that_is_exact(run: Run) -> None:
    config = EnhanceNetConfig(widths=(4,), skips=(), activation="relu")
    save_checkpoint(EnhanceNet(config), Path("skip.safetensors"))
    outcome = run("fuse", "skip.safetensors", "--fold-skips", "--json")
    report = json.loads(outcome.out)
    assert report["certificate"]["input_range"] == [0.0, 1.0]
    assert report["output"] == "fused.pt2"
    names = [cost["name"] for cost in report["certificate"]["operators_after"]]
    assert "add" not in names
    line = run("fuse", "skip.safetensors", "--fold-skips", "-o", "f.safetensors").error_line
    assert "f.pt2" in line


@pytest.mark.slow
def test_the_report_is_written_beside_the_model(run: Run, five: Path, photos: Path) -> None:
    outcome = run("fuse", five, "--report", "r.html", "--pictures", photos)
    assert outcome.status == 0, outcome.err
    assert "wrote r.html" in outcome.out
    text = Path("r.html").read_text()
    ElementTree.fromstring(text.partition("\n")[2])
    assert "2 pictures of photos" in text
    outcome = run("fuse", five, "--select", "count:2", "--report", "r.html", "--json")
    assert json.loads(outcome.out)["report"] == "r.html"
    assert "Rule: count:2" in Path("r.html").read_text()


@pytest.mark.slow
def test_fuse_warns_of_the_branch_that_inflates_a_range(run: Run, theirs: str) -> None:
    outcome = run("fuse", f"{theirs}:inflated", "-o", "f.safetensors")
    assert outcome.status == 0
    assert "warning: features.1" in outcome.err
    assert "features.1.branches.0" in outcome.err
    report = json.loads(run("fuse", f"{theirs}:inflated", "--json").out)
    assert any("features.1.branches.0" in warning for warning in report["warnings"])


def test_lint_prints_every_layer(run: Run, five: Path, photos: Path) -> None:
    report = json.loads(run("lint", five, "--pictures", photos, "--json").out)
    assert [layer["name"] for layer in report["layers"]] == [
        "features.0",
        "features.1",
        "features.2",
        "features.3",
        "reconstruct",
    ]
    assert report["measured_on"].startswith("2 pictures of photos")
    outcome = run("lint", five)
    assert "seeded noise" in outcome.out
    assert "features.1" in outcome.out


def test_lint_can_be_read_at_80_columns(
    run: Run, five: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = run("lint", five).out
    table = [line for line in shown.splitlines() if line.startswith(("┃", "│"))]
    assert max(map(len, table)) <= 80
    assert "activations" in table[0]
    for row in table[1:]:
        cells = [cell.strip() for cell in row.strip("│").split("│")]
        # A range that is broken over two lines leaves its dots at the end of one.
        assert not any(cell.endswith("…") for cell in cells)
    factors = [float(found) for found in re.findall(r"\(([\d.]+)×\)", shown)]
    assert all(factor >= 1.5 for factor in factors)


def test_lint_names_the_branch(run: Run, theirs: str) -> None:
    assert "features.1.branches.0" in run("lint", f"{theirs}:inflated").err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "no model"),
        (("sr_x2_y", "--pictures", "nowhere"), "no such folder"),
        (("sr_x2_y", "--pictures", "empty"), "no picture"),
        (("sr_x2_y", "--pictures", "broken"), "a.png"),
        (("THEIRS:four_channels", "--pictures", "photos"), "channel"),
        (("THEIRS:two_inputs",), "no convolution and no linear layer"),
        (("THEIRS:plain_chain", "--input", "1x1x4x4"), "no convolution"),
        (("THEIRS:value_error",), "will not"),
    ],
)
def test_bad_input_of_lint(
    run: Run, theirs: str, photos: Path, arguments: tuple[str, ...], word: str
) -> None:
    Path("empty").mkdir()
    Path("broken").mkdir()
    Path("broken/a.png").write_bytes(b"no picture")
    named = [part.replace("THEIRS", theirs) for part in arguments]
    assert word in run("lint", *named).error_line


@pytest.mark.slow
@pytest.mark.parametrize("target", ["executorch", "coreml", "tflite"])
def test_a_foreign_model_converts_and_verifies(run: Run, theirs: str, target: str) -> None:
    suffix = {"executorch": ".pte", "coreml": ".mlpackage", "tflite": ".tflite"}[target]
    outcome = run("convert", f"{theirs}:rep", "-t", target, "--json")
    assert outcome.status == 0, outcome.err
    report = json.loads(outcome.out)
    assert report["output"] == f"rep{suffix}"
    assert run("verify", f"{theirs}:rep", f"rep{suffix}").status == 0
    assert run("convert", f"{theirs}:bare", "-t", target, "--input", "1x3x16x12").status == 0
    assert run("verify", f"{theirs}:bare", f"bare{suffix}", "--input", "1x3x16x12").status == 0


def test_convert_refuses_two_sizes(run: Run, theirs: str) -> None:
    line = run(
        "convert", f"{theirs}:rep", "-t", "tflite", "--size", "8x8", "--input", "1x3x8x8"
    ).error_line
    assert "--size and --input" in line
