from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from edge_sdk.errors import ModelError, OutputError
from edge_sdk.models.exported_program import save_program


class Flat(nn.Module):
    """Takes pictures of one size only."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3, padding=1)
        self.linear = nn.Linear(2 * 6 * 5, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.conv(x).flatten(1))


class Decides(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x


@torch.no_grad()
def test_a_program_computes_what_the_model_does_at_any_size(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.PixelShuffle(2)).eval()
    written = save_program(net, (torch.rand(1, 3, 6, 5),), tmp_path / "a.pt2")
    assert written.inputs == ((1, 3, None, None),)
    read = torch.export.load(written.path).module()
    x = torch.rand(1, 3, 9, 14)
    torch.testing.assert_close(read(x), net(x))
    assert list(tmp_path.iterdir()) == [written.path]


def test_sides_that_the_model_fixes_are_fixed(tmp_path: Path) -> None:
    written = save_program(Flat().eval(), (torch.rand(2, 3, 6, 5),), tmp_path / "a.pt2")
    assert written.inputs == ((2, 3, 6, 5),)


def test_several_inputs_of_any_rank(tmp_path: Path) -> None:
    example = (torch.rand(5, 2), torch.rand(5, 3))
    written = save_program(nn.Bilinear(2, 3, 4), example, tmp_path / "a.pt2")
    assert written.inputs == ((5, 2), (5, 3))


def test_what_cannot_be_traced_or_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"Decides cannot be written as \.pt2") as caught:
        save_program(Decides(), (torch.rand(1, 3, 4, 4),), tmp_path / "a.pt2")
    assert "\n" not in str(caught.value)
    with pytest.raises(OutputError, match="does not exist"):
        save_program(nn.ReLU(), (torch.rand(1, 3, 4, 4),), tmp_path / "none" / "a.pt2")
    assert list(tmp_path.iterdir()) == []
