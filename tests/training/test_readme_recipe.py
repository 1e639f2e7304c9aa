"""The recipe that a newcomer meets first."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import Picture, write_picture
from edge_sdk.training.recipe.file import load_train_config
from edge_sdk.training.run.running import train
from tests.training.runs import MARKS

ROOT = Path(__file__).parents[2]

pytestmark = MARKS


def block(page: Path, title: str) -> str:
    """The text of the block of a page that has this title."""
    _, _, rest = page.read_text().partition(f'title="{title}"\n')
    return rest.partition("```")[0]


@pytest.mark.slow
def test_it_ends_above_bicubic_on_photographs_that_it_has_not_seen(tmp_path: Path) -> None:
    for folder, names in (("photos", ("coffee", "astronaut")), ("others", ("chelsea", "rocket"))):
        (tmp_path / folder).mkdir()
        for name in names:
            write_picture(Picture(example_photo(name)), tmp_path / folder / f"{name}.png")
    text = block(ROOT / "README.md", "recipe.yaml")
    (tmp_path / "recipe.yaml").write_text(
        text.replace("validation: {folder: photos}", "validation: {folder: others}")
    )
    config = load_train_config(tmp_path / "recipe.yaml")
    assert config.data.validation.folder.name == "others"
    result = train(config, tmp_path / "run", progress=False)
    assert result.psnr_db > result.baseline_db + 0.3
