"""The table of Snapdragons, and what an unknown one is answered with."""

from __future__ import annotations

import pytest

from edge_sdk.devices.snapdragon import SNAPDRAGONS, USUAL, find_snapdragon
from edge_sdk.errors import InputError


def test_the_table_names_each_chip_once() -> None:
    assert USUAL in SNAPDRAGONS
    chips = list(SNAPDRAGONS.values())
    assert [chip.name for chip in chips] == list(SNAPDRAGONS)
    assert len({chip.soc_model for chip in chips}) == len(chips)
    # Newer chips have newer architectures.
    assert [chip.htp_arch for chip in chips] == sorted({chip.htp_arch for chip in chips})
    for name, chip in SNAPDRAGONS.items():
        assert find_snapdragon(name) == find_snapdragon(f" {name.lower()} ") == chip


@pytest.mark.parametrize(
    ("name", "meant"),
    [("SM8651", "SM8650"), ("SM875", "SM8750"), ("8550", "SM8550"), ("", ""), ("Exynos", "")],
)
def test_an_unknown_chip_is_answered_with_the_nearest_and_all(name: str, meant: str) -> None:
    with pytest.raises(InputError) as caught:
        find_snapdragon(name)
    text = str(caught.value)
    assert text.startswith(f"unknown chip '{name}'; ")
    assert text.endswith(f"choose one of: {', '.join(SNAPDRAGONS)}")
    assert (f"did you mean {meant}? " in text) == bool(meant)
    assert "\n" not in text
