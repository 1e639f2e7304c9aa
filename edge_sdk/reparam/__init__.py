"""Reparameterization: multi-branch blocks for training, exact merging for deployment."""

from edge_sdk.reparam.blocks.block import MultiBranchConv2d
from edge_sdk.reparam.blocks.collapse import freeze_batch_norm, thaw_batch_norm
from edge_sdk.reparam.blocks.configs import (
    BranchConfig,
    ConvBranchConfig,
    FixedBranchConfig,
    IdentityBranchConfig,
    PoolBranchConfig,
)
from edge_sdk.reparam.blocks.presets import BlockConfig, five_branches, preset, sesr_branches
from edge_sdk.reparam.findings import Refusal, Region
from edge_sdk.reparam.fusing import fuse
from edge_sdk.reparam.linear.operator import LinearOperator, Padding
from edge_sdk.reparam.plans.cost import select_by_cost
from edge_sdk.reparam.plans.partial import fuse_partially, merge_branches
from edge_sdk.reparam.plans.plan import FusionPlan
from edge_sdk.reparam.proof.certificate import Certificate
from edge_sdk.reparam.proof.operator_costs import (
    OperatorCost,
    count_bytes,
    count_macs,
    count_parameters,
    operator_costs,
)
from edge_sdk.reparam.skips.folding import fold_skips

__all__ = [
    "BlockConfig",
    "BranchConfig",
    "Certificate",
    "ConvBranchConfig",
    "FixedBranchConfig",
    "FusionPlan",
    "IdentityBranchConfig",
    "LinearOperator",
    "MultiBranchConv2d",
    "OperatorCost",
    "Padding",
    "PoolBranchConfig",
    "Refusal",
    "Region",
    "count_bytes",
    "count_macs",
    "count_parameters",
    "five_branches",
    "fold_skips",
    "freeze_batch_norm",
    "fuse",
    "fuse_partially",
    "merge_branches",
    "operator_costs",
    "preset",
    "select_by_cost",
    "sesr_branches",
    "thaw_batch_norm",
]
