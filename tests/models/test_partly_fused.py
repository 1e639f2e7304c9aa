from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from edge_sdk.errors import InputError, ModelError
from edge_sdk.models import EnhanceNet, EnhanceNetConfig, load_checkpoint, save_checkpoint
from edge_sdk.reparam import FusionPlan, Rule, five_branches, fuse, fuse_partially
from tests.reparam.random_blocks import trained_looking
from tests.tolerances import MERGED_NETWORK

CONFIG = EnhanceNetConfig(widths=(3, 3, 4), skips=((0, 1),), branches=five_branches(3))
X = torch.rand(1, 1, 9, 8)


@pytest.mark.parametrize(
    "plan",
    [
        FusionPlan(Rule("uniform", 2)),
        FusionPlan(Rule("uniform", 4)),
        FusionPlan(Rule("inverse", 5.0)),
        FusionPlan(Rule("per-size", 3)),
        FusionPlan(Rule("kernel", 1)),
        FusionPlan(Rule("all"), Rule("every", 2)),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"norm": True, "ends": "plain"},
        {"norm": True, "joining": "concatenate"},
    ],
    ids=["branches", "plain ends", "norm"],
)
@torch.no_grad()
def test_a_partly_fused_network_survives_its_file(
    tmp_path: Path, plan: FusionPlan, changes: dict[str, object]
) -> None:
    config = replace(CONFIG, **changes)
    net = trained_looking(EnhanceNet(config))
    partly, certificate = fuse_partially(net, plan, X)
    assert isinstance(partly, EnhanceNet)
    assert certificate.regions
    assert partly.config.branches is None
    assert partly.config.blocks is not None
    path = tmp_path / "partly.safetensors"
    save_checkpoint(partly, path)
    read = load_checkpoint(path).model
    assert read.config == partly.config
    assert torch.equal(read(X), partly(X))
    assert read.spec == net.spec
    whole, _ = fuse(read, X)
    assert isinstance(whole, EnhanceNet)
    assert whole.config == config.fused()
    torch.testing.assert_close(whole(X), net(X), **MERGED_NETWORK)


def test_a_network_as_it_was_built_keeps_its_config() -> None:
    assert EnhanceNet(CONFIG).config is not None
    assert EnhanceNet(CONFIG).config == CONFIG
    assert EnhanceNet(CONFIG.fused()).config == CONFIG.fused()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"blocks": (None,) * 4}, "give one of them"),
        ({"branches": None, "blocks": (None,) * 3}, "each of the 4"),
        ({"branches": None, "blocks": (None, None, (), None)}, "needs two branches or more"),
        (
            {"branches": None, "blocks": (five_branches(3)[:1], None, None, None)},
            "needs two branches or more",
        ),
    ],
)
def test_blocks_that_do_not_fit_are_refused(changes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(CONFIG, **changes)


def test_a_network_with_other_layers_has_no_file_form(tmp_path: Path) -> None:
    net = EnhanceNet(CONFIG.fused())
    net.features[0] = nn.Conv2d(1, 3, 5, padding=2)
    with pytest.raises(ModelError, match="no file form"):
        save_checkpoint(net, tmp_path / "a.safetensors")
