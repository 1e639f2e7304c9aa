"""Constants of the driver: the browser's are the SDK's, and a bundle's stay near both."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_sdk.bundle.driver_constants import CONSTANTS, driver_constants, misfit
from tests.builders.web_constants import read

KNOWN = driver_constants()
ROUGH = "burst.driver.tiles.LATTICE_PX"
SHARE = "burst.stages.encode.MAX_OFFSET_PX"
SEVERAL = "burst.stages.noise_map.LEVELS"


def test_the_driver_for_browsers_has_the_same_constants_and_values() -> None:
    known = {
        module: {name: KNOWN[f"{module}.{name}"] for name in names}
        for module, names in CONSTANTS.items()
    }
    found = read()
    advice = "run: python -m tests.builders.web_constants, and npx biome format --write in web_demo"
    assert found == known, advice
    assert [*found] == [*known], advice


def test_the_constants_of_the_sdk_fit() -> None:
    assert misfit(KNOWN) == ""
    assert misfit({**KNOWN, "one.of.a.newer.SDK": "anything"}) == ""


@given(st.sampled_from(sorted(KNOWN)), st.floats(0.26, 3.9))
@example(SEVERAL, 0.5)
def test_a_constant_may_be_another_within_four_times(name: str, factor: float) -> None:
    known = KNOWN[name]
    if isinstance(known, list):
        changed: object = [value * min(factor, 1) for value in known]
    else:
        # What is whole stays whole, and what is below 1 at most 1.
        whole = float(known).is_integer()
        changed = round(known * max(factor, 1)) if whole else known * min(factor, 1)
    assert misfit({**KNOWN, name: changed}) == ""


@pytest.mark.parametrize("name", sorted(KNOWN))
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e300, "4", None, True, {}, []])
def test_what_is_no_number_near_it_is_refused_by_name(name: str, value: object) -> None:
    assert misfit({**KNOWN, name: value}) == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (ROUGH, 0),
        (ROUGH, -4),
        (ROUGH, 4.5),
        (ROUGH, 17),
        (SHARE, 1.01),
        (SHARE, 0.1),
        (SEVERAL, [0.1]),
        (SEVERAL, [*KNOWN[SEVERAL], 1.0]),  # type: ignore[misc]
        (SEVERAL, ["0"] * len(KNOWN[SEVERAL])),  # type: ignore[arg-type]
    ],
)
def test_what_would_lead_a_driver_astray_is_refused(name: str, value: object) -> None:
    assert misfit({**KNOWN, name: value}) == name


def test_one_that_is_missing_is_no_misfit_but_missing() -> None:
    less = {name: value for name, value in KNOWN.items() if name != ROUGH}
    assert misfit(less) == ROUGH
