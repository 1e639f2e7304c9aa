"""Crops of a set for training: aligned, repeatable, and refused where the set is damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from edge_sdk.burst.stages.encode import HALO_PX, Encode
from edge_sdk.burst.stages.noise_map import white_noise
from edge_sdk.errors import InputError
from edge_sdk.imaging import read_picture
from edge_sdk.pairs import PairDataset, build_set, open_set
from tests.builders.far_near_shots import reseal, shots_of, write_shots

CROP, HALO, FRAMES = 24, HALO_PX, 4


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("dataset")
    write_shots(shots_of(), place / "far", place / "near", "astronaut")
    write_shots(shots_of("coffee", seed=1, frames=1), place / "far", place / "near", "coffee")
    assert build_set(place / "far", place / "near", place / "set").accepted == 2
    return place / "set"


def dataset(made: Path, **changes: Any) -> PairDataset:
    settings = {"crop_px": CROP, "frames": FRAMES, "length": 40, "seed": 3, **changes}
    return PairDataset(made, **settings)


def test_shapes_and_ranges(made: Path) -> None:
    samples = dataset(made)
    assert len(samples) == 40
    seen = set()
    for index in range(40):
        sample = samples[index]
        seen.add(sample.scene)
        side = CROP + 2 * HALO
        assert sample.reference.shape == (3, side, side)
        assert sample.frames.shape == (FRAMES, 3, side, side)
        assert sample.offset.shape == (FRAMES, 2, side, side)
        assert sample.confidence.shape == (FRAMES, 1, side, side)
        assert sample.target.shape == (3, 2 * CROP, 2 * CROP)
        assert sample.mask.shape == (1, 2 * CROP, 2 * CROP)
        assert set(sample.mask.unique().tolist()) <= {0.0, 1.0}
        for part in (sample.frames, sample.target, sample.confidence):
            assert float(part.min()) >= 0
            assert float(part.max()) <= 1
        assert float(sample.offset.abs().max()) <= 0.55
        assert torch.equal(sample.frames[0], sample.reference)
        assert float(sample.offset[0].abs().max()) == 0
        assert sample.noise_std > 0
    assert seen == {"astronaut", "coffee"}


def test_a_scene_with_fewer_frames_is_filled_up_without_weight(made: Path) -> None:
    samples = dataset(made)
    for index in range(40):
        sample = samples[index]
        assert sample.count == {"astronaut": 3, "coffee": 1}[sample.scene]
        assert float(sample.confidence[sample.count :].sum()) == 0
        middle = (..., slice(HALO, -HALO), slice(HALO, -HALO))
        assert float(sample.confidence[0][middle].min()) == 1
        assert float(sample.confidence[1 : sample.count].mean() if sample.count > 1 else 1) > 0.5


def test_the_same_index_and_seed_give_the_same_crop_in_any_order(made: Path) -> None:
    first, second = dataset(made), dataset(made, cached_scenes=1)
    backwards = {index: second[index] for index in reversed(range(8))}
    for index in range(8):
        for name in ("frames", "offset", "confidence", "target", "mask"):
            assert torch.equal(getattr(first[index], name), getattr(backwards[index], name))
    other = dataset(made, seed=4)
    assert any((first[k].top, first[k].left) != (other[k].top, other[k].left) for k in range(8))


def test_the_target_is_the_files_crop_at_twice_the_place(made: Path) -> None:
    sample = dataset(made)[0]
    target = read_picture(made / "scenes" / sample.scene / "target.png").pixels
    rows = slice(2 * sample.top, 2 * (sample.top + CROP))
    columns = slice(2 * sample.left, 2 * (sample.left + CROP))
    assert torch.equal(sample.target, target[:, rows, columns])


def test_encode_takes_the_crops_and_frames_bring_the_merge_nearer_to_the_target(
    made: Path,
) -> None:
    samples, encoder = dataset(made, crop_px=48, length=30), Encode(2)
    alone, together = [], []
    for index in range(30):
        sample = samples[index]
        if sample.count == 1:
            continue
        noise = white_noise(sample.noise_std)
        for frames, errors in ((1, alone), (FRAMES, together)):
            sums, weights, _ = encoder(
                sample.reference[None],
                sample.frames[:frames],
                sample.offset[:frames],
                sample.confidence[:frames],
                None,
                noise,
            )
            fine = torch.nn.functional.pixel_shuffle(weights, 2)
            merged = torch.nn.functional.pixel_shuffle(sums, 2) / fine.clamp_min(1e-3)
            counted = sample.mask * (fine[0] > 0.05)
            difference = (merged[0] - sample.target).square().mean(0, keepdim=True)
            errors.append(float((difference * counted).sum() / counted.sum()))
    assert len(alone) > 3
    assert sum(together) < 0.95 * sum(alone)


def test_crops_avoid_what_does_not_count(made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "set"))
    path = folder / "scenes" / "astronaut" / "mask.png"
    with Image.open(path) as image:
        size = image.size
    mask = Image.new("L", size, 0)
    mask.paste(255, (0, 0, size[0], size[1] // 2))
    mask.save(path)
    reseal(folder, "astronaut")
    samples = dataset(folder, length=60)
    shares = [
        float(sample.mask.mean())
        for sample in (samples[index] for index in range(60))
        if sample.scene == "astronaut"
    ]
    assert sum(share >= 0.5 for share in shares) >= 0.9 * len(shares)


@pytest.mark.parametrize(
    "changes",
    [{"crop_px": 0}, {"frames": 0}, {"length": -1}, {"seed": -1}, {"cached_scenes": 0}],
)
def test_numbers_out_of_range_are_refused(made: Path, changes: dict[str, int]) -> None:
    with pytest.raises(InputError, match="give a pixel"):
        dataset(made, **changes)


def test_crops_larger_than_a_scene_and_indices_beyond_are_refused(made: Path) -> None:
    with pytest.raises(InputError, match="smaller crops"):
        dataset(made, crop_px=4000)
    with pytest.raises(IndexError):
        dataset(made)[40]


def change_record(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_damaged_sets_are_refused_in_one_line(made: Path, tmp_path: Path) -> None:
    def refusal(corruption: str) -> str:
        folder = Path(shutil.copytree(made, tmp_path / corruption))
        scene = folder / "scenes" / "astronaut"
        if corruption == "record":
            (folder / "set.json").write_text("{")
        elif corruption == "version":
            change_record(folder / "set.json", version=99)
        elif corruption == "scene version":
            change_record(scene / "scene.json", version=99)
        elif corruption == "no scene record":
            (scene / "scene.json").unlink()
        elif corruption == "missing frame":
            (scene / "01.png").unlink()
        elif corruption == "other size":
            shutil.copy(scene / "00.png", scene / "target.png")
        elif corruption == "no picture":
            (scene / "mask.png").write_bytes(b"no picture")
            reseal(folder, "astronaut")
        elif corruption == "no frames":
            reseal(folder, "astronaut", frames=[])
        elif corruption == "bad motion":
            record = json.loads((scene / "scene.json").read_text())
            record["frames"][1]["matrix"] = [[1, 2], [3, 4]]
            reseal(folder, "astronaut", frames=record["frames"])
        elif corruption == "nothing accepted":
            change_record(folder / "set.json", scenes=[])
        with pytest.raises(InputError) as error:
            dataset(folder)
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "no set of pairs" in refusal("record")
    assert "version 99" in refusal("version")
    assert "version 99" in refusal("scene version")
    assert "missing or damaged" in refusal("no scene record")
    assert "01.png: is missing" in refusal("missing frame")
    assert "target.png: is" in refusal("other size")
    assert "cannot be read" in refusal("no picture")
    assert "does not belong" in refusal("no frames")
    assert "damaged" in refusal("bad motion")
    assert "no sample" in refusal("nothing accepted")
    with pytest.raises(InputError, match="no set of pairs"):
        dataset(tmp_path / "nowhere")


def refused(folder: Path) -> str:
    with pytest.raises(InputError) as error:
        open_set(folder)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", ["00.png", "01.png", "target.png", "mask.png"])
def test_a_picture_that_was_changed_is_reported(made: Path, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "set"))
    path = folder / "scenes" / "astronaut" / name
    before = path.read_bytes()
    path.write_bytes(before[: len(before) // 2])
    assert f"{name}: was changed after it was written; run edge-sdk pairs again" in refused(folder)
    with Image.open(made / "scenes" / "astronaut" / name) as image:
        Image.new(image.mode, image.size).save(path)
    assert f"{name}: was changed after it was written" in refused(folder)
    path.write_bytes(before)
    assert len(open_set(folder).scenes) == 2


def frames_of(made: Path) -> list[dict[str, Any]]:
    record = json.loads((made / "scenes" / "astronaut" / "scene.json").read_text())
    return list(record["frames"])


def changes_of(made: Path) -> dict[str, dict[str, Any]]:
    """Records that no run writes, each with what the refusal says of it."""
    frames = frames_of(made)
    assert frames[1]["confidence"] is not None
    confident = [frames[0], frames[1] | {"confidence": [[50.0]]}, *frames[2:]]
    doubtful = [frames[0], frames[1] | {"confidence": [[-0.1]]}, *frames[2:]]
    elsewhere = [frames[0] | {"file": "../coffee/00.png"}, *frames[1:]]
    turned = [
        later | {"file": frame["file"]}
        for frame, later in zip(frames, reversed(frames), strict=True)
    ]
    return {
        "it is no sample": {"accepted": False},
        "no sample of this name": {"name": "coffee"},
        "noise_std nan": {"noise_std": float("nan")},
        "noise_std -1": {"noise_std": -1},
        "a confidence is not in": {"frames": confident},
        "confidence is not in [0, 1]": {"frames": doubtful},
        "other names or another order": {"frames": frames[::-1]},
        "have other names": {"frames": elsewhere},
        "the first frame is not the reference": {"frames": turned},
    }


def test_records_that_no_run_writes_are_refused(made: Path, tmp_path: Path) -> None:
    for index, (message, changes) in enumerate(changes_of(made).items()):
        folder = Path(shutil.copytree(made, tmp_path / str(index)))
        change_record(folder / "scenes" / "astronaut" / "scene.json", **changes)
        assert "scene.json: was changed after it was written; run" in refused(folder)
        reseal(folder, "astronaut", **changes)
        told = refused(folder)
        assert "scene.json: is damaged (" in told
        assert message in told


def test_a_set_record_that_was_changed_is_refused(made: Path, tmp_path: Path) -> None:
    scenes = json.loads((made / "set.json").read_text())["scenes"]
    others = {
        "cannot be named '../x'": [scenes[0] | {"name": "../x"}, scenes[1]],
        "cannot be named '..'": [scenes[0] | {"name": ".."}, scenes[1]],
        "cannot be named ''": [scenes[0] | {"name": ""}, scenes[1]],
        "set.json: was changed": [scenes[0] | {"accepted": False}, scenes[1]],
        "does not belong": [scenes[0] | {"sha256": scenes[1]["sha256"]}, scenes[1]],
    }
    for index, (message, changed) in enumerate(others.items()):
        folder = Path(shutil.copytree(made, tmp_path / str(index)))
        change_record(folder / "set.json", scenes=changed)
        assert message in refused(folder)


def test_a_set_of_an_older_version_says_how_to_make_it_again(made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "set"))
    change_record(folder / "set.json", version=1)
    assert refused(folder).endswith(
        "is of version 1, 2 is read; run edge-sdk pairs again with --overwrite"
    )
