"""How a multi-branch block starts: by the kernel that its branches compose, not by each alone.

Branches that each start as a convolution of their own sum up to a kernel that is several times too
large: a network of five-branch blocks begins one and a half times its input's RMS away from where a
plain one does, and its training first undoes that. Here the *composed* kernel is chosen, with R the
default start of convolutions:

==================  ============================================================================
initialization      composed kernel
==================  ============================================================================
``near_identity``   I + 0.1·R: one branch holds the identity, the others are small
``plain``           that of a fresh ``nn.Conv2d``: one branch holds it, the others are small
``independent``     ΣR at full scale, each branch for itself
``auto``            ``near_identity`` where channels are kept, else ``plain``
==================  ============================================================================

The last step of a branch alone makes it small, by 0.1/√N where N branches are: the steps before
learn at full rate, and no product of two small factors stalls. Behind a BatchNorm the factor is its
weight, and the kernel is as described up to what the BatchNorm normalizes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from edge_sdk.errors import InputError
from edge_sdk.reparam.blocks.branches import Branch, ConvBranch
from edge_sdk.reparam.blocks.configs import (
    BranchConfig,
    ConvBranchConfig,
    IdentityBranchConfig,
    common_kernel,
    is_one_convolution,
)

Initialization = Literal["auto", "near_identity", "plain", "independent"]
"""How a block starts; see the table of :mod:`edge_sdk.reparam.blocks.initialization`."""

SMALL = 0.1
"""Factor of what is added to the kernel that a block starts with."""
CONV_GAIN = 1 / math.sqrt(3)
"""RMS of what a fresh ``nn.Conv2d`` returns for white input of RMS 1."""


def checked_initialization(
    kind: Initialization, in_channels: int, out_channels: int, branches: Sequence[BranchConfig]
) -> Initialization:
    """What ``auto`` means for a block; any other kind as it is.

    Raises:
        InputError: if the kind is unknown, or the block does not allow it, with the reason.
    """
    if kind not in get_args(Initialization):
        raise InputError(
            f"initialization '{kind}' is unknown; choose one of: "
            f"{', '.join(get_args(Initialization))}"
        )
    refusal = None
    if in_channels != out_channels:
        refusal = f"{in_channels} channels cannot start as the {out_channels} behind"
    elif not _identity_holders(branches):
        refusal = "no branch is an identity, nor one convolution alone, which could hold it"
    elif len(_identities(branches)) > 1 and not _has_bare_conv(branches):
        refusal = (
            "identities add up, and no branch is one bare convolution to take all but one back"
        )
    if kind == "near_identity" and refusal:
        raise InputError(f"initialization near_identity: {refusal}; choose auto or plain")
    holder = branches[_kernel_holder(branches)]
    cancels = not _identities(branches) or is_one_convolution(holder)
    if kind == "plain" and not cancels:
        raise InputError(
            "initialization plain: no branch is one bare convolution of full size, which could "
            "cancel the identity; choose auto or near_identity"
        )
    if kind != "auto":
        return kind
    if not refusal or not cancels:
        return "near_identity"
    return "plain"


@torch.no_grad()
def initialize(branches: Sequence[Branch], kind: Initialization) -> None:
    """Rescale the freshly drawn branches of one block, in place.

    Args:
        branches: all branches of the block.
        kind: what :func:`checked_initialization` returned for it.
    """
    parameters = [parameter for branch in branches for parameter in branch.parameters()]
    if kind == "independent" or parameters[0].is_meta:
        return
    configs = [branch.config for branch in branches]
    near_identity = kind == "near_identity"
    holder = _identity_holders(configs)[0] if near_identity else _kernel_holder(configs)
    small = SMALL / math.sqrt(len(branches))
    for index, branch in enumerate(branches):
        if index != holder:
            branch.rescale(small)
    identities = len(_identities(configs))
    if near_identity and identities > 1:
        _take_back(branches, identities - 1)
    held = branches[holder]
    if not isinstance(held, ConvBranch):
        # An identity holds itself; a pooling branch, where there is no convolution, stays as drawn.
        return
    if near_identity:
        add_identity(_only_conv(held), 1.0, rest=SMALL)
    elif is_one_convolution(held.config):
        add_identity(_only_conv(held), -float(identities), rest=1.0)
    elif isinstance(held.layers[-1], nn.BatchNorm2d):
        held.rescale(CONV_GAIN)
    else:
        power = held.operator(parameters[0]).kernel.square().sum((1, 2, 3)).mean()
        held.rescale(CONV_GAIN / float(power.sqrt()))


@torch.no_grad()
def vanish(branches: Sequence[Branch], kind: Initialization) -> None:
    """Make the composed kernel of a block that has just started small, in place: near 0.

    What bare identities pass on is taken back by a convolution, where there is one that can.

    Args:
        branches: all branches of the block.
        kind: what :func:`checked_initialization` returned for it.
    """
    if next(parameter for branch in branches for parameter in branch.parameters()).is_meta:
        return
    configs = [branch.config for branch in branches]
    identities = len(_identities(configs))
    if kind != "near_identity":
        for branch in branches:
            branch.rescale(SMALL)
        if identities:
            # What took them back was scaled, and they were not.
            _take_back(branches, (1.0 - SMALL) * identities)
        return
    held = branches[_identity_holders(configs)[0]]
    if identities:
        _take_back(branches, 1.0)
    elif is_one_convolution(held.config):
        add_identity(_only_conv(held), -1.0, rest=1.0)
    else:
        held.rescale(SMALL)


@torch.no_grad()
def _take_back(branches: Sequence[Branch], factor: float) -> None:
    """Subtract ``factor`` times the identity from what convolutions compose, if one can."""
    configs = [branch.config for branch in branches]
    for branch, config in zip(branches, configs, strict=True):
        if is_one_convolution(config):
            add_identity(_only_conv(branch), -factor, rest=1.0)
            return
    for branch, config in zip(branches, configs, strict=True):
        if isinstance(config, ConvBranchConfig) and config.batch_norm == "none":
            channels = _convs(branch)[0].in_channels
            if min(config.widths, default=0) >= channels:
                _pass_through(_convs(branch), -factor)
                return


def _pass_through(convs: Sequence[nn.Conv2d], factor: float) -> None:
    """Add ``factor`` times the identity to a chain, by the first of its inner channels.

    Those pass the input on; what they held before goes.
    """
    channels = convs[0].in_channels
    for conv in convs[:-1]:
        before = conv.weight[:channels].clone()
        conv.weight[:channels] = 0.0
        _center(conv)[:channels, :channels].fill_diagonal_(1.0)
        if not torch.equal(conv.weight[:channels], before):
            convs[-1].weight[:, :channels] = 0.0
        if conv.bias is not None:
            conv.bias[:channels] = 0.0
    _center(convs[-1])[:, :channels].diagonal().add_(factor)


def _center(conv: nn.Conv2d) -> Tensor:
    """The middle tap of a kernel, [out, in], as a view."""
    height, width = conv.kernel_size
    return conv.weight[:, :, (height - 1) // 2, (width - 1) // 2]


def _convs(branch: Branch) -> list[nn.Conv2d]:
    assert isinstance(branch, ConvBranch)
    return [layer for layer in branch.layers if isinstance(layer, nn.Conv2d)]


@torch.no_grad()
def add_identity(conv: nn.Conv2d, factor: float, *, rest: float) -> None:
    """Scale a convolution by ``rest`` and add ``factor`` times the identity, in place."""
    conv.weight.mul_(rest)
    if conv.bias is not None:
        conv.bias.mul_(rest)
    _center(conv).diagonal().add_(factor)


def _only_conv(branch: Branch) -> nn.Conv2d:
    assert isinstance(branch, ConvBranch)
    conv = branch.layers[0]
    assert isinstance(conv, nn.Conv2d)
    return conv


def _has_bare_conv(branches: Sequence[BranchConfig]) -> bool:
    return any(is_one_convolution(branch) for branch in branches)


def _identities(branches: Iterable[BranchConfig]) -> list[int]:
    """Indices of the bare identities, which nothing can scale."""
    return [index for index, each in enumerate(branches) if each == IdentityBranchConfig()]


def _identity_holders(branches: Sequence[BranchConfig]) -> list[int]:
    """Indices of branches that can hold the identity, the best first."""
    normalized = [n for n, each in enumerate(branches) if isinstance(each, IdentityBranchConfig)]
    single = [n for n, each in enumerate(branches) if _is_single(each)]
    single.sort(
        key=lambda index: (
            not is_one_convolution(branches[index]),
            -math.prod(branches[index].kernel),
        )
    )
    return _identities(branches) + normalized + single


def _kernel_holder(branches: Sequence[BranchConfig]) -> int:
    """Index of the branch to hold a whole kernel: of full size, bare, with few steps, if any is."""
    kernel = common_kernel(branches)

    def order(index: int) -> tuple[bool, bool, bool, int]:
        each = branches[index]
        is_conv = isinstance(each, ConvBranchConfig)
        return (not is_conv, each.kernel != kernel, not is_one_convolution(each), len(each.steps))

    return min(range(len(branches)), key=order)


def _is_single(branch: BranchConfig) -> bool:
    return isinstance(branch, ConvBranchConfig) and len(branch.steps) == 1
