"""What int8 does to a function of its own shows against that, not against another function."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from edge_sdk.deploy.preparation import prepare
from edge_sdk.emulate.parity.chain import parity_chain
from edge_sdk.emulate.parity.gates import GATES_DB, OWN_FUNCTION_DB
from edge_sdk.emulate.parity.rows import ParityRow, Step
from edge_sdk.quantization import apply_scheme, quantize
from edge_sdk.zoo.loading import load_any
from tests.builders.conversion_nets import picture

PROBES = [picture(1, 1, 16, 16, seed=seed) for seed in range(3)]


def net(shift: float = 0.0) -> nn.Sequential:
    """A smooth picture of the input, moved by a constant."""
    made = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1))
    with torch.no_grad():
        made[0].weight.fill_(0.1)
        made[0].bias.fill_(0.02 + shift)
    return made.eval()


def coded(model: nn.Module) -> nn.Module:
    scheme = quantize(model, PROBES[0], PROBES).scheme
    return apply_scheme(model, PROBES[0], scheme).model


def held(trained: nn.Module, form: nn.Module, *, own: bool = True) -> ParityRow:
    step = Step("quantized", "int8", coded(form), form if own else None)
    return parity_chain(trained, [step], [], PROBES)[-1]


def test_the_gate_of_int8_is_about_the_float_form_of_the_same_weights() -> None:
    # 0.004 everywhere is 48 dB: less than codes may cost, and no code's doing.
    trained, form = net(), net(0.004)
    assert not held(trained, form, own=False).passed
    row = held(trained, form)
    assert row.passed
    assert row.own_db is not None
    assert row.psnr_db < GATES_DB["int8"] < row.own_db


def test_a_form_far_from_the_trained_model_does_not_pass_however_near_its_codes() -> None:
    row = held(net(), net(0.02))
    assert row.own_db is not None
    assert row.own_db > GATES_DB["int8"]
    assert row.psnr_db < OWN_FUNCTION_DB
    assert any("against float32" in fault for fault in row.faults)


def test_codes_that_lose_much_do_not_pass_however_near_the_trained_model() -> None:
    form = net()
    broken = copy.deepcopy(coded(form))
    shifted = nn.Sequential(broken, _Plus(0.006))
    row = parity_chain(form, [Step("quantized", "int8", shifted, form)], [], PROBES)[-1]
    assert any("its own float form" in fault for fault in row.faults)


class _Plus(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.value


@pytest.mark.parametrize(("name", "own"), [("sr_x2_y", True), ("denoise_rgb", False)])
def test_shipped_forms_with_other_activations_are_functions_of_their_own(
    name: str, own: bool
) -> None:
    loaded = load_any(name).resized(16, 16)
    prepared = prepare(loaded, loaded.single_example, "int8")
    assert (prepared.float_form is not None) == own
    assert prepare(loaded, loaded.single_example, "fp32").float_form is None
