"""Training sets from far and near shots of the same scenes."""

from edge_sdk.pairs.config import PairConfig
from edge_sdk.pairs.couple.coupling import Couple, make_couple
from edge_sdk.pairs.dataset.building import PairSet, build_set
from edge_sdk.pairs.dataset.crops import PairCrops, PairDataset
from edge_sdk.pairs.dataset.reading import StoredScene, StoredSet, open_set

__all__ = [
    "Couple",
    "PairConfig",
    "PairCrops",
    "PairDataset",
    "PairSet",
    "StoredScene",
    "StoredSet",
    "build_set",
    "make_couple",
    "open_set",
]
