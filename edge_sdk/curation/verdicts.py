"""Which pictures are kept, and what the others are left out for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_sdk.curation.criteria.criterion import Criterion, Finding, Measured, Number


@dataclass(frozen=True)
class Verdict:
    """What became of one picture.

    Attributes:
        path: of the file.
        kept: whether it stays.
        reason: name of the criterion that it was left out for; ``None`` if it is kept.
        detail: one line with the figures that decided; empty if it is kept.
        like: the picture that is kept in its place, where it is a near-duplicate.
        width: columns, upright; 0 where it could not be read.
        height: rows.
        numbers: all that was measured, by name.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.curation import Verdict
        >>> Verdict(Path("a.png"), False, "size", "64×64 px", None, 64, 64, {}).reason
        'size'
    """

    path: Path
    kept: bool
    reason: str | None
    detail: str
    like: Path | None
    width: int
    height: int
    numbers: Mapping[str, Number]


@dataclass(frozen=True)
class CurationResult:
    """What became of a collection.

    Attributes:
        output: list or folder that was written; ``None`` if none was wanted.
        reasons: names of the criteria, in their order.
        verdicts: one for each picture, sorted by path.
        measured_before: pictures whose measurements a stopped run had left.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.curation import CurationResult, Verdict
        >>> small = Verdict(Path("a.png"), False, "size", "64×64 px", None, 64, 64, {})
        >>> large = Verdict(Path("b.png"), True, None, "", None, 640, 640, {})
        >>> result = CurationResult(None, ("unreadable", "size"), (small, large))
        >>> result.kept, result.left_out
        ((PosixPath('b.png'),), {'unreadable': 0, 'size': 1})
    """

    output: Path | None
    reasons: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    measured_before: int = 0

    @property
    def kept(self) -> tuple[Path, ...]:
        """Files that stay, sorted by path."""
        return tuple(verdict.path for verdict in self.verdicts if verdict.kept)

    @property
    def left_out(self) -> dict[str, int]:
        """Number of pictures left out, by reason, in the order of the criteria."""
        return {reason: len(self.of(reason)) for reason in self.reasons}

    def of(self, reason: str | None) -> tuple[Verdict, ...]:
        """Verdicts with one reason; those of the kept pictures for ``None``."""
        return tuple(verdict for verdict in self.verdicts if verdict.reason == reason)


def judge(measured: Sequence[Measured], criteria: Sequence[Criterion]) -> tuple[Verdict, ...]:
    """Judge a collection by its measurements.

    Args:
        measured: its pictures, sorted by path.
        criteria: each judges what those before it left in.

    Returns:
        One verdict for each picture, in their order.
    """
    found: dict[int, tuple[str, Finding]] = {}
    for criterion in criteria:
        left = [place for place in range(len(measured)) if place not in found]
        findings = criterion.judge([measured[place] for place in left])
        for place, finding in zip(left, findings, strict=True):
            if finding is not None:
                found[place] = (criterion.name, finding)
    return tuple(_verdict(one, found.get(place)) for place, one in enumerate(measured))


def _verdict(one: Measured, found: tuple[str, Finding] | None) -> Verdict:
    reason, finding = found or (None, Finding(""))
    return Verdict(
        one.path,
        found is None,
        reason,
        finding.detail,
        finding.like,
        one.width,
        one.height,
        one.numbers,
    )
