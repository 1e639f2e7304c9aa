"""The one table of tolerances of exact merging."""

from __future__ import annotations

import torch

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
"""Largest error by dtype, relative to the summed RMS of what is added up."""
