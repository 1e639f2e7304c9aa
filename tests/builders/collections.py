"""Collections of pictures to be curated, and what scores them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from edge_sdk.curation import Quality
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import Picture


def brightness(picture: Picture) -> Quality:
    """A scorer that other processes can import: the mean, in percent."""
    return Quality(100 * float(picture.pixels.mean()))


def photo(name: str) -> Image.Image:
    """A photograph that scikit-image ships."""
    levels = (example_photo(name) * 255).round().to(torch.uint8).permute(1, 2, 0)
    return Image.fromarray(levels.numpy())


def make_collection(folder: Path) -> dict[str, str | None]:
    """Write pictures of every kind; the reason that each is left out for at least 200 px a side."""
    (folder / "deep").mkdir(parents=True)
    coffee, rocket, chelsea = photo("coffee"), photo("rocket"), photo("chelsea")
    coffee.save(folder / "coffee.png")
    rocket.save(folder / "rocket.png")
    chelsea.save(folder / "chelsea.png")
    coffee.resize((450, 300)).save(folder / "deep" / "coffee.jpg", quality=80)
    rocket.resize((150, 100)).save(folder / "small.png")
    cut = np.dstack([np.asarray(chelsea), np.full((300, 451), 255, np.uint8)])
    cut[:, :300, 3] = 0
    Image.fromarray(cut).save(folder / "cut.png")
    product = Image.new("RGB", (500, 400), "white")
    product.paste(chelsea.resize((200, 150)), (150, 100))
    product.save(folder / "product.png")
    (folder / "broken.jpg").write_bytes((folder / "deep" / "coffee.jpg").read_bytes()[:-3000])
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_bytes(b"none either")
    return {
        "broken.jpg": "unreadable",
        "chelsea.png": None,
        "coffee.png": None,
        "cut.png": "background",
        "deep/coffee.jpg": "near-duplicate",
        "product.png": "background",
        "rocket.png": None,
        "small.png": "size",
    }
