"""Addresses of clusters: refused in one line, and within a time limit, where none answers."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_sdk.curation import CurationConfig, curate, ray_cluster
from edge_sdk.curation.ray_cluster import check_address, connected, host_and_port
from edge_sdk.errors import InputError, MissingExtraError
from edge_sdk.extras import EXTRA_MODULES
from tests.needs import needs

Collected = tuple[Path, dict[str, str | None]]

pytestmark = needs("examples")


@pytest.fixture
def listening() -> Iterator[int]:
    """Port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def unused() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.mark.parametrize(
    "address", ["", "auto", "head", "head:", "head:0", "head:65536", "ray://head:1", "a b:1", ":1"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="is no address of a Ray cluster; give HOST:PORT"):
        check_address(address)


def test_addresses_are_hosts_with_ports() -> None:
    assert host_and_port("head-1.example.org:65535") == ("head-1.example.org", 65535)
    assert host_and_port("local") is None


def test_without_the_extra_its_command_is_named(
    collection: Collected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EXTRA_MODULES, "ray", ("module_that_is_not_there",))
    with pytest.raises(MissingExtraError, match=r"install it with: pip install .*\[ray\]"):
        curate(collection[0], tmp_path / "kept.txt", ray="local")
    assert not list(tmp_path.iterdir())


@pytest.mark.ray
def test_a_number_of_workers_is_for_a_local_cluster(collection: Collected) -> None:
    with pytest.raises(InputError, match="leave out the number"):
        curate(collection[0], ray="10.0.0.7:6379", workers=2)


@pytest.mark.ray
@pytest.mark.slow
def test_where_nothing_answers_nothing_is_left(
    collection: Collected, config: CurationConfig, tmp_path: Path, unused: int
) -> None:
    with pytest.raises(InputError, match=f"nothing answers at 127.0.0.1:{unused}"):
        curate(collection[0], tmp_path / "kept.txt", config, ray=f"127.0.0.1:{unused}")
    assert not list(tmp_path.iterdir())


@pytest.mark.ray
@pytest.mark.slow
def test_what_is_no_cluster_is_given_up(listening: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "JOINED_WITHIN_S", 2.0)
    before = signal.getsignal(signal.SIGTERM)
    address = f"127.0.0.1:{listening}"
    with (
        pytest.raises(InputError, match=f"no Ray cluster answers at {address} within 2 s"),
        connected(address, 1),
    ):
        pass
    assert signal.getsignal(signal.SIGTERM) is before
