from __future__ import annotations

import contextlib
import json
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import nn

from edge_sdk.errors import ModelError, OutputError
from edge_sdk.models import (
    Color,
    EnhanceNet,
    EnhanceNetConfig,
    Task,
    load_checkpoint,
    save_checkpoint,
)
from edge_sdk.models.checkpoint import parse_config
from edge_sdk.models.enhance_config import SCALES
from edge_sdk.reparam import five_branches, fuse, sesr_branches
from edge_sdk.reparam.blocks.presets import qarepvgg
from tests.examples import examples

CONFIG = EnhanceNetConfig(widths=(3, 4), skips=(), branches=five_branches(3), activation="relu")


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_checkpoint(EnhanceNet(CONFIG), path)
    return path


def metadata_of(path: Path) -> dict[str, str]:
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    result: dict[str, str] = json.loads(data[8 : 8 + length])["__metadata__"]
    return result


def described(path: Path, **changes: object) -> dict[str, str]:
    metadata = metadata_of(path)
    config = json.loads(metadata["config"]) | changes
    return metadata | {"config": json.dumps(config)}


def assert_refused(path: Path, message: str) -> None:
    before = sorted(path.parent.iterdir())
    with pytest.raises(ModelError, match=message) as caught:
        load_checkpoint(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    assert sorted(path.parent.iterdir()) == before


@pytest.mark.parametrize("color", ["y", "rgb"])
@pytest.mark.parametrize(
    ("branches", "norm"),
    [
        (None, False),
        (sesr_branches(5), False),
        (five_branches(3), False),
        (qarepvgg().branches, True),
    ],
)
@torch.no_grad()
def test_round_trip(tmp_path: Path, color: str, branches, norm: bool) -> None:
    config = EnhanceNetConfig(
        scale=3,
        color=Color(color),
        widths=(3, 3, 2),
        skips=((0, 1),),
        branches=branches,
        norm=norm,
    )
    net = EnhanceNet(config)
    for buffer in net.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 2)
    path = tmp_path / "model.safetensors"
    save_checkpoint(net, path)
    read = load_checkpoint(path)
    assert read.path == path
    assert read.model.config == config
    assert not read.model.training
    x = torch.rand(1, config.color.channels, 5, 6)
    assert torch.equal(read.model(x), net.eval()(x))
    fused, _ = fuse(net, x)
    save_checkpoint(fused, path)
    again = load_checkpoint(path).model
    assert not again.has_branches
    assert torch.equal(again(x), fused(x))
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("task", [Task.DOWN_SCALING, Task.DENOISING, Task.BURST_ZOOM])
@torch.no_grad()
def test_the_task_is_stored(tmp_path: Path, task: Task) -> None:
    color = Color.RGB if task is Task.BURST_ZOOM else Color.Y
    config = EnhanceNetConfig(task=task, scale=SCALES[task][-1], color=color, widths=(3,), skips=())
    net = EnhanceNet(config).eval()
    save_checkpoint(net, tmp_path / "a.safetensors")
    read = load_checkpoint(tmp_path / "a.safetensors").model
    assert read.config == config
    assert read.spec == net.spec
    x = torch.rand(1, net.spec.input_channels, 8, 8)
    assert torch.equal(read(x), net(x))


@torch.no_grad()
def test_older_descriptions_are_of_super_resolution_without_norm(stored: Path) -> None:
    metadata = metadata_of(stored)
    config = json.loads(metadata["config"])
    del config["task"], config["norm"]
    expected = load_checkpoint(stored).model
    state = load(stored.read_bytes())
    stored.write_bytes(save(state, metadata | {"config": json.dumps(config)}))
    read = load_checkpoint(stored).model
    assert read.config == expected.config
    assert read.config.task is Task.SUPER_RESOLUTION
    assert not read.config.norm
    x = torch.rand(1, 1, 6, 5)
    assert torch.equal(read(x), expected(x))


def test_half_precision_weights_are_read_as_float32(tmp_path: Path) -> None:
    save_checkpoint(EnhanceNet(CONFIG).half(), tmp_path / "half.safetensors")
    model = load_checkpoint(tmp_path / "half.safetensors").model
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        load_checkpoint(tmp_path / "none.safetensors")
    with pytest.raises(ModelError, match="no such model file"):
        load_checkpoint(tmp_path)


@pytest.mark.slow
@examples(40)
@given(st.floats(0, 0.999))
def test_any_truncation_is_refused(tmp_path_factory: pytest.TempPathFactory, part: float) -> None:
    folder = tmp_path_factory.mktemp("cut")
    path = folder / "model.safetensors"
    save_checkpoint(EnhanceNet(CONFIG), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    assert_refused(path, "export it again")


@pytest.mark.slow
@examples(60)
@given(st.integers(0, 2000), st.binary(min_size=1, max_size=20))
def test_a_damaged_header_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, position: int, junk: bytes
) -> None:
    path = tmp_path_factory.mktemp("damage") / "model.safetensors"
    save_checkpoint(EnhanceNet(CONFIG), path)
    data = path.read_bytes()
    path.write_bytes(data[:position] + junk + data[position + len(junk) :])
    with contextlib.suppress(ModelError):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", b"\xff" * 64, b"\x89PNG\r\n\x1a\n" + bytes(64), b"{}", bytes(8)],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    assert_refused(path, "not a readable safetensors file")


class Trap:
    def __reduce__(self):
        return (Path.touch, (Path("opened"),))


def test_a_pickle_is_refused_and_not_opened(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.safetensors").write_bytes(pickle.dumps(Trap()))
    torch.save({"weights": Trap()}, tmp_path / "b.safetensors")
    for name in ("a", "b"):
        assert_refused(tmp_path / f"{name}.safetensors", "not a readable safetensors file")
    assert not (tmp_path / "opened").exists()


def test_foreign_safetensors_are_refused(stored: Path) -> None:
    state, metadata = load(stored.read_bytes()), metadata_of(stored)
    for foreign in (None, {}, {"format": "pt"}, metadata | {"format": "other"}):
        stored.write_bytes(save(state, foreign))
        assert_refused(stored, "not an edge-sdk model file")


@pytest.mark.parametrize("version", ["0", "3", "1.0", ""])
def test_other_versions_are_refused(stored: Path, version: str) -> None:
    metadata = metadata_of(stored) | {"version": version}
    stored.write_bytes(save(load(stored.read_bytes()), metadata))
    assert_refused(stored, "update edge-sdk")


def test_files_of_the_first_version_are_read_with_a_note(
    stored: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weights, metadata = load(stored.read_bytes()), metadata_of(stored)
    old = metadata | {"version": "1", "config": metadata["config"].replace('"color"', '"colour"')}
    expected = load_checkpoint(stored).model
    stored.write_bytes(save(weights, old))
    model = load_checkpoint(stored).model
    assert model.config == expected.config
    assert "earlier version" in caplog.text


def test_weights_that_do_not_fit_are_refused(stored: Path) -> None:
    state, metadata = load(stored.read_bytes()), metadata_of(stored)
    name = "features.0.branches.0.layers.0.weight"
    without = {key: tensor for key, tensor in state.items() if key != name}
    for wrong in (
        without,
        state | {"extra": torch.zeros(1)},
        state | {name: torch.zeros(1, 2, 3)},
        {},
    ):
        stored.write_bytes(save(wrong, metadata))
        assert_refused(stored, "weights do not fit")
    for wrong in (torch.full_like(state[name], float("nan")), state[name].to(torch.int8)):
        stored.write_bytes(save(state | {name: wrong}, metadata))
        assert_refused(stored, f"{name} holds no finite real numbers")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depth": 3}, "depth: Unexpected keyword"),
        ({"scale": "two"}, "scale: "),
        ({"scale": 9}, "scale 9 is not supported"),
        ({"widths": [3, 0]}, "must be positive"),
        ({"widths": [10**9, 10**9]}, "weights do not fit"),
        ({"widths": [10**30]}, "weights do not fit"),
        ({"activation": "gelu"}, "activation: "),
        ({"task": "upscaling"}, "task: "),
        ({"task": "denoising"}, "scale 2 is not supported by denoising"),
        (
            {"architecture": "other"},
            "architecture 'other', and known here are: burst_net, enhance_net",
        ),
        ({"architecture": 7}, "architecture: Input should be 'enhance_net'"),
        ({"branches": [{"kind": "conv", "kernels": [2]}] * 2}, "square kernel of odd side"),
        ({"branches": [{"kind": "conv", "kernels": [3], "wide": 1}] * 2}, "branches.0"),
        ({"branches": []}, "needs two branches or more"),
    ],
)
def test_descriptions_that_do_not_fit_are_refused(stored: Path, changes, message: str) -> None:
    stored.write_bytes(save(load(stored.read_bytes()), described(stored, **changes)))
    assert_refused(stored, message)


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "3", "[" * 100_000, '{"scale": NaN}'])
def test_descriptions_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ModelError, match=r"^here: .*description") as caught:
        parse_config(text, "here")
    assert "\n" not in str(caught.value)


def test_only_enhance_net_is_stored(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="a Conv2d cannot be stored"):
        save_checkpoint(nn.Conv2d(1, 1, 1), tmp_path / "a.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        save_checkpoint(EnhanceNet(CONFIG), tmp_path / "none" / "a.safetensors")
    with pytest.raises(OutputError, match="is a folder"):
        save_checkpoint(EnhanceNet(CONFIG), tmp_path)


def test_an_interrupted_write_keeps_the_old_file(stored: Path, monkeypatch) -> None:
    before = stored.read_bytes()

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left"):
        save_checkpoint(EnhanceNet(CONFIG), stored)
    assert list(stored.parent.iterdir()) == [stored]
    assert stored.read_bytes() == before
