"""One scene: where the near image comes to lie, its colors, its mask, and what is refused."""

from __future__ import annotations

import pytest
import torch

from edge_sdk.data.camera.far_near import FarNearShots
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.errors import InputError, SceneError
from edge_sdk.imaging import linear_to_srgb, resize_bicubic, srgb_to_linear
from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.pairs import PairConfig
from edge_sdk.pairs.couple.geometry import region_offset, shifted
from edge_sdk.pairs.couple.placing import Placement
from edge_sdk.pairs.couple.refining import supported_offsets
from edge_sdk.registration import MotionField
from edge_sdk.registration.motion import centered_grid, motion_error_px, transform
from edge_sdk.registration.sampling import sample_bicubic
from tests.builders.far_near_shots import couple_of, pasted, placement_error, shots_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shots() -> FarNearShots:
    return shots_of()


@pytest.mark.parametrize(("name", "seed"), [("astronaut", 0), ("coffee", 1), ("chelsea", 2)])
def test_a_known_homography_is_recovered(name: str, seed: int) -> None:
    shots = shots_of(name, seed=seed, shots=2, gains=(1.2, 1.0, 0.8))
    couple = couple_of(shots.burst.frames, shots.near)
    error = placement_error(shots, couple)
    assert float(error.median()) < 0.15
    assert float(error.max()) < 0.6
    assert couple.quality.valid > 0.97


def test_the_target_is_the_photograph_on_the_finer_grid(shots: FarNearShots) -> None:
    couple = couple_of(shots.burst.frames, shots.near)
    truth = shots.burst.truth(couple.choice.index)
    rows = slice(2 * couple.region.top, 2 * (couple.region.top + couple.region.height))
    columns = slice(2 * couple.region.left, 2 * (couple.region.left + couple.region.width))
    error = (couple.target - truth[:, rows, columns]).square().mean(0)
    enlarged = resize_bicubic(couple.reference_pixels, size=tuple(couple.target.shape[-2:]))
    before = (enlarged - truth[:, rows, columns]).square().mean(0)
    assert float(error[couple.mask].mean()) < 0.25 * float(before[couple.mask].mean())


@pytest.mark.parametrize("gain", [0.6, 1.5])
def test_an_exposure_is_taken_back(gain: float) -> None:
    plain, other = shots_of(), shots_of(gains=(gain, gain, gain))
    wanted = couple_of(plain.burst.frames, plain.near).target
    couple = couple_of(other.burst.frames, other.near)
    levels = torch.linspace(0.2, 0.7, 6).expand(3, 1, 6)
    exposed = linear_to_srgb(srgb_to_linear(levels) * gain).clamp(0, 1)
    assert float((couple.colors(exposed) - levels).abs().max()) < 0.03
    kept = couple.mask & (wanted.amax(0) < 0.7)
    before = linear_to_srgb(srgb_to_linear(wanted) * gain).clamp(0, 1)
    left = (couple.target - wanted).abs().mean(0)[kept].mean()
    assert float(left) < 0.15 * float((before - wanted).abs().mean(0)[kept].mean())


def test_a_thing_that_moved_is_masked_and_hardly_anything_else(shots: FarNearShots) -> None:
    thing = example_photo("coffee")
    changed, (rows, columns) = pasted(shots.near, thing, 0.08)
    couple = couple_of(shots.burst.frames, changed)
    height, width = changed.shape[-2:]
    size = couple.mask.shape
    grid = centered_grid(*size, step=0.5, like=couple.refined.placement.matrix)
    places = couple.refined.placement.at(grid)
    x, y = places[..., 0] + (width - 1) / 2, places[..., 1] + (height - 1) / 2
    inside = (x > columns.start) & (x < columns.stop) & (y > rows.start) & (y < rows.stop)
    reach = 24
    far_away = (
        (x < columns.start - 2 * reach)
        | (x > columns.stop + 2 * reach)
        | (y < rows.start - 2 * reach)
        | (y > rows.stop + 2 * reach)
    )
    assert float(couple.mask[inside].float().mean()) < 0.1
    assert float(couple.mask[far_away].float().mean()) > 0.97
    assert float(placement_error(shots, couple).median()) < 0.2


def test_near_shots_are_averaged() -> None:
    shots = shots_of(shots=5)
    single = couple_of(shots.burst.frames, shots.near[:1])
    several = couple_of(shots.burst.frames, shots.near)
    assert several.standard.used == 5
    assert single.standard.used == 1
    assert torch.equal(single.standard.pixels, shots.near[0])
    assert several.quality.psnr_db > single.quality.psnr_db


def test_a_foreign_near_shot_is_dropped(shots: FarNearShots) -> None:
    other = shots_of("coffee")
    with pytest.raises(SceneError, match="match"):
        couple_of(shots.burst.frames, other.near)


def test_a_foreign_far_shot_is_left_out(shots: FarNearShots) -> None:
    frames = shots.burst.frames.clone()
    size = tuple(frames.shape[-2:])
    frames[1] = gaussian_blur(resize_bicubic(example_photo("coffee"), size=size)[None], 1.0)[0]
    couple = couple_of(frames.clamp(0, 1), shots.near)
    assert set(couple.left_out) == {1}
    assert [frame.index for frame in couple.far.frames] == sorted({0, 2} - {couple.choice.index})


def test_a_thing_in_a_far_shot_has_no_weight_there(shots: FarNearShots) -> None:
    plain = couple_of(shots.burst.frames, shots.near)
    index = plain.far.frames[0].index
    frames = shots.burst.frames.clone()
    height, width = frames.shape[-2:]
    spot = (slice(height // 2 - 32, height // 2 + 32), slice(width // 2 - 32, width // 2 + 32))
    frames[index][:, spot[0], spot[1]] = example_photo("coffee")[:, :64, :64]
    couple = couple_of(frames, shots.near)
    frame = next(frame for frame in couple.far.frames if frame.index == index)
    middle = torch.zeros(1, 2, dtype=torch.float64)
    assert couple.choice.index == plain.choice.index
    assert float(frame.field.confidence_at(middle)) < 0.2
    assert float(plain.far.frames[0].field.confidence_at(middle)) > 0.8


def test_far_motions_hold_on_the_cut_frames(shots: FarNearShots) -> None:
    couple = couple_of(shots.burst.frames, shots.near)
    region = couple.region
    height, width = shots.burst.frames.shape[-2:]
    for frame in couple.far.frames:
        truth = shots.burst.relative_motion(couple.choice.index, frame.index)
        to_whole, from_whole = (
            torch.tensor(
                [
                    [1, 0, sign * (place.left + (place.width - width) / 2)],
                    [0, 1, sign * (place.top + (place.height - height) / 2)],
                    [0, 0, 1],
                ],
                dtype=torch.float64,
            )
            for place, sign in ((region, 1), (frame.region, -1))
        )
        wanted = from_whole @ truth @ to_whole
        error = motion_error_px(frame.field.matrix, wanted, region.height, region.width)
        assert float(error.max()) < 0.15
        assert float(transform(wanted, torch.zeros(1, 2, dtype=torch.float64)).abs().max()) <= 1


def refusal(far: torch.Tensor, near: torch.Tensor, config: PairConfig | None = None) -> str:
    with pytest.raises(SceneError) as refused:
        couple_of(far, near, config)
    return str(refused.value)


def test_spoilt_scenes_are_dropped_with_their_reason(shots: FarNearShots) -> None:
    far, near = shots.burst.frames, shots.near
    assert "blurrier" in refusal(far, gaussian_blur(near, 4.0))
    assert "too blurry" in refusal(gaussian_blur(far, 1.8), near, PairConfig(max_blur_px=1.2))
    cut = far[..., : far.shape[-1] // 3].contiguous()
    assert "overlap" in refusal(cut, near)
    changed, _ = pasted(near, example_photo("coffee"), 0.65)
    assert "match" in refusal(far, changed)
    small = resize_bicubic(near, size=(near.shape[-2] // 2, near.shape[-1] // 2)).clamp(0, 1)
    assert "zoom ratio" in refusal(far, small)
    assert "match" in refusal(far, torch.full_like(near, 0.5))
    assert "match" in refusal(torch.zeros_like(far), near)
    assert "match" in refusal(far, near.flip(-1))


def test_a_scene_that_correlates_too_little_is_dropped(shots: FarNearShots) -> None:
    far, near = shots.burst.frames, shots.near
    found = couple_of(far, near).quality.correlation
    assert 0.9 < found < 0.9999
    assert "differ: correlation" in refusal(far, near, PairConfig(min_correlation=found + 1e-5))
    kept = couple_of(far, near, PairConfig(min_correlation=found - 1e-5))
    assert kept.quality.correlation == found


def test_a_loose_setting_lets_more_ghosts_pass(shots: FarNearShots) -> None:
    changed, _ = pasted(shots.near, example_photo("coffee"), 0.25)
    strict = refusal(shots.burst.frames, changed, PairConfig(max_ghosts=0.05))
    assert "do not align" in strict
    couple = couple_of(shots.burst.frames, changed, PairConfig(max_ghosts=0.6))
    assert 0.4 < couple.quality.valid < 0.9


def test_the_region_is_what_both_show(shots: FarNearShots) -> None:
    couple = couple_of(shots.burst.frames, shots.near)
    region: Rectangle = couple.region
    grid = centered_grid(region.height, region.width, like=couple.refined.placement.matrix)
    placement: Placement = couple.refined.placement
    limit = torch.tensor([shots.near.shape[-1] / 2, shots.near.shape[-2] / 2])
    assert bool((placement.at(grid).abs() <= limit).all())
    # Two more cells on every side would no longer be: the near picture is used up to its edges.
    assert region.width * couple.zoom_ratio > 0.8 * shots.near.shape[-1]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("scale", 5),
        ("least_ratio", 1.5),
        ("largest_ratio", 0.5),
        ("min_inliers", 4),
        ("min_overlap", 0.0),
        ("smallest_px", 8),
        ("min_correlation", 1.0),
        ("max_blur_px", 0.0),
        ("max_ghosts", 1.0),
    ],
)
def test_settings_out_of_range_are_refused(setting: str, value: float) -> None:
    with pytest.raises(InputError):
        PairConfig(**{setting: value})


def test_offsets_count_only_where_tiles_bear_them_out() -> None:
    offsets = torch.ones(2, 2, 2, dtype=torch.float64)
    offsets[1, 1] = 9.0
    support = torch.tensor([[0.05, 0.2], [0.6, 0.6]], dtype=torch.float64)
    field = MotionField(torch.eye(3, dtype=torch.float64), 64, 64, offsets, None, support)
    found = supported_offsets(field).offsets_px
    assert found is not None
    wanted = torch.tensor([[0.0, 0.5], [1.0, 0.0]], dtype=torch.float64)
    assert torch.allclose(found, wanted[..., None].expand(2, 2, 2))


def test_motion_that_varies_is_followed() -> None:
    shots = shots_of(seed=3, frames=1)
    height, width = shots.near.shape[-2:]
    grid = centered_grid(height, width, like=shots.matrices)

    def bent(points: torch.Tensor) -> torch.Tensor:
        wave = 1.6 * torch.sin(2 * torch.pi * points[..., 0] / width)
        return points + torch.stack((torch.zeros_like(wave), wave), -1)

    near = sample_bicubic(shots.near[0], bent(grid).float())[None].clamp(0, 1)
    couple = couple_of(shots.burst.frames, near)
    assert couple.refined.placement.field is not None
    region = couple.region
    places = centered_grid(region.height, region.width, like=grid)
    to_near = shots.homography(0, 0) @ shifted(
        region_offset(region, *shots.burst.frames.shape[-2:])
    )
    truth = transform(to_near, places.reshape(-1, 2)).reshape(places.shape)
    errors = [
        float((bent(placement.at(places)) - truth).norm(dim=-1).median())
        for placement in (couple.refined.placement, Placement(couple.refined.placement.matrix))
    ]
    assert errors[0] < 0.7 * errors[1]
    assert errors[0] < 0.3
