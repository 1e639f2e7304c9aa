"""Weights of files in models of callables: found where trainers keep them; no code is run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from edge_sdk.errors import ModelError
from edge_sdk.zoo.own_weights import load_weights

STATE = nn.Conv2d(2, 3, 3).state_dict()


@pytest.mark.parametrize(
    ("held", "note"),
    [
        (STATE, ""),
        ({"epoch": 3, "state_dict": STATE}, "found under 'state_dict'"),
        ({"params_ema": STATE, "params": {}}, "found under 'params_ema'"),
        ({f"module.{name}": value for name, value in STATE.items()}, "'module.' taken off"),
    ],
)
def test_weights_are_found(held: dict[str, object], note: str, tmp_path: Path) -> None:
    torch.save(held, tmp_path / "weights.pth")
    network = nn.Conv2d(2, 3, 3)
    said = load_weights(network, tmp_path / "weights.pth")
    assert note in said
    assert bool(note) == bool(said)
    assert torch.equal(network.weight, STATE["weight"])


def test_safetensors(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "weights.safetensors")
    network = nn.Conv2d(2, 3, 3)
    assert load_weights(network, tmp_path / "weights.safetensors") == ""
    assert torch.equal(network.bias, STATE["bias"])


class Harmful:
    """What a pickle can make a reader do."""

    def __reduce__(self) -> tuple[object, ...]:
        return (exec, ("raise SystemExit('code was run')",))


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        ({"weights": Harmful()}, "needs code to load"),
        (nn.Conv2d(2, 3, 3), "needs code to load"),
        ({"weight": STATE["weight"]}, "lacks of Conv2d bias"),
        ({**STATE, "scale": torch.ones(1)}, "holds what Conv2d lacks: scale"),
        (nn.Conv2d(4, 3, 3).state_dict(), "size mismatch"),
        ([1, 2], "holds no state_dict"),
    ],
)
def test_what_does_not_fit_is_refused_by_one_line(
    held: object, reason: str, tmp_path: Path
) -> None:
    torch.save(held, tmp_path / "weights.pth")
    with pytest.raises(ModelError, match=reason) as caught:
        load_weights(nn.Conv2d(2, 3, 3), tmp_path / "weights.pth")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["cut.pth", "cut.safetensors", "none.pth"])
def test_damaged_and_missing_files(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if not name.startswith("none"):
        path.write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError) as caught:
        load_weights(nn.Conv2d(2, 3, 3), path)
    assert "\n" not in str(caught.value)
