"""What a tier asks of a test: how many examples it draws, and how much CPU time it takes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings

from tests.cpu_times import CpuTimes
from tests.examples import examples
from tests.pairwise import pairwise


@pytest.fixture
def _profile() -> Iterator[None]:
    before = settings.get_current_profile_name()
    yield
    settings.load_profile(before)


@pytest.mark.usefixtures("_profile")
@pytest.mark.parametrize(
    ("tier", "counts"), [("quick", (3, 5, 25)), ("full", (3, 10, 100)), ("nightly", (12, 40, 400))]
)
def test_each_tier_draws_its_share(tier: str, counts: tuple[int, ...]) -> None:
    settings.load_profile(tier)
    assert tuple(examples(full).max_examples for full in (3, 10, 100)) == counts
    assert examples(10).deadline is None


def test_of_combinations_the_full_tier_runs_those_in_which_pairs_meet() -> None:
    axes = ("abc", "de", "fgh")
    parameters = pairwise(*axes)
    assert {parameter.values for parameter in parameters} == set(product(*axes))
    full = [parameter.values for parameter in parameters if not parameter.marks]
    assert len(full) == 9
    for first, second in combinations(range(3), 2):
        met = {(values[first], values[second]) for values in full}
        assert met == set(product(axes[first], axes[second]))


def work(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


@pytest.mark.parametrize(("seconds", "fails"), [(0.0, False), (0.3, True)])
def test_a_call_over_the_limit_fails(seconds: float, fails: bool) -> None:
    call = CpuTimes(None, 0.1).pytest_runtest_call()
    next(call)
    work(seconds)
    with pytest.raises(pytest.fail.Exception if fails else StopIteration) as ended:
        next(call)
    assert ("mark it slow" in str(ended.value)) == fails


def test_imports_count_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "module_that_works.py").write_text(
        "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end:\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    plugin = CpuTimes(tmp_path / "times", 0.1)
    for phase in (plugin.pytest_runtest_setup(), plugin.pytest_runtest_call()):
        next(phase)
        import module_that_works  # noqa: F401 - the first of the two phases pays

        with pytest.raises(StopIteration):
            next(phase)
    plugin.pytest_runtest_teardown(SimpleNamespace(nodeid="a test"))  # type: ignore[arg-type]
    line = json.loads((tmp_path / "times").read_text("utf-8"))
    assert line["test"] == "a test"
    assert line["import_s"] >= 0.25
    assert max(line["setup_s"], line["call_s"]) <= 0.1
