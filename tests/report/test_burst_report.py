"""The page of a burst zoom: whole, escaped, small, and true to what the driver returned."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from edge_sdk.burst import EffectiveFrames, FrameReport, ZoomConfig, ZoomResult
from edge_sdk.burst.noise.curve import Noise
from edge_sdk.burst.photometry.light import Light
from edge_sdk.data.quality.grades import Quality
from edge_sdk.errors import InputError
from edge_sdk.html.palette import CERTAIN, DOUBTFUL, hexadecimal
from edge_sdk.imaging import Metadata, Picture, resize_bicubic
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.registration import Registration
from edge_sdk.registration.field import MotionField
from edge_sdk.registration.motion import EuclideanMotion
from edge_sdk.report.zoom.evidence import FrameEvidence, ZoomEvidence, evidence_of
from edge_sdk.report.zoom.maps import MAX_MAPS
from edge_sdk.report.zoom.page import burst_report
from tests.examples import examples

HEIGHT, WIDTH = 60, 84
STILL = MotionField(torch.eye(3, dtype=torch.float64), HEIGHT, WIDTH)
NASTY = '<img src=x onerror="alert(1)">&\x00.png'


def field(index: int) -> MotionField:
    matrix = EuclideanMotion(0.5 * index, -0.3 * index, 0.1 * index).matrix
    generator = torch.Generator().manual_seed(index)
    offsets = torch.randn(4, 5, 2, dtype=torch.float64, generator=generator) / 10
    confidence = torch.rand(4, 5, dtype=torch.float64, generator=generator)
    return MotionField(matrix, HEIGHT, WIDTH, offsets, confidence)


def frame(index: int, **changes: object) -> FrameEvidence:
    generator = torch.Generator().manual_seed(index)
    made = FrameEvidence(
        f"frame{index}.png",
        score=0.01 + index / 1000,
        share=0.9,
        motion=field(index),
        agreement=torch.rand(15, 21, generator=generator),
    )
    return replace(made, **changes)


def effective(count: int) -> EffectiveFrames:
    """All frames on the left half, the reference alone on the right."""
    places = torch.ones(-(-HEIGHT // 16), -(-WIDTH // 16))
    places[:, : places.shape[1] // 2] = count
    return EffectiveFrames((1 + count) / 2, 1.0, places)


def evidence(count: int, **changes: object) -> ZoomEvidence:
    generator = torch.Generator().manual_seed(count)
    before = torch.rand(3, HEIGHT, WIDTH, generator=generator)
    made = ZoomEvidence(
        "zoomed.png",
        (frame(0, motion=STILL, agreement=None, share=1.0), *map(frame, range(1, count))),
        reference=0,
        forced=False,
        noise_std=5 / 255,
        seconds={"align": 1.25, "merge": 0.5},
        before=before,
        after=resize_bicubic(before, 2).clamp(0, 1),
        effective=effective(count),
    )
    return replace(made, **changes)


def tree(text: str) -> ElementTree.Element:
    assert text.startswith("<!DOCTYPE html>\n")
    return ElementTree.fromstring(text.partition("\n")[2])


def words(text: str) -> str:
    return " ".join("".join(tree(text).itertext()).split())


def images(text: str) -> list[Image.Image]:
    return [
        Image.open(io.BytesIO(base64.b64decode(image.attrib["src"].partition("base64,")[2])))
        for image in tree(text).iter("img")
    ]


def pixels(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255


def test_the_page_loads_nothing_and_runs_only_its_own_script() -> None:
    text = burst_report(evidence(4))
    own = re.sub(r"base64,[^\"]*", "", text)
    assert not re.search(r"https?://|//[a-z]|@import|url\(", own)
    root = tree(text)
    for found in root.iter():
        assert found.tag not in {"link", "iframe", "object", "form", "base"}
        assert not any(name.startswith("on") or name == "href" for name in found.attrib)
    assert all(image.attrib["src"].startswith("data:image/") for image in root.iter("img"))
    (policy,) = [
        meta.attrib["content"] for meta in root.iter("meta") if "http-equiv" in meta.attrib
    ]
    assert "default-src 'none'" in policy
    (script,) = root.iter("script")
    digest = hashlib.sha256((script.text or "").encode()).digest()
    assert f"script-src 'sha256-{base64.b64encode(digest).decode()}'" in policy


def test_every_frame_stands_in_the_table_with_its_numbers() -> None:
    found = evidence(3)
    text = burst_report(found)
    rows = [
        [" ".join("".join(cell.itertext()).split()) for cell in row.iter("td")]
        for row in tree(text).iter("tr")
    ][1:]
    assert rows[0] == ["0 frame0.png", "10.00", "—", "—", "100%", "—", "reference"]
    assert rows[2] == ["2 frame2.png", "12.00", "+1.00, −0.60", "+0.20", "90%", "—", "merged"]
    assert "3 of 3 frames became one picture of 168×120 pixels, enlarged 2 times" in words(text)
    assert "align 1.25 s" in words(text)


def test_the_reference_is_marked_and_bars_are_as_long_as_scores() -> None:
    frames = tuple(frame(index, score=0.02 / (1 + index)) for index in range(3))
    text = burst_report(evidence(3, frames=frames))
    bars = [rect for rect in tree(text).iter("rect") if rect.get("class", "").startswith("bar-")]
    lengths = [float(bar.attrib["width"].rstrip("%")) for bar in bars]
    assert lengths == pytest.approx([100, 50, 100 / 3], abs=0.01)
    assert [bar.get("class") for bar in bars] == ["bar-after", "bar-before", "bar-before"]
    assert "20.00, reference" in words(text)


def test_the_plot_puts_every_frame_where_its_motion_says() -> None:
    text = burst_report(evidence(4))
    dots = {
        (circle.find("title").text or ""): circle
        for circle in tree(text).iter("circle")
        if circle.get("class", "").startswith("dot")
    }
    assert set(dots) == {f"{index} frame{index}.png" for index in range(4)}
    origin = dots["0 frame0.png"]
    assert (origin.get("cx"), origin.get("cy")) == ("160", "160")
    # Rectangle offsets shift the center a little: by less than half a pixel of the frames here.
    middle = torch.zeros(1, 2, dtype=torch.float64)
    places = {index: field(index).at(middle)[0] for index in (1, 2, 3)}
    px = (float(dots["3 frame3.png"].get("cx")) - 160) / float(places[3][0])
    for index, place in places.items():
        dot = dots[f"{index} frame{index}.png"]
        assert float(dot.get("cx")) - 160 == pytest.approx(px * float(place[0]), abs=0.2)
        assert float(dot.get("cy")) - 160 == pytest.approx(px * float(place[1]), abs=0.2)


def test_names_are_escaped() -> None:
    frames = (frame(0, name=NASTY), frame(1, name=NASTY), frame(2, name=NASTY, note=NASTY))
    text = burst_report(evidence(3, frames=frames, output=NASTY, remarks=(NASTY,)))
    shown = NASTY.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    assert "onerror=" not in text.replace("onerror=&#34;", "")
    assert words(text).count(shown) >= 5
    assert all(set(image.attrib) <= {"src", "alt", "class"} for image in tree(text).iter("img"))


def test_one_frame_alone_is_reported_without_maps() -> None:
    text = burst_report(evidence(1))
    told = words(text)
    assert "One frame was enlarged alone, without the gain of a burst" in told
    assert "no motion to show" in told
    assert "Every pixel was made from the reference alone" in told
    assert len(images(text)) == 4


def test_frames_that_were_dropped_are_named_with_their_reason() -> None:
    reason = "does not match the reference (correlation² 0.01)"
    gone = frame(2, note=reason, share=0.0, score=-0.003, blurry=True, agreement=None)
    text = burst_report(evidence(3, frames=(frame(0), frame(1), gone)))
    told = words(text)
    assert f"frame2.png is left out: {reason}" in told
    assert "left out, blurry" in told
    assert "−3.00, left out" in told
    assert "1 left out, not drawn" in told
    assert all("frame2" not in (image.get("alt") or "") for image in tree(text).iter("img"))
    alone = burst_report(evidence(2, frames=(frame(0), replace(gone, name="x"))))
    assert "No other of the 2 frames could be used" in words(alone)


def test_maps_that_the_driver_did_not_keep_are_reported_missing() -> None:
    frames = tuple(frame(index, agreement=None, motion=STILL) for index in range(3))
    told = words(burst_report(evidence(3, frames=frames)))
    assert told.count("The weights per pixel were not kept for this page") == 2
    assert "One motion served for the whole of each frame" in told


def test_many_frames_make_no_large_page() -> None:
    text = burst_report(evidence(60))
    told = words(text)
    assert f"The {MAX_MAPS} frames of 59 with the least agreement" in told
    assert f"The {MAX_MAPS} frames of 59 with the least confidence" in told
    assert "All 60 frames" in told
    assert "52 other frames" in told
    assert len(images(text)) == 4 + 1 + 2 * MAX_MAPS + 2
    assert len(text) < 700_000


@pytest.mark.slow
def test_large_pictures_are_reduced_and_the_page_notes_it() -> None:
    generator = torch.Generator().manual_seed(0)
    before = torch.rand(3, 420, 560, generator=generator)
    after = before.repeat_interleave(2, -1).repeat_interleave(2, -2)
    still = MotionField(STILL.matrix, 420, 560)
    frames = (frame(0, motion=still), frame(1, motion=still, agreement=torch.ones(420, 560)))
    text = burst_report(evidence(2, frames=frames, before=before, after=after))
    assert "reduced from 1120×840 to 1024×768 pixels" in words(text)
    assert max(max(image.size) for image in images(text)) == 1024
    # White noise is the worst that a picture can be: photographs take a quarter of this.
    assert len(text) < 6_000_000


def test_the_slider_shows_the_result_beside_the_bicubic_reference() -> None:
    smooth = resize_bicubic(torch.rand(3, 6, 8), size=(HEIGHT, WIDTH)).clamp(0, 1)
    found = evidence(1, before=smooth, after=torch.full((3, 2 * HEIGHT, 2 * WIDTH), 0.5))
    text = burst_report(found)
    (range_input, _) = tree(text).iter("input")
    assert range_input.get("type") == "range"
    assert "bicubic" in (range_input.get("aria-label") or "")
    after, before, whole_after, whole_before = images(text)
    assert after.size == before.size
    assert after.getextrema() == ((128, 128),) * 3
    assert whole_after.size == whole_before.size == (2 * WIDTH, 2 * HEIGHT)
    truth = resize_bicubic(found.before, 2).clamp(0, 1)
    assert float((pixels(whole_before) - truth).abs().mean()) < 1.5 / 255


def test_the_detail_shows_one_place_of_both() -> None:
    generator = torch.Generator().manual_seed(1)
    before = torch.rand(3, HEIGHT, WIDTH, generator=generator)
    after = resize_bicubic(before, 2).clamp(0, 1)
    shown_after, shown_before, *_ = images(burst_report(evidence(1, before=before, after=after)))
    assert float((pixels(shown_after) - pixels(shown_before)).abs().mean()) < 1.5 / 255


def test_the_color_profile_goes_with_the_photographs() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    shown = images(burst_report(evidence(1, icc_profile=profile)))
    assert all(image.info.get("icc_profile") == profile for image in shown)
    gray = profile[:16] + b"GRAY" + profile[20:]
    shown = images(burst_report(evidence(1, icc_profile=gray)))
    assert not any("icc_profile" in image.info for image in shown)


@pytest.mark.slow
@examples(8)
@given(
    height=st.integers(16, 90),
    width=st.integers(16, 90),
    scale=st.sampled_from([1, 2, 3, 4]),
    count=st.integers(1, 12),
    scores=st.floats(-1e3, 1e6),
)
def test_the_page_is_well_formed_for_any_size(
    height: int, width: int, scale: int, count: int, scores: float
) -> None:
    before = torch.rand(3, height, width)
    matrix = torch.eye(3, dtype=torch.float64)
    matrix[0, 2] = scores % 7
    motion = MotionField(matrix, height, width, torch.zeros(2, 3, 2, dtype=torch.float64))
    frames = tuple(
        frame(index, score=scores * (index - 1), motion=motion, agreement=torch.rand(height, width))
        for index in range(count)
    )
    after = resize_bicubic(before, scale)
    text = burst_report(evidence(count, frames=frames, before=before, after=after))
    for rect in tree(text).iter("rect"):
        assert 0 <= float(rect.get("width", "").rstrip("%")) <= 100
    assert images(text)


def result(count: int, height: int = HEIGHT, width: int = WIDTH) -> ZoomResult:
    matrix = EuclideanMotion(1.5, -2.0, 0.25).matrix
    moved = Registration(matrix, 0.01, 0.9, 0.95, True, MotionField(matrix, height, width))
    kept = torch.full((-(-HEIGHT // 4), -(-WIDTH // 4)), 0.75, dtype=torch.float16)
    other = FrameReport(0.02, moved, 0.8, provenance=kept)
    frames = (FrameReport(0.05, None, 1.0, provenance=2 * kept), *[other] * (count - 1))
    pixels = torch.rand(3, 2 * HEIGHT, 2 * WIDTH)
    return ZoomResult(
        pixels, 0, True, Noise.white(0.02), frames, {"reference": 0.1}, effective(count)
    )


def test_evidence_is_what_the_driver_returned() -> None:
    made = result(3)
    picture = Picture(torch.rand(3, HEIGHT, WIDTH), Metadata(icc_profile=b"x" * 200))
    found = evidence_of(made, ["a", "b", "c"], picture, "z.png", ZoomConfig(reference=0))
    assert [each.name for each in found.frames] == ["a", "b", "c"]
    assert found.forced
    assert found.scale == 2
    assert found.others == (1, 2)
    assert found.frames[0].agreement is None
    assert found.frames[2].agreement is made.frames[2].provenance
    assert torch.equal(found.frames[1].motion.matrix, made.frames[1].registration.matrix)
    assert found.icc_profile == picture.metadata.icc_profile
    told = words(burst_report(found))
    assert "chosen by the user" in told
    assert "1 b: 75% agrees" in told
    scored = evidence_of(
        made, ["a", "b", "c"], picture, "z.png", ZoomConfig(), qualities=(Quality(71.6), None, None)
    )
    assert "72" in words(burst_report(scored))
    with pytest.raises(InputError, match="1 qualities for 3 frames"):
        evidence_of(made, ["a", "b", "c"], picture, "z.png", ZoomConfig(), qualities=(None,))
    with pytest.raises(InputError, match="2 names for 3 frames"):
        evidence_of(made, ["a", "b"], picture, "z.png", ZoomConfig())
    with pytest.raises(InputError, match="reference 7"):
        replace(found, reference=7)


def test_effective_frames_stand_in_the_lead_and_as_a_map_with_its_scale() -> None:
    text = burst_report(evidence(5))
    told = words(text)
    assert "Effective frames: 3.0 of 5; at most 1.0 in the worst tenth of the picture." in told
    (shown,) = [
        image for image in tree(text).iter("img") if "Effective" in (image.get("alt") or "")
    ]
    assert "from 1.0 to 5.0" in shown.attrib["alt"]
    at = [image.get("alt") for image in tree(text).iter("img")].index(shown.get("alt"))
    drawn = images(text)[at]
    assert drawn.size == (WIDTH, HEIGHT)
    colors = drawn.convert("RGB")
    # The last squares are cut as the picture cuts them.
    assert [colors.getpixel((x, y)) for x, y in ((0, 0), (47, HEIGHT - 1))] == [CERTAIN] * 2
    assert [colors.getpixel((x, y)) for x, y in ((48, 0), (WIDTH - 1, 59))] == [DOUBTFUL] * 2
    (bar,) = [
        svg for svg in tree(text).iter("svg") if "effective frames" in svg.get("aria-label", "")
    ]
    assert bar.attrib["aria-label"] == "effective frames, 1 to 5"
    assert [found.text for found in bar.iter("text")] == ["1", "3", "5", "effective frames"]
    fills = [rect.attrib["fill"] for rect in bar.iter("rect")]
    assert (fills[0], fills[-1]) == (hexadecimal(DOUBTFUL), hexadecimal(CERTAIN))
    alone = words(burst_report(evidence(1)))
    assert "Every place received one frame" in alone
    assert "Effective frames: " not in alone


def test_light_lost_parts_and_hot_pixels_stand_in_tables() -> None:
    waves = torch.tensor([0.0, 0.1], dtype=torch.float64)
    banded = Light(torch.tensor([1.2, 1.0, 0.85], dtype=torch.float64), waves)
    frames = (frame(0), frame(1, light=banded), frame(2), frame(3, lost=0.25))
    text = burst_report(evidence(4, frames=frames, hot_pixels=3, blank=0.004))
    rows = [
        [" ".join("".join(cell.itertext()).split()) for cell in row.iter("td")]
        for row in tree(text).iter("tr")
    ]
    assert ["1 frame1.png", "×1.20", "×1.00", "×0.85", "×0.90 to ×1.10", "—"] in rows
    assert ["3 frame3.png", "—", "—", "—", "—", "25%"] in rows
    assert ["hot pixels of the sensor, mended in all frames", "3"] in rows
    assert ["one value in the same place of all frames", "under 1%"] in rows
    assert not any(row[:2] == ["2 frame2.png", "—"] for row in rows)
    assert "The light of all frames is the same" in words(burst_report(evidence(3)))


def test_a_burst_that_brought_little_is_warned_of() -> None:
    made = replace(result(5), effective=EffectiveFrames(1.5, 1.0, torch.ones(4, 6)))
    picture = Picture(torch.rand(3, HEIGHT, WIDTH))
    found = evidence_of(made, list("abcde"), picture, "z.png", ZoomConfig())
    assert "only 1.5 of 5 frames were effective: " in words(burst_report(found))
    enough = evidence_of(result(5), list("abcde"), picture, "z.png", ZoomConfig())
    assert enough.warnings == ()


def test_a_part_of_the_reference_is_reported_as_such() -> None:
    picture = Picture(torch.rand(3, HEIGHT, WIDTH))
    config = ZoomConfig(crop=Rectangle(left=30, top=20, width=WIDTH, height=HEIGHT))
    found = evidence_of(result(2, 200, 300), ["a", "b"], picture, "z.png", config)
    assert found.corner == (20, 30)
    assert "the part of the reference from column 30, row 20" in words(burst_report(found))
