"""Fine-tuning brings int8 closer to float; mixed precision meets its budget."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from edge_sdk.errors import InputError
from edge_sdk.models import EnhanceNet
from edge_sdk.quantization import (
    Scheme,
    TuningConfig,
    agreement_db,
    apply_scheme,
    layer_costs,
    meet_budget,
    quantize,
    tune,
)
from tests.builders.smooth_pictures import smooth_pictures

EXAMPLE = torch.zeros(1, 1, 24, 24)


@pytest.mark.slow
def test_tuning_brings_int8_closer_to_float(network: EnhanceNet, pictures: list[Tensor]) -> None:
    scheme = quantize(network, EXAMPLE, pictures, "min-max").scheme
    steps: list[int] = []
    tuned = tune(
        network,
        EXAMPLE,
        scheme,
        pictures,
        TuningConfig(steps=150),
        on_progress=lambda label, done, total: steps.append(done),
    )
    others = smooth_pictures(8, seed=2)
    before = agreement_db(network, apply_scheme(network, EXAMPLE, scheme).model, others)
    after = agreement_db(network, apply_scheme(tuned, EXAMPLE, scheme).model, others)
    assert after > before
    assert steps == list(range(1, 151))


@pytest.mark.slow
def test_tuning_is_seeded_and_leaves_the_model_alone(
    network: EnhanceNet, pictures: list[Tensor]
) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    scheme = quantize(network, EXAMPLE, pictures).scheme
    config = TuningConfig(steps=3, seed=5)
    one, other = (tune(network, EXAMPLE, scheme, pictures, config) for _ in range(2))
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())
    assert all(
        torch.equal(first, second)
        for first, second in zip(one.parameters(), other.parameters(), strict=True)
    )
    assert not torch.equal(next(one.parameters()), next(network.parameters()))


@pytest.mark.slow
def test_mixed_precision_meets_its_budget(network: EnhanceNet, pictures: list[Tensor]) -> None:
    first = quantize(network, EXAMPLE, pictures)
    reached = agreement_db(network, first.model, pictures)
    scheme = meet_budget(first.graph, first.scheme, pictures, reached + 1.5)
    mixed = apply_scheme(network, EXAMPLE, scheme)
    assert scheme.float_layers
    assert agreement_db(network, mixed.model, pictures) >= reached + 1.5
    assert meet_budget(first.graph, first.scheme, pictures, reached - 1) == first.scheme


@pytest.mark.slow
def test_costs_name_every_layer(network: EnhanceNet, pictures: list[Tensor]) -> None:
    first = quantize(network, EXAMPLE, pictures)
    costs = layer_costs(first.graph, first.scheme, pictures[:2])
    assert {cost.name for cost in costs} == {
        value.name for value in first.graph.values if value.name != "x"
    }
    whole = agreement_db(network, first.model, pictures[:2])
    assert all(cost.alone_db >= whole - 0.5 for cost in costs)


@pytest.mark.slow
def test_bad_requests_are_refused(network: EnhanceNet, pictures: list[Tensor]) -> None:
    scheme = quantize(network, EXAMPLE, pictures).scheme
    with pytest.raises(InputError, match="needs pictures"):
        tune(network, EXAMPLE, scheme, [])
    with pytest.raises(InputError, match="needs pictures"):
        tune(network, EXAMPLE, Scheme(weights_only=True), pictures)
    with pytest.raises(InputError, match="give a step"):
        TuningConfig(steps=0)
    graph = quantize(network, EXAMPLE, pictures).graph
    with pytest.raises(InputError, match="misses the budget"):
        meet_budget(graph, scheme, pictures, 1000.0)
