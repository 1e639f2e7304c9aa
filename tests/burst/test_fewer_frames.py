from __future__ import annotations

from dataclasses import replace

import torch

from edge_sdk.burst import Quality, ZoomConfig, little_gain, zoom
from edge_sdk.burst.quality import FAST_FRAMES
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from tests.needs import needs

pytestmark = needs("examples")

FAST = ZoomConfig(quality=Quality.FAST)


def burst(frames: int) -> torch.Tensor:
    scene = example_photo("coffee")[:, 100:300, 200:420]
    # Of this seed no frame passes for one in another light, which would change its score.
    return simulate_burst(scene, CameraConfig(frames=frames, seed=3)).frames


def test_a_fast_zoom_takes_the_sharpest_frames_alone() -> None:
    frames = burst(9)
    best, fast = zoom(frames), zoom(frames, config=FAST)
    assert fast.reference == best.reference
    ranked = sorted(range(9), key=lambda index: -best.frames[index].score)
    seen = {index for index, frame in enumerate(fast.frames) if frame.share > 0}
    assert seen == set(ranked[:FAST_FRAMES])
    assert fast.used == FAST_FRAMES
    for index, frame in enumerate(fast.frames):
        left_out = index not in seen
        assert frame.note.startswith("not among the 6 sharpest") == left_out
        assert (frame.registration is None) == (left_out or index == fast.reference)


def test_it_is_the_zoom_of_these_frames() -> None:
    frames = burst(9)
    fast = zoom(frames, config=FAST)
    chosen = [index for index, frame in enumerate(fast.frames) if frame.share > 0]
    alone = zoom(frames[chosen], config=FAST)
    assert torch.equal(fast.pixels, alone.pixels)
    assert chosen[alone.reference] == fast.reference
    few = ZoomConfig(restore=replace(ZoomConfig().restore, steps=1))
    assert torch.equal(alone.pixels, zoom(frames[chosen], config=few).pixels)


def test_the_reference_that_a_user_names_is_taken() -> None:
    frames = burst(9)
    scores = [frame.score for frame in zoom(frames).frames]
    last = min(range(9), key=lambda index: scores[index])
    fast = zoom(frames, config=replace(FAST, reference=last))
    assert (fast.reference, fast.forced, fast.used) == (last, True, FAST_FRAMES)


def test_frames_that_nobody_looked_at_are_no_sign_of_little_gain() -> None:
    frames = burst(18)
    assert little_gain(zoom(frames, config=FAST), FAST) is None
