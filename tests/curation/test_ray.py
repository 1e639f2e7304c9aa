"""Collections measured on clusters of Ray: the same as with processes, whatever ends meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_sdk.curation import CurationConfig, CurationResult, curate
from edge_sdk.curation.journal import journal_of, saved
from edge_sdk.curation.ray_cluster import connected
from edge_sdk.errors import InputError
from tests.curation.rayed import EndsItsProcess
from tests.curation.test_curating import Stop, stop_after
from tests.needs import needs

Collected = tuple[Path, dict[str, str | None]]

pytestmark = [
    needs("examples"),
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.usefixtures("two_workers"),
]
COFFEE_PX = 600


def written(output: Path) -> bytes:
    data = output.read_bytes()
    output.unlink()
    assert not journal_of(output).exists()
    return data


@pytest.fixture(scope="module")
def two_workers() -> Iterator[None]:
    with connected("local", 2):
        yield


def test_the_output_is_that_of_processes(
    collection: Collected, config: CurationConfig, tmp_path: Path
) -> None:
    for name in ("kept.json", "kept.txt"):
        output = tmp_path / name
        one = curate(collection[0], output, config)
        expected = written(output)
        assert curate(collection[0], output, config, ray="local") == one
        assert written(output) == expected


def test_one_that_is_killed_is_made_up_for(
    collection: Collected, config: CurationConfig, tmp_path: Path
) -> None:
    (tmp_path / "marks").mkdir()
    ending = EndsItsProcess(COFFEE_PX, str(tmp_path / "marks"))
    killing = CurationConfig((*config.criteria, ending))
    expected = curate(collection[0], config=killing)
    (tmp_path / "marks" / "once").touch()
    assert curate(collection[0], config=killing, ray="local") == expected
    assert not list((tmp_path / "marks").iterdir())


def test_a_picture_that_ends_every_process_is_an_error(
    collection: Collected, config: CurationConfig, tmp_path: Path
) -> None:
    (tmp_path / "marks").mkdir()
    for mark in range(20):
        (tmp_path / "marks" / f"{mark:02}").touch()
    ending = EndsItsProcess(COFFEE_PX, str(tmp_path / "marks"))
    killing = CurationConfig((*config.criteria, ending))
    with pytest.raises(InputError, match=r"ended 4 processes.*go on with --resume"):
        curate(collection[0], config=killing, ray="local")
    assert len(list((tmp_path / "marks").iterdir())) == 16


def test_a_stopped_run_goes_on(
    collection: Collected, config: CurationConfig, tmp_path: Path
) -> None:
    output = tmp_path / "kept.json"
    whole = curate(collection[0], output, config)
    expected = written(output)
    with pytest.raises(Stop):
        curate(collection[0], output, config, ray="local", on_progress=stop_after(5))
    known = saved(journal_of(output))
    assert known in (4, 5)  # the unreadable one is not kept
    resumed = curate(collection[0], output, config, ray="local", resume=True)
    assert (resumed.verdicts, resumed.measured_before) == (whole.verdicts, known)
    assert written(output) == expected


def test_names_that_no_encoding_has_come_back(
    collection: Collected, config: CurationConfig, tmp_path: Path
) -> None:
    odd = tmp_path / "cafe\udce9.png"
    odd.write_bytes((collection[0] / "coffee.png").read_bytes())
    (kept,) = curate(odd, config=config, ray="local").kept
    assert kept == odd


def test_relative_names_stay_so(
    collection: Collected, config: CurationConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(collection[0])
    here: CurationResult = curate("deep", config=config)
    assert curate("deep", config=config, ray="local") == here
    assert [str(one.path) for one in here.verdicts] == ["deep/coffee.jpg"]
