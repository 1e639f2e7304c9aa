"""Tiles and frames side by side: the same picture, and PyTorch's threads as they were."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from edge_sdk.burst import ZoomConfig, spooling, zoom
from edge_sdk.burst.frames.threads import spreading
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from tests.needs import needs

pytestmark = needs("examples")


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_results_come_in_order_and_without_gradients() -> None:
    weight = torch.ones(1, requires_grad=True)
    for count in (1, 3):
        torch.set_num_threads(count)
        with torch.no_grad(), spreading() as spread:
            found = list(spread(lambda entry: weight * entry, range(20)))
        assert [float(entry) for entry in found] == list(range(20))
        assert not any(entry.requires_grad for entry in found)
        assert torch.get_num_threads() == count


def test_an_error_passes_and_the_threads_are_as_before() -> None:
    torch.set_num_threads(2)
    with pytest.raises(ZeroDivisionError), spreading() as spread:
        list(spread(lambda entry: 1 / entry, [1, 0, 1]))
    assert torch.get_num_threads() == 2


def test_the_number_of_threads_does_not_change_the_picture() -> None:
    scene = example_photo("chelsea")[:, :300, :448]
    frames = simulate_burst(scene, CameraConfig(frames=4)).frames
    results = []
    with spooling() as spool:
        for frame in frames:
            spool.add(frame, 8)
        for count in (1, 3):
            torch.set_num_threads(count)
            results.append(zoom(spool, config=ZoomConfig(provenance=True)))
    one, three = results
    assert torch.equal(one.pixels, three.pixels)
    assert one.noise_std == three.noise_std
    assert one.effective_frames == three.effective_frames
    assert torch.equal(one.effective.places, three.effective.places)
    for left, right in zip(one.frames, three.frames, strict=True):
        assert left.share == right.share
        assert (left.provenance is None) == (right.provenance is None)
        if left.provenance is not None and right.provenance is not None:
            assert torch.equal(left.provenance, right.provenance)
