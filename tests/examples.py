"""How many examples a property test draws: each names the count of the full tier."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings

FACTORS = {"quick": 0.25, "full": 1.0, "nightly": 4.0}
"""Examples of a tier over those of the full one, by the name of the tier's profile."""
FEWEST = 5


def register_profiles(tier: str) -> None:
    """Register a profile for each tier and load that of ``tier``."""
    # Other work on the machine makes any limit of time fail now and then; speed is for benchmarks.
    for name in FACTORS:
        settings.register_profile(name, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile(tier)


def examples(full: int, **others: Any) -> settings:
    """Settings with ``full`` examples in the full tier, a quarter in the quick one, and so on."""
    factor = FACTORS[settings.get_current_profile_name()]
    return settings(max_examples=max(min(full, FEWEST), round(full * factor)), **others)
