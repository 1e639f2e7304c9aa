"""Int8 codes as a converted file stores them, held against those that it was made from."""

from __future__ import annotations

from edge_sdk.artifacts.codes.layers import Code, StoredCodes, StoredLayer
from edge_sdk.artifacts.codes.reading import read_codes
from edge_sdk.emulate.codes.comparison import code_faults
from edge_sdk.emulate.codes.graph import graph_codes

__all__ = ["Code", "StoredCodes", "StoredLayer", "code_faults", "graph_codes", "read_codes"]
