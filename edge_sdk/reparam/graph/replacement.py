"""Blocks of a model replaced by what they merge into, wherever the model holds them."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from edge_sdk.errors import FusionError, first_line
from edge_sdk.reparam.blocks.block import MultiBranchConv2d
from edge_sdk.reparam.blocks.collapse import multi_branch_blocks
from edge_sdk.reparam.graph.fusion import copy_of
from edge_sdk.reparam.proof.comparison import outputs

Replacements = Mapping[MultiBranchConv2d, nn.Module]


def names_of_blocks(model: nn.Module) -> dict[MultiBranchConv2d, str]:
    """First name of every multi-branch block of a model, in the order of its modules."""
    return {
        part: name for name, part in model.named_modules() if isinstance(part, MultiBranchConv2d)
    }


def unmergeable_blocks(
    model: nn.Module, inputs: tuple[Tensor, ...]
) -> dict[MultiBranchConv2d, str]:
    """Blocks that must stay as they are, with the reason: those with hooks, and those that rest.

    Args:
        model: in evaluation mode.
        inputs: example inputs.

    Raises:
        FusionError: if a block runs that is no submodule of the model.
    """
    running = _running(model, inputs)
    _check_registered(model, running)
    reasons = {}
    for block in multi_branch_blocks(model):
        if any(part._forward_hooks or part._forward_pre_hooks for part in block.modules()):
            reasons[block] = "merging would lose its hooks; remove the hooks before fusing"
        elif block not in running:
            reasons[block] = "it is not called in evaluation, so that nothing proves its merging"
    return reasons


def replaced(model: nn.Module, replacements: Replacements, inputs: tuple[Tensor, ...]) -> nn.Module:
    """Copy of a model with other modules in place of blocks, in its lists and attributes too.

    Args:
        model: in evaluation mode; left untouched.
        replacements: blocks of it that run, and what stands in their place.
        inputs: example inputs, on which the copy runs once.

    Raises:
        FusionError: if a replacement does not run in the copy, or a block that it does not hold
            does: then its forward pass reaches a block by another way than its attributes.
    """
    names = names_of_blocks(model)
    # The copies that a deep copy has made already are taken for what they are copies of.
    copy: nn.Module = copy_of(model, {id(old): new for old, new in replacements.items()})
    running = _running(copy, inputs)
    for old, new in replacements.items():
        if new not in running:
            raise FusionError(
                f"the merged block '{names[old]}' would not run, since the forward pass reaches "
                "the block by another way; call it as a submodule, self.block(x)"
            )
    _check_registered(copy, running)
    return copy


def _running(model: nn.Module, inputs: tuple[Tensor, ...]) -> set[nn.Module]:
    """Modules that are called in a forward pass, whoever holds them."""
    running: set[nn.Module] = set()
    hook = register_module_forward_pre_hook(lambda module, _: running.add(module))
    try:
        outputs(model, inputs)
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
        raise FusionError(
            f"{type(model).__name__} does not run with its blocks merged ({first_line(error)}); "
            "let it use blocks as layers only"
        ) from error
    finally:
        hook.remove()
    return running


def _check_registered(model: nn.Module, running: set[nn.Module]) -> None:
    held = set(model.modules())
    for module in running:
        if isinstance(module, MultiBranchConv2d) and module not in held:
            raise FusionError(
                f"a multi-branch block of {module.in_channels} to {module.out_channels} channels "
                f"runs that is no submodule of {type(model).__name__}; hold it in an attribute or "
                "an nn.ModuleList"
            )
