from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from torch import nn

from edge_sdk.errors import OutputError
from edge_sdk.models import EnhanceNet, EnhanceNetConfig
from edge_sdk.quantization import lint_ranges
from edge_sdk.reparam import (
    FusionPlan,
    MultiBranchConv2d,
    Region,
    Rule,
    five_branches,
    fuse,
    fuse_partially,
    preset,
)
from edge_sdk.report import FusionSummary, fusion_report, write_page
from edge_sdk.report.fusion.diagram import drawing, picture_of

X = torch.rand(1, 3, 9, 8)


class Residual(nn.Module):
    """Holds a BatchNorm that nothing can take in."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.first = nn.Conv2d(3, 3, 3, padding=1)
        self.second = nn.Conv2d(3, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(self.first(torch.relu(self.norm(x))))


def summary_of(network: nn.Module, example: torch.Tensor, **changes: object) -> FusionSummary:
    _, certificate = fuse(network, example)
    summary = FusionSummary(
        model="a model",
        network=network,
        shapes=(tuple(example.shape),),
        certificate=certificate,
        written="fused.pt2, a program",
        rule=None,
        ranges=lint_ranges(network, example),
        ranges_source="noise",
    )
    return replace(summary, **changes)


def enhance_net() -> EnhanceNet:
    return EnhanceNet(EnhanceNetConfig(widths=(3, 3), skips=(), branches=five_branches(3)))


def tree(text: str) -> ElementTree.Element:
    assert text.startswith("<!DOCTYPE html>\n")
    return ElementTree.fromstring(text.partition("\n")[2])


def words(text: str) -> str:
    return " ".join("".join(tree(text).itertext()).split())


@pytest.fixture(params=["blocks", "refusals", "partly"])
def text(request: pytest.FixtureRequest) -> str:
    if request.param == "refusals":
        return fusion_report(summary_of(Residual().eval(), X))
    network, example = enhance_net(), torch.rand(1, 1, 9, 8)
    summary = summary_of(network, example)
    if request.param == "partly":
        _, certificate = fuse_partially(network, FusionPlan(Rule("uniform", 2)), example)
        summary = replace(summary, certificate=certificate, rule="uniform:2")
    return fusion_report(summary)


def test_the_page_needs_nothing_else(text: str) -> None:
    assert not re.search(r"https?://|//[a-z]|@import|url\(", text)
    for found in tree(text).iter():
        assert found.tag not in {"script", "link", "img", "iframe", "object", "form", "base"}
        assert not {"href", "srcset", "onclick", "action"} & set(found.attrib)
    assert "default-src 'none'" in text


def test_the_page_is_readable_on_a_phone_and_in_the_dark(text: str) -> None:
    assert "prefers-color-scheme: dark" in text
    assert 'content="width=device-width, initial-scale=1"' in text
    for cell in tree(text).iter("td"):
        assert cell.get("data-label")


def test_every_region_refusal_and_probe_is_reported() -> None:
    summary = summary_of(Residual().eval(), X)
    told = words(fusion_report(summary))
    assert summary.certificate.refusals
    for refusal in summary.certificate.refusals:
        assert f"{refusal.name}: {refusal.reason}" in told
    for probe in summary.certificate.probes:
        assert probe in told
    network = enhance_net()
    summary = summary_of(network, torch.rand(1, 1, 9, 8))
    told = words(fusion_report(summary))
    for region in summary.certificate.regions:
        assert region.name in told
    assert f"before: {len(summary.certificate.operators_before)} operators" in told


def test_strips_share_one_scale() -> None:
    summary = summary_of(enhance_net(), torch.rand(1, 1, 9, 8))
    strips = [
        svg
        for svg in tree(fusion_report(summary)).iter("svg")
        if (svg.get("viewBox") or "").startswith("0 0 1000")
    ]
    lengths = [
        max(float(rect.get("x")) + float(rect.get("width")) for rect in svg.iter("rect"))
        for svg in strips
    ]
    before, after = summary.certificate.bytes_before, summary.certificate.bytes_after
    assert lengths[0] == pytest.approx(1000, abs=1)
    assert lengths[1] == pytest.approx(1000 * after / before, abs=1)


def test_names_are_escaped() -> None:
    name = '<script>alert("x")</script>&'
    summary = summary_of(
        enhance_net(), torch.rand(1, 1, 9, 8), model=name, rule=name, written=name,
        ranges_source=name,
    )  # fmt: skip
    regions = tuple(
        replace(region, name=name, members=(name,)) for region in summary.certificate.regions
    )
    summary = replace(summary, certificate=replace(summary.certificate, regions=regions))
    text = fusion_report(summary)
    assert "<script" not in text
    assert name in "".join(tree(text).itertext())


def test_warnings_stand_above_the_table() -> None:
    network = enhance_net()
    with torch.no_grad():
        network.features[1].branches[1].layers[0].weight.mul_(1e4)
    summary = summary_of(network, torch.rand(1, 1, 9, 8))
    assert summary.ranges is not None
    assert summary.ranges.warnings
    told = words(fusion_report(summary))
    assert summary.ranges.warnings[0] in told
    assert "features.1.branches.1" in told


def test_a_report_without_ranges_or_regions_notes_it() -> None:
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU())
    told = words(fusion_report(summary_of(network, X, ranges=None, ranges_source="two inputs")))
    assert "Not measured: two inputs." in told
    assert "Nothing: no two linear steps" in told


@pytest.mark.parametrize("name", ["repvgg", "qarepvgg", "acnet", "dbb", "ecb", "sesr"])
def test_every_branch_of_every_preset_is_drawn(name: str) -> None:
    config = preset(name, 4)
    block = MultiBranchConv2d(4, 4, config.branches)
    picture = picture_of(Region("", len(block.branches), block.kernel), block)
    assert picture.parallel
    assert len(picture.rows) == len(config.branches)
    svg = ElementTree.fromstring(drawing(picture))
    _, _, width, height = map(float, svg.get("viewBox", "").split())
    for rect in svg.iter("rect"):
        assert 0 <= float(rect.get("x")) <= float(rect.get("x")) + float(rect.get("width")) <= width
        assert 0 <= float(rect.get("y")) + float(rect.get("height")) <= height


def test_long_bundles_are_cut_short() -> None:
    network = nn.Sequential(*(nn.Conv2d(3, 3, 3) for _ in range(80)))
    region = Region("fused", 80, (161, 161), tuple(str(index) for index in range(80)))
    picture = picture_of(region, network)
    assert not picture.parallel
    assert "more" in "".join(ElementTree.fromstring(drawing(picture)).itertext())


def test_pages_appear_whole_or_not(tmp_path: Path) -> None:
    write_page("page", tmp_path / "a.html")
    assert (tmp_path / "a.html").read_text() == "page"
    with pytest.raises(OutputError):
        write_page("page", tmp_path / "none" / "a.html")
