"""Reparameterisation: multi-branch blocks for training, exact merging for deployment."""

from edge_sdk.reparam.block import MultiBranchConv2d, five_branches, sesr_branches
from edge_sdk.reparam.branches import BranchConfig, ConvBranchConfig, IdentityBranchConfig
from edge_sdk.reparam.certificate import Certificate, Region, count_macs, count_parameters
from edge_sdk.reparam.fuse import fuse
from edge_sdk.reparam.operator import LinearOperator, Padding

__all__ = [
    "BranchConfig",
    "Certificate",
    "ConvBranchConfig",
    "IdentityBranchConfig",
    "LinearOperator",
    "MultiBranchConv2d",
    "Padding",
    "Region",
    "count_macs",
    "count_parameters",
    "five_branches",
    "fuse",
    "sesr_branches",
]
