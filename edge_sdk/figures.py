"""Numbers for people."""

from __future__ import annotations

import math


def counted(value: float) -> str:
    """A count with three digits, such as ``12.3 M``."""
    return _scaled(value, 1000, ("", "k", "M", "G", "T"))


def in_bytes(value: float) -> str:
    """A size with three digits, such as ``1.21 MiB``."""
    return _scaled(value, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))


def ratio(before: float, after: float) -> str:
    """How much less, such as ``4.2× less``; more and equal in words, too."""
    if before == after:
        return "the same"
    if not before or not after:
        return "—"
    return f"{before / after:.3g}× less" if before > after else f"{after / before:.3g}× more"


def decibels(value: float | None) -> str:
    """Decibels; ``exact`` where nothing is lost, a dash where nothing was measured."""
    if value is None or math.isnan(value):
        return "—"
    return "exact" if math.isinf(value) and value > 0 else f"{value:.1f} dB"


def power(value: float) -> str:
    """A very small or large number, such as ``1.7·10⁻¹⁵``."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "—"
    digits, _, exponent = f"{value:.1e}".partition("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{raised}" if digits == "1.0" else f"{digits}·10{raised}"


def interval(low: float, high: float) -> str:
    """A range of values with three digits."""
    return f"{low:.3g} … {high:.3g}".replace("-", "−")


def fixed(value: float, digits: int = 2, *, signed: bool = False) -> str:
    """A number with that many decimals and a true minus, such as ``−3.37``."""
    return f"{value:{'+' if signed else ''}.{digits}f}".replace("-", "−")


def _scaled(value: float, step: int, units: tuple[str, ...]) -> str:
    place = 0
    while abs(value) >= step and place < len(units) - 1:
        value, place = value / step, place + 1
    digits = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return f"{digits} {units[place]}".strip()
