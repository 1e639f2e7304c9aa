"""The one table of numerical tolerances: how far two ways to compute the same may lie apart.

Each is passed on to ``torch.testing.assert_close`` as keyword arguments. Tolerances of statistics
and of physics (pixels of motion, noise measured on few samples) belong to the quantity and stand
where it is measured.
"""

from __future__ import annotations

import torch

RELATIVE_TO_SUM = {torch.float64: 1e-12, torch.float32: 1e-5}
"""Exact merging: largest error by dtype, relative to the summed RMS of what is added up."""
DOUBLE = {"rtol": 0.0, "atol": 1e-12}
"""float64, in another order of sums."""
SINGLE = {"rtol": 0.0, "atol": 1e-5}
"""float32 of values of about 1, in another order of sums."""
MERGED = {"rtol": 1e-5, "atol": 1e-5}
"""A merged layer or two in float32, against its parts."""
MERGED_NETWORK = {"rtol": 1e-4, "atol": 1e-5}
"""A whole merged network in float32, against its parts."""
MERGED_UNSCALED = {"rtol": 1e-4, "atol": 1e-4}
"""The same, of networks whose random weights make sums of some tens."""
TWICE_TRAINED = {"rtol": 1e-6, "atol": 1e-7}
"""Weights in float32 of the same training steps, taken at once or with a stop between."""
WHOLE_NUMBERS = {"rtol": 0.0, "atol": 1e-4}
"""Levels or codes in float32, against the same rounded."""
HALF_LEVEL = {"rtol": 0.0, "atol": 0.51 / 255}
"""Pictures rounded to 8 bits, against the unrounded."""
ONE_LEVEL = {"rtol": 0.0, "atol": 1.01 / 255}
"""Pictures that may round to neighboring levels of 8 bits."""
