"""A cluster of two nodes that is joined by its address, and loses one of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from edge_sdk.curation import CurationConfig, curate
from edge_sdk.curation.ray_cluster import ray_module
from tests.needs import needs

pytestmark = [needs("examples"), pytest.mark.ray, pytest.mark.slow]


def test_a_node_that_is_killed_is_made_up_for(
    collection: tuple[Path, dict[str, str | None]],
    config: CurationConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    expected = curate(collection[0], tmp_path / "one.json", config)
    make_cluster = ray_module("ray.cluster_utils").Cluster
    # A short path, since sockets lie in it, and not the /tmp/ray that all share.
    place = tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True)
    sizes = {"num_cpus": 1, "object_store_memory": 100 * 1024**2, "temp_dir": place.name}
    cluster = make_cluster(
        initialize_head=True, head_node_args={**sizes, "include_dashboard": False}
    )
    second = cluster.add_node(**sizes)
    killed = []

    def kill(label: str, done: int, total: int) -> None:
        if label == "measure" and done == 2 and not killed:
            killed.append(second)
            cluster.remove_node(second, allow_graceful=False)

    try:
        found = curate(
            collection[0], tmp_path / "two.json", config, ray=cluster.address, on_progress=kill
        )
    finally:
        cluster.shutdown()
        place.cleanup()
    assert killed
    assert found.verdicts == expected.verdicts
    assert (tmp_path / "two.json").read_bytes() == (tmp_path / "one.json").read_bytes()
