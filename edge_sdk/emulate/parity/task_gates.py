"""Gates by what a model is for: dB of its outputs, their direction, the class that they name.

A classifier in int8 may be 30 dB from its float form and name the same class for every picture; a
picture at 30 dB is spoiled. So the gate is the user's to choose.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge_sdk.emulate.parity.differences import Results
from edge_sdk.errors import InputError, ModelError, first_line
from edge_sdk.zoo.python_models import python_object

Measure = Callable[[Results, Results], float]
"""From the model's results and a file's, outputs by probe, to a figure: the larger the better."""


@dataclass(frozen=True)
class TaskGate:
    """A figure that each step must reach in place of its dB.

    Attributes:
        name: of the figure.
        measure: gives it.
        least: what passes.

    Example:
        >>> import numpy as np
        >>> from edge_sdk.emulate import TaskGate, task_gate
        >>> gate = task_gate("top1=0.99")
        >>> isinstance(gate, TaskGate), gate.name, gate.least
        (True, 'top1', 0.99)
        >>> scores = [[np.array([[0.1, 0.9]])], [np.array([[0.7, 0.3]])]]
        >>> gate.measure(scores, scores)
        1.0
    """

    name: str
    measure: Measure
    least: float

    def score(self, expected: Results, results: Results) -> float:
        """The figure; −∞ where a result is no finite number and the model's is."""
        for one, other in zip(expected, results, strict=True):
            for left, right in zip(one, other, strict=True):
                if np.isfinite(left).all() and not np.isfinite(right).all():
                    return -math.inf
        return self.measure(expected, results)


def task_gate(text: str) -> TaskGate:
    """Read a gate such as ``top1=0.99``.

    ``cosine`` is the least cosine between an output of the model and of a file, over all probes;
    ``top1`` the share of places where the first output's largest channel is the same one;
    ``package.module:callable`` is called with the model's outputs and the file's, a list of arrays
    for each probe, and returns a number, the larger the better.

    Raises:
        InputError: if it is no such name, or no number follows.

    Example:
        >>> from edge_sdk.emulate import task_gate
        >>> task_gate("cosine=0.999").least
        0.999
    """
    name, separator, number = text.rpartition("=")
    try:
        least = float(number)
    except ValueError:
        least = math.nan
    if not separator or not math.isfinite(least):
        raise InputError(f"gate '{text}' is not NAME=NUMBER; write it like top1=0.99")
    if name in MEASURES:
        return TaskGate(name, MEASURES[name], least)
    if ":" not in name:
        raise InputError(
            f"no gate '{name}'; choose one of: {', '.join(MEASURES)}, or package.module:callable"
        )
    return TaskGate(name, _own(name), least)


def _cosine(expected: Results, results: Results) -> float:
    least = 1.0
    for one, other in zip(expected, results, strict=True):
        for left, right in zip(one, other, strict=True):
            a, b = (np.asarray(each, np.float64).ravel() for each in (left, right))
            lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
            same = 1.0 if np.array_equal(a, b) else 0.0
            least = min(least, float(a @ b) / lengths if lengths > 0 else same)
    return least


def _top1(expected: Results, results: Results) -> float:
    same = count = 0
    for one, other in zip(expected, results, strict=True):
        left, right = one[0], other[0]
        if left.ndim < 2 or left.shape[1] < 2:
            raise InputError(
                f"top1 compares scores of classes, N×classes or more; the first output is "
                f"{'×'.join(map(str, left.shape))}"
            )
        agrees = left.argmax(1) == right.argmax(1)
        same += int(agrees.sum())
        count += agrees.size
    return same / count


MEASURES: dict[str, Measure] = {"cosine": _cosine, "top1": _top1}


def _own(name: str) -> Measure:
    try:
        function = python_object(name)
    except ModelError as error:
        raise InputError(f"gate {name} cannot be imported: {error}") from error

    def measure(expected: Results, results: Results) -> float:
        try:
            return float(function(expected, results))
        except (Exception, SystemExit) as error:
            raise InputError(
                f"gate {name} raises {type(error).__name__}: {first_line(error)}"
            ) from error

    return measure
