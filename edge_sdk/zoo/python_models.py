"""Models that a callable of an importable Python module builds."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edge_sdk.errors import EdgeSdkError, ModelError

Arguments = Mapping[str, Any]
NONE: Arguments = {}


def call_for_model(name: str, arguments: Arguments = NONE) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """Import, call and check what ``package.module:callable`` names.

    Args:
        name: of the callable, or of a module that is made already.
        arguments: what the callable is called with, by name.

    Returns:
        The module, and its example inputs, none if the callable gives none.

    Raises:
        ModelError: naming the step that failed, with its one-line reason.
    """
    module_name, _, attribute = name.partition(":")
    with _current_directory_importable(), torch.random.fork_rng():
        torch.manual_seed(0)
        found = _attribute(_imported(module_name), attribute, name)
        if isinstance(found, nn.Module) and arguments:
            raise ModelError(f"{name} is a model already, and takes no arguments; leave --arg out")
        made = found if isinstance(found, nn.Module) else _called(found, name, arguments)
    if isinstance(made, tuple | list) and len(made) == 2:
        model, example = made[0], _tensors(made[1], name)
    else:
        model, example = made, ()
    if not isinstance(model, nn.Module):
        raise ModelError(
            f"{name} returns a {type(made).__name__}; return an nn.Module, or a pair (nn.Module, "
            "example tensor)"
        )
    return model, example


def python_object(name: str) -> Any:
    """Import what ``package.module:attribute`` names, from the current directory too.

    Raises:
        ModelError: if there is no such module or attribute, or importing fails.
    """
    module_name, _, attribute = name.partition(":")
    with _current_directory_importable():
        return _attribute(_imported(module_name), attribute, name)


@contextmanager
def _current_directory_importable() -> Iterator[None]:
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(f"{missing}."):
            raise ModelError(
                f"no Python module '{missing}' here; check the name, or run in the folder that "
                f"holds {missing.split('.')[0]}.py or install it"
            ) from error
        raise ModelError(f"importing {name} fails: it needs the module '{missing}'") from error
    except (Exception, SystemExit) as error:
        raise ModelError(f"importing {name} fails: {_reason(error)}") from error


def _attribute(module: Any, path: str, name: str) -> Any:
    found = module
    for part in path.split("."):
        if not part.isidentifier() or not hasattr(found, part):
            own = [key for key, value in vars(module).items() if _is_offered(key, value, module)]
            known = f"; it has: {', '.join(own[:8])}" if own else ""
            raise ModelError(f"'{path}' is not in {name.partition(':')[0]}{known}")
        found = getattr(found, part)
    return found


def _is_offered(key: str, value: Any, module: Any) -> bool:
    own = getattr(value, "__module__", None) == module.__name__
    return callable(value) and own and not key.startswith("_")


def _called(function: Any, name: str, arguments: Arguments) -> Any:
    if not callable(function):
        raise ModelError(f"{name} is a {type(function).__name__}; name a callable or an nn.Module")
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        given = f"with {', '.join(arguments)}" if arguments else "without arguments"
        raise ModelError(
            f"{name} cannot be called {given} ({error}); it takes {inspect.signature(function)}: "
            "give what it needs by --arg NAME=VALUE"
        ) from error
    except ValueError:
        pass  # It has no signature to look at; the call itself will tell.
    # Once more: importing draws too, but only the first time.
    torch.manual_seed(0)
    try:
        return function(**arguments)
    except EdgeSdkError:
        raise
    except (Exception, SystemExit) as error:
        raise ModelError(f"{name} raises {_reason(error)}") from error


def _tensors(example: Any, name: str) -> tuple[Tensor, ...]:
    tensors = (example,) if isinstance(example, Tensor) else example
    if (
        not isinstance(tensors, tuple | list)
        or not tensors
        or not all(isinstance(value, Tensor) for value in tensors)
    ):
        raise ModelError(
            f"{name} returns a {type(example).__name__} as example; give a tensor, or one for each "
            "argument"
        )
    return tuple(value.detach() for value in tensors)


def _reason(error: BaseException) -> str:
    line = " ".join(str(error).strip().split("\n", 1)[0].split())
    return f"{type(error).__name__}: {line}" if line else type(error).__name__
