from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from edge_sdk.errors import EdgeSdkError, InputError, ModelError
from edge_sdk.models import EnhanceNet
from edge_sdk.zoo.loading import load_any, parse_shape

SOURCE = """
import torch
from torch import nn

COUNT = 3
instance = nn.Conv2d(2, 2, 1)

def bare():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))

def with_example():
    return bare().train(), torch.zeros(2, 3, 9, 8)

def with_inputs():
    return nn.Bilinear(2, 3, 4), [torch.zeros(5, 2), torch.zeros(5, 3)]

class Nested:
    Net = nn.Identity

def needs(width):
    return nn.Conv2d(width, 1, 1)

def raises():
    raise RuntimeError("no weights\\nat all")

def leaves():
    raise SystemExit(3)

def number():
    return 7

def odd_example():
    return bare(), "1x3x8x8"
"""

NUMBERS = itertools.count()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes a module in the current directory; gives its name, which is new each time."""
    monkeypatch.chdir(tmp_path)

    def write(source: str = SOURCE) -> str:
        name = f"their_models_{next(NUMBERS)}"
        (tmp_path / f"{name}.py").write_text(source)
        return name

    return write


def test_shipped_models_come_with_spec_and_example() -> None:
    loaded = load_any("sr_x2_y")
    assert isinstance(loaded.network, EnhanceNet)
    assert loaded.spec == loaded.network.spec
    assert loaded.single_example.shape == (1, 1, 32, 32)
    assert load_any("sr_x2_y", (2, 1, 8, 10)).single_example.shape == (2, 1, 8, 10)
    assert loaded.resized(7, 9).single_example.shape == (1, 1, 7, 9)


def test_a_callable_gives_a_model_in_evaluation_mode(module) -> None:
    loaded = load_any(f"{module()}:with_example")
    assert loaded.spec is None
    assert loaded.single_example.shape == (2, 3, 9, 8)
    assert not loaded.network.training
    assert loaded.network(loaded.single_example).shape == (2, 4, 7, 6)


def test_random_weights_are_the_same_each_time_and_the_generator_is_left_alone(module) -> None:
    name = f"{module()}:bare"
    state = torch.get_rng_state()
    first, second = (load_any(name, (1, 3, 8, 8)).network.state_dict() for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert torch.equal(torch.get_rng_state(), state)


def test_examples_are_seeded_noise_between_0_and_1(module) -> None:
    name = f"{module()}:bare"
    first, second = (load_any(name, (1, 3, 8, 8)).single_example for _ in range(2))
    assert torch.equal(first, second)
    assert 0 <= float(first.min()) < float(first.max()) <= 1


def test_instances_and_nested_names_and_several_inputs(module) -> None:
    name = module()
    assert load_any(f"{name}:instance", (1, 2, 4, 4)).network.kernel_size == (1, 1)
    assert load_any(f"{name}:Nested.Net", (1, 2, 4, 4)).name.endswith("Nested.Net")
    loaded = load_any(f"{name}:with_inputs")
    assert [tuple(value.shape) for value in loaded.example] == [(5, 2), (5, 3)]
    with pytest.raises(InputError, match="2 inputs"):
        _ = loaded.single_example
    with pytest.raises(InputError, match="takes 2 inputs, not 1"):
        load_any(f"{name}:with_inputs", (1, 3, 8, 8))


def test_the_current_directory_does_not_stay_importable(module) -> None:
    import sys

    before = list(sys.path)
    load_any(f"{module()}:with_example")
    assert sys.path == before


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("missing", "'missing' is not in .*it has: bare, with_example"),
        ("Nested.missing", "is not in"),
        ("", "is not in"),
        ("a b", "is not in"),
        ("COUNT", "is a int"),
        ("needs", r"width.*give what it needs by --arg NAME=VALUE"),
        ("raises", "raises RuntimeError: no weights$"),
        ("leaves", "raises SystemExit: 3"),
        ("number", "returns a int"),
        ("odd_example", "returns a str as example"),
        ("bare", "--input 1x3x224x224"),
    ],
)
def test_what_a_callable_can_do_wrong_is_reported_in_one_line(module, attribute, message) -> None:
    with pytest.raises(EdgeSdkError, match=message) as caught:
        load_any(f"{module()}:{attribute}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import no_such_thing_anywhere", "needs the module 'no_such_thing_anywhere'"),
        ("1 / 0", "fails: ZeroDivisionError: division by zero"),
        ("def (", "fails: SyntaxError"),
        ("raise SystemExit", "fails: SystemExit"),
    ],
)
def test_modules_that_cannot_be_imported(module, source, message) -> None:
    with pytest.raises(ModelError, match=message):
        load_any(f"{module(source)}:net")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_package:net", "no Python module 'no_such_package'"),
        ("no_such.part:net", "no Python module 'no_such'"),
        ("1abc:net", "no Python name"),
        ("fused.pt2", "can run code"),
        ("nothing", "neither a shipped model"),
    ],
)
def test_names_of_nothing(name, message) -> None:
    with pytest.raises(ModelError, match=message):
        load_any(name)


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (32, 32), (1,)])
def test_examples_that_do_not_fit_the_spec(shape) -> None:
    with pytest.raises(InputError, match="takes N×1×H×W"):
        load_any("sr_x2_y", shape)


@pytest.mark.parametrize("text", ["1x3x224x224", " 1×3×224×224 ", "1X3X224X224"])
def test_shapes_are_read(text: str) -> None:
    assert parse_shape(text) == (1, 3, 224, 224)


@pytest.mark.parametrize("text", ["", "x", "1x0x2", "1,3,8,8", "1x3x99999", "1x" * 7 + "1", "-1"])
def test_other_shapes_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_shape(text)


def test_an_example_that_no_machine_holds_is_refused(module) -> None:
    with pytest.raises(InputError, match="smaller"):
        load_any(f"{module()}:bare", (64, 3, 8192, 8192))
