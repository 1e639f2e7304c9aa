"""Clips on the command line: files, pipes between real processes, and what is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edge_sdk.imaging import Picture, read_picture, write_picture
from edge_sdk.video import Matrix, PixelFormat, Swing, enhance_clip
from edge_sdk.video.form import same_frames
from tests.builders.clips import FORM, moving, read_clip, write_clip
from tests.cli.command_line import Run

PROGRAM = (sys.executable, "-c", "from edge_sdk.cli import main; main()")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.y4m", moving(3))


def piped(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The command line in a process of its own, in the current folder."""
    return subprocess.run([*PROGRAM, *arguments], input=data, capture_output=True, check=False)


def test_a_clip_is_enhanced_in_one_command(run: Run, clip: Path) -> None:
    outcome = run("enhance", "clip.y4m", "-o", "out.y4m")
    assert outcome.status == 0
    assert "wrote out.y4m (128×96 px, 3 frames, " in outcome.out
    outcome = run("enhance", "clip.y4m", "-o", "out.y4m", "--json", "--chroma", "bilinear")
    made = json.loads(outcome.out)
    assert (made["path"], made["frames"], made["resumed"]) == ("out.y4m", 3, 0)


def test_a_clip_is_zoomed_in_one_command(run: Run, clip: Path) -> None:
    outcome = run("zoom", "clip.y4m", "--window", 3, "--model", "none", "-o", "out.y4m")
    assert outcome.status == 0
    assert "wrote out.y4m (128×96 px, 3 frames, " in outcome.out


def test_matrix_and_range_may_be_said(run: Run, clip: Path) -> None:
    run("enhance", "clip.y4m", "-o", "out.y4m", "--matrix", "bt709", "--range", "full")
    form, _ = read_clip(Path("out.y4m"))
    assert (form.matrix, form.swing) == (Matrix.BT709, Swing.FULL)


@pytest.mark.slow
def test_clips_go_through_pipes(run: Run, clip: Path) -> None:
    enhance_clip(clip, "file.y4m")
    made = piped("enhance", "-", "-o", "-", data=clip.read_bytes())
    assert made.returncode == 0
    assert b"wrote standard output (128\xc3\x97" in made.stderr
    Path("piped.y4m").write_bytes(made.stdout)
    (form, frames), (_, expected) = read_clip(Path("piped.y4m")), read_clip(Path("file.y4m"))
    assert form.comments == ()
    assert all(same_frames(one, other) for one, other in zip(frames, expected, strict=True))
    # A chain of processes, as with ffmpeg at both ends.
    chain = (
        "cat clip.y4m | {0} enhance - -o - --model denoise_rgb | {0} enhance - -o chained.y4m"
    ).format(f"'{sys.executable}' -c 'from edge_sdk.cli import main; main()'")
    subprocess.run(["bash", "-o", "pipefail", "-c", chain], check=True)
    form, frames = read_clip(Path("chained.y4m"))
    assert (form.width, len(frames)) == (128, 3)


@pytest.mark.slow
@pytest.mark.parametrize("pixels", list(PixelFormat))
def test_raw_frames_go_through_pipes(run: Run, clip: Path, pixels: PixelFormat) -> None:
    enhance_clip(clip, f"expected.{pixels}")
    _, frames = read_clip(clip)
    data = b""
    for y, u, v in frames:
        chroma = (u, v) if pixels is PixelFormat.I420 else (u.new_tensor(_by_turns(u, v)),)
        data += b"".join(bytes(plane.flatten().tolist()) for plane in (y, *chroma))
    options = ("--pixel-format", str(pixels), "--size", "64x48", "--fps", "30000/1001")
    made = piped("enhance", "-", "-o", "-", *options, data=data)
    assert made.returncode == 0, made.stderr
    assert made.stdout == Path(f"expected.{pixels}").read_bytes()
    made = piped("enhance", "-", "-o", "out.y4m", *options, data=data)
    assert made.returncode == 0, made.stderr
    assert str(read_clip(Path("out.y4m"))[0].fps) == "30000/1001"


def _by_turns(u: object, v: object) -> list[int]:
    pairs = zip(u.flatten().tolist(), v.flatten().tolist(), strict=True)  # type: ignore[attr-defined]
    return [level for pair in pairs for level in pair]


@pytest.mark.slow
def test_pictures_go_through_pipes(run: Run) -> None:
    write_picture(Picture(moving(1)[0]), "photo.png")
    assert run("enhance", "photo.png", "-o", "files").status == 0
    made = piped("enhance", "-", "-o", "-", "--format", "png", data=Path("photo.png").read_bytes())
    assert made.returncode == 0, made.stderr
    Path("piped.png").write_bytes(made.stdout)
    expected = read_picture("files/photo.png").pixels
    assert read_picture("piped.png").pixels.equal(expected)
    made = piped("enhance", "photo.png", "-o", "-", "--format", "jpeg")
    assert made.stdout[:2] == b"\xff\xd8"
    assert piped("enhance", "-", "-o", "out.png", data=Path("photo.png").read_bytes()).stdout != b""
    assert read_picture("out.png").pixels.equal(expected)
    for data, said in ((b"", b"is empty"), (b"no picture", b"standard input: ")):
        made = piped("enhance", "-", "-o", "-", "--format", "png", data=data)
        assert (made.returncode, made.stdout) == (2, b"")
        assert said in made.stderr
        assert made.stderr.count(b"\n") == 1


@pytest.mark.slow
def test_a_reader_that_leaves_ends_the_command(clip: Path) -> None:
    write_clip(clip, moving(60))
    child = subprocess.Popen(
        [*PROGRAM, "enhance", str(clip), "-o", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.read(100)
    child.stdout.close()
    # As a program in a pipe ends whose reader has what it wants: quietly, not with success.
    assert child.stderr.read() == b""
    assert child.wait() == 1


@pytest.mark.slow
def test_a_terminal_is_not_written_to(run: Run, clip: Path) -> None:
    import pty

    outer, inner = pty.openpty()
    for arguments in (("clip.y4m", "-o", "-"), ("photo.png", "-o", "-", "--format", "png")):
        made = subprocess.run(
            [*PROGRAM, "enhance", *arguments],
            stdout=inner,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert made.returncode == 2
        assert "standard output is a terminal; pipe them on" in made.stderr
    made = subprocess.run(
        [*PROGRAM, "enhance", "-", "-o", "x.y4m"],
        stdin=inner,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert "reads what is piped in, and nothing is" in made.stderr
    os.close(inner)
    os.close(outer)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_job_that_is_stopped_goes_on(run: Run, clip: Path, number: signal.Signals) -> None:
    form = replace(FORM, width=128, height=96)
    write_clip(clip, moving(150, form), form)
    child = subprocess.Popen(
        [*PROGRAM, "enhance", "clip.y4m", "-o", "out.y4m"], stderr=subprocess.PIPE, text=True
    )
    part = Path("out.y4m.part")
    while not (part.is_file() and part.stat().st_size > 100_000):
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(number)
    _, said = child.communicate()
    assert child.returncode == 128 + number
    assert "what is made is in out.y4m.part, go on with --resume" in said
    assert not Path("out.y4m").exists()
    outcome = run("enhance", "clip.y4m", "-o", "out.y4m", "--resume")
    assert outcome.status == 0
    assert "150 frames, " in outcome.out
    assert " of them before" in outcome.out
    resumed = Path("out.y4m").read_bytes()
    assert run("enhance", "clip.y4m", "-o", "out.y4m").status == 0
    assert Path("out.y4m").read_bytes() == resumed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("enhance clip.y4m", "enhanced: the suffix (none) names no kind of clip"),
        ("enhance clip.y4m clip.y4m -o x.y4m", "clips are made one by one"),
        ("enhance clip.y4m -o clip.y4m", "is the clip itself"),
        ("enhance clip.y4m -o x.y4m --matrix bt2020", "choose bt601 or bt709"),
        ("enhance clip.y4m -o x.y4m --range wide", "choose limited or full"),
        ("enhance clip.y4m -o x.y4m --chroma cubic", "choose bicubic or bilinear"),
        ("enhance clip.y4m -o x.y4m --size 64x48", "says size and rate itself"),
        ("enhance clip.y4m -o x.y4m --format png", "--format is for pictures"),
        ("enhance clip.y4m -o x.y4m --bundle b.zip", "--bundle is for pictures"),
        ("enhance clip.y4m -o x.mp4 --codec h265", "codec h265 is not there for .mp4"),
        ("enhance clip.y4m -o x.mp4 --resume", "cannot be resumed"),
        ("enhance clip.y4m -o - --json", "leave one out"),
        ("enhance clip.y4m -o x.y4m --model burst_zoom_x2", "use it by `edge-sdk zoom`"),
        ("enhance none.y4m -o x.y4m", "no such file"),
        ("enhance folder.y4m -o x.y4m", "is a folder"),
        ("enhance clip.yuv -o x.y4m", "give the --size"),
        ("enhance clip.yuv -o x.y4m --size 64", "such as 640x360"),
        ("enhance clip.yuv -o x.y4m --size 0x9", "sides are 1 to"),
        ("enhance clip.yuv -o x.y4m --size 4x4 --fps 0", "such as 25 or 30000/1001"),
        ("enhance clip.yuv -o x.y4m --pixel-format yv12 --size 4x4", "choose i420 or nv12"),
        ("enhance clip.yuv -o x.y4m --size 5x5", "no whole number of i420 frames"),
        ("enhance photo.png --matrix bt601", "--matrix is for a clip"),
        ("enhance photo.png --resume", "--resume is for a clip"),
        ("enhance photo.png --format png", "--format is for a picture on standard output"),
        ("enhance photo.png photo.png -o - --format png", "takes one picture"),
        ("zoom clip.y4m --window 4 -o x.y4m", "an odd number of frames"),
        ("zoom clip.y4m", "zoom.png: the suffix .png names no kind of clip"),
        ("zoom clip.y4m -o x.y4m --reference 1", "--reference is for a burst, not for a clip"),
        ("zoom clip.y4m -o x.y4m --report r.html", "--report is for a burst, not for a clip"),
        ("zoom photo.png --window 3", "--window is for a clip"),
    ],
)
def test_bad_input(run: Run, clip: Path, arguments: str, said: str) -> None:
    write_picture(Picture(moving(1)[0]), "photo.png")
    Path("folder.y4m").mkdir()
    Path("clip.yuv").write_bytes(bytes(24))
    assert said in run(*arguments.split()).error_line
    assert not Path("x.y4m").exists()
    assert not Path("x.y4m.part").exists()
