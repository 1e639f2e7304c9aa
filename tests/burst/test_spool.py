from __future__ import annotations

from pathlib import Path

import pytest
import torch

from edge_sdk.burst import spooling
from edge_sdk.burst.frames.files import spool_pictures
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import Metadata, Picture, read_picture, write_picture


@pytest.mark.parametrize("depth", [8, 16])
def test_frames_are_kept_to_the_level(depth: int) -> None:
    frame = torch.rand(3, 131, 47, generator=torch.Generator().manual_seed(depth))
    most = 2**depth - 1
    levels = (frame * most).round()
    with spooling() as spool:
        spool.add(frame, depth)
        spool.add(frame.flip(-1), depth)
        assert torch.equal(spool.rows(0, 0, 131), levels / most)
        assert torch.equal(spool.rows(1, 60, 70), levels.flip(-1)[:, 60:70] / most)
        assert spool.rows(1, 60, 70).is_contiguous()
        assert spool.peak == int(levels.max())


@pytest.mark.parametrize("kind", ["color", "gray", "alpha"])
@pytest.mark.parametrize("depth", [8, 16])
def test_files_are_spooled_as_they_are_read(tmp_path: Path, kind: str, depth: int) -> None:
    generator = torch.Generator().manual_seed(0)
    paths = [tmp_path / f"{index}.png" for index in range(2)]
    for path in paths:
        pixels = torch.rand(3, 70, 50, generator=generator)
        alpha = torch.rand(1, 70, 50, generator=generator) if kind == "alpha" else None
        pixels = pixels[:1].repeat(3, 1, 1) if kind == "gray" else pixels
        write_picture(Picture(pixels, Metadata(bit_depth=depth, alpha=alpha)), path)
    with spooling() as spool:
        spooled = spool_pictures(paths, spool)
        for index, path in enumerate(paths):
            picture = read_picture(path)
            assert torch.equal(spool.rows(index, 0, 70), picture.pixels)
            held = spooled.held[index]
            assert (held.bit_depth, held.gray) == (depth, picture.metadata.gray)
            if kind == "alpha":
                assert held.alpha is not None
                assert picture.metadata.alpha is not None
                assert torch.equal(held.alpha, picture.metadata.alpha)
            else:
                assert held.alpha is None


def test_what_cannot_be_kept_is_refused() -> None:
    with spooling() as spool:
        with pytest.raises(InputError, match="with 8 or 16 bits, not 12"):
            spool.add(torch.rand(3, 8, 8), 12)
        with pytest.raises(PictureError, match="values that are no numbers"):
            spool.add(torch.full((3, 8, 8), torch.nan), 8)
        spool.add(torch.rand(3, 8, 8), 8)
        with pytest.raises(PictureError, match="frame 1 is 9×8 px but the first is 8×8 px"):
            spool.add(torch.rand(3, 8, 9), 8)
        assert spool.count == 1
