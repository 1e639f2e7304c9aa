from __future__ import annotations

from pathlib import Path

import pytest

from edge_sdk.errors import InputError
from edge_sdk.models import Color
from edge_sdk.reparam import sesr_branches
from edge_sdk.training.recipe.config import TrainConfig
from edge_sdk.training.recipe.file import load_train_config
from edge_sdk.training.recipe.record import recorded

MINIMAL = "data: {train: {folder: a}, validation: {folder: b, names: c.txt}}\n"


def recipe(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> str:
    path = recipe(folder, text)
    with pytest.raises(InputError) as caught:
        load_train_config(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_relative_paths_are_taken_from_the_recipe_or_the_root(tmp_path: Path) -> None:
    config = load_train_config(recipe(tmp_path, MINIMAL))
    assert config.data.train.folder == tmp_path / "a"
    assert config.data.train.names is None
    assert config.data.validation.names == tmp_path / "c.txt"
    root = Path("/elsewhere")
    config = load_train_config(recipe(tmp_path, MINIMAL), root)
    assert config.data.train.folder == root / "a"
    assert config.data.validation.names == root / "c.txt"
    several = "data: {train: {folder: a, names: [c.txt, d.txt]}, validation: {folder: b}}"
    config = load_train_config(recipe(tmp_path, several), root)
    assert config.data.train.names == (root / "c.txt", root / "d.txt")
    absolute = "data: {train: {folder: /pictures}, validation: {folder: b}}"
    config = load_train_config(recipe(tmp_path, absolute), root)
    assert config.data.train.folder == Path("/pictures")


def test_a_whole_recipe(tmp_path: Path) -> None:
    text = MINIMAL + (
        "model:\n  scale: 3\n  color: rgb\n  widths: [8, 8]\n  skips: [[0, 1]]\n"
        "  branches: [{kind: conv, kernels: [3, 1], widths: [64]}, {kind: identity}]\n"
        "optimizer: {steps: 7, learning_rate: 1.0e-2}\nvalidate_every: 3\nseed: 5\n"
    )
    config = load_train_config(recipe(tmp_path, text))
    assert config.model.color is Color.RGB
    assert config.model.branches == sesr_branches(64)
    assert (config.optimizer.steps, config.optimizer.learning_rate, config.seed) == (7, 0.01, 5)
    plain = load_train_config(recipe(tmp_path, MINIMAL + "model: {branches: null}"))
    assert plain.model.branches is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("validate_evry: 5", "unknown key 'validate_evry'; did you mean 'validate_every'?"),
        ("optimizer: {learning_rat: 1}", "'optimizer.learning_rat'; did you mean 'learning_rate'?"),
        ("model: {width: [4]}", "unknown key 'model.width'; did you mean 'widths'?"),
        ("learning_rate: 1", "'learning_rate' belongs in optimizer"),
        ("scale: 2", "'scale' belongs in model"),
        ("frobnicate: 1", "unknown key 'frobnicate'; remove it"),
        (
            "model: {branches: [{kind: conv, kernel: [3]}, {kind: identity}]}",
            "unknown key 'model.branches.0.kernel'; did you mean 'kernels'?",
        ),
    ],
)
def test_unknown_keys_are_answered_with_the_nearest(tmp_path: Path, text, message) -> None:
    assert message in refusal(tmp_path, MINIMAL + text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optimizer: {steps: 0}", "optimizer.steps"),
        ("optimizer: {steps: many}", "optimizer.steps"),
        ("optimizer: {learning_rate: .inf}", "optimizer.learning_rate"),
        ("optimizer: {learning_rate: .nan}", "optimizer.learning_rate"),
        ("optimizer: {ema_decay: 1}", "optimizer.ema_decay"),
        ("seed: -1", "seed"),
        ("seed: 4294967296", "seed"),
        ("validate_every: 0", "validate_every"),
        ("model: {scale: 5}", "choose 2, 3 or 4"),
        ("model: {activation: gelu}", "model.activation"),
        (
            "model: {branches: [{kind: conv, kernels: [4]}, {kind: identity}]}",
            "square kernel of odd side",
        ),
        ("model: {kernels: 5}", "all have branches"),
        ("model: {initialization: zero}", "model.initialization: Input should be 'auto'"),
        ("optimizer: {gradient_clip_norm: 0}", "optimizer.gradient_clip_norm"),
    ],
)
def test_values_that_do_not_fit_are_named(tmp_path: Path, text: str, message: str) -> None:
    assert message in refusal(tmp_path, MINIMAL + text)


@pytest.mark.parametrize("resize_factors", ["[]", "[0]", "[1.5]", "[-0.5]", "[1.0, .nan]"])
def test_resize_factors_are_reductions(tmp_path: Path, resize_factors: str) -> None:
    sources = "train: {folder: a}, validation: {folder: b}"
    text = f"data: {{{sources}, resize_factors: {resize_factors}}}"
    assert "data.resize_factors" in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "recipe"),
        ("- 1", "recipe"),
        ("seed: 1", "data: Field required"),
        ("data: {train: {folder: a}}", "data.validation: Field required"),
        ("a: [", "not YAML"),
        ("a: !!python/object:os.system {}", "not YAML"),
        ("a: 1\nb: [", "line 2, column 5"),
        ("data: {}\nseed: 1\nseed: 2", "line 3 gives 'seed' again"),
        ("data:\n  train:\n    folder: a\n    folder: b", "line 4 gives 'folder' again"),
    ],
)
def test_what_is_no_recipe_is_refused(tmp_path: Path, text: str, message: str) -> None:
    assert message in refusal(tmp_path, text)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such recipe"):
        load_train_config(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="no such recipe"):
        load_train_config(tmp_path)
    path = tmp_path / "picture.yaml"
    path.write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(InputError, match="not text in UTF-8"):
        load_train_config(path)


def test_recipes_are_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    path = recipe(tmp_path, "# ×2\ndata: {train: {folder: Größe}, validation: {folder: b}}")
    assert load_train_config(path).data.train.folder == tmp_path / "Größe"


@pytest.mark.parametrize(
    ("branch", "word"),
    [
        ("{kind: cnov, kernels: [3]}", "unknown kind 'cnov'; did you mean 'conv'"),
        ("{kind: conv, kernels: [3], batch_norm: nowhere}", "batch_norm"),
        ("{kind: identity, kernels: [3]}", "kernels"),
    ],
)
def test_a_wrong_branch_is_named(tmp_path: Path, branch: str, word: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "model:\n  branches:\n    - {kind: conv, kernels: [3]}\n"
        f"    - {branch}\n"
        "data:\n  train: {folder: a}\n  validation: {folder: b}\n"
    )
    with pytest.raises(InputError) as caught:
        load_train_config(path)
    assert word in str(caught.value)
    assert "belongs in model.branches" not in str(caught.value) or "identity" in branch


@pytest.mark.parametrize("text", ["", "just words", "[1, 2]"])
def test_a_file_without_keys_is_refused_with_advice(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match="write keys such as"):
        load_train_config(path)


def test_lists_of_names_are_recorded_with_absolute_paths(tmp_path: Path) -> None:
    several = "data: {train: {folder: a, names: [c.txt, d.txt]}, validation: {folder: b}}"
    config = load_train_config(recipe(tmp_path, several), Path("photos"))
    written = recorded(config)
    assert written["data"]["train"]["names"] == [
        str((Path("photos") / name).resolve()) for name in ("c.txt", "d.txt")
    ]
    assert recorded(TrainConfig.model_validate(written)) == written
