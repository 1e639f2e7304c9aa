"""A connection to a cluster of Ray, or one that is started here: quiet, and ended with the work."""

from __future__ import annotations

import logging
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from edge_sdk.errors import InputError, first_line
from edge_sdk.extras import require
from edge_sdk.quiet import at_level, environment

LOCAL = "local"
"""Address that stands for a cluster of this machine alone, for one curation."""
REACHED_WITHIN_S = 5.0
JOINED_WITHIN_S = 30.0
_STORE_BYTES = 100 * 1024**2
"""Shared memory of a local cluster: what goes through it are paths and figures."""
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # What it tells of workers that ended goes to standard output, where answers belong.
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
}
_LOCAL = {"RAY_worker_niceness": "0"}
"""Like processes of ours: by its default, workers of Ray wait for all other work of a machine."""
_ANSWER = "joins: "
_JOIN = f"""
import sys, ray
try:
    ray.init(sys.argv[1], log_to_driver=False, logging_level="CRITICAL")
    print("{_ANSWER}", flush=True)
except Exception as error:
    print("{_ANSWER}" + " ".join(str(error).split())[:200], flush=True)
"""


def check_address(address: str) -> None:
    """Refuse what is no address, before any work.

    Args:
        address: ``local``, or ``HOST:PORT`` of a cluster's head.

    Raises:
        InputError: if it is neither.
        MissingExtraError: if the extra ``ray`` is not installed.
    """
    host_and_port(address)
    ray_module()


def ray_module(name: str = "ray") -> Any:
    """A module of Ray, imported so that it stays quiet.

    Raises:
        MissingExtraError: if the extra ``ray`` is not installed.
    """
    with environment(**_QUIET):
        return require("ray", name)


def host_and_port(address: str) -> tuple[str, int] | None:
    """Where the head of a cluster listens; ``None`` for ``local``.

    Raises:
        InputError: if the address is of another form.

    Example:
        >>> from edge_sdk.curation.ray_cluster import host_and_port
        >>> host_and_port("10.0.0.7:6379"), host_and_port("local")
        (('10.0.0.7', 6379), None)
    """
    if address == LOCAL:
        return None
    found = re.fullmatch(r"([A-Za-z0-9._-]+):(\d{1,5})", address)
    if found is None or not 0 < int(found[2]) < 65536:
        raise InputError(
            f"'{address}' is no address of a Ray cluster; give HOST:PORT, as `ray start --head` "
            "names it, or local"
        )
    return found[1], int(found[2])


@contextmanager
def connected(address: str, workers: int) -> Iterator[None]:
    """Be a driver of a cluster, for the length of one job.

    A program that is connected already stays so, and uses that cluster.

    Args:
        address: ``local``, or ``HOST:PORT``.
        workers: processes of a local cluster.

    Raises:
        InputError: if the address cannot be reached, no cluster answers there, or this machine is
            no node of it.
    """
    ray = ray_module()
    if ray.is_initialized():
        yield
        return
    place = host_and_port(address)
    with ExitStack() as stack:
        stack.enter_context(environment(**_QUIET))
        stack.enter_context(at_level("ray", logging.CRITICAL))
        stack.enter_context(_signals_kept())
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
        if place is None:
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True)
            )
            stack.enter_context(environment(**_LOCAL))
            options |= {
                "num_cpus": workers,
                "include_dashboard": False,
                "object_store_memory": _STORE_BYTES,
                "_temp_dir": folder,
            }
        else:
            _try_to_join(address, *place)
        stack.callback(ray.shutdown)
        try:
            ray.init(address, **options)
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise InputError(f"Ray does not start at {address} ({first_line(error)})") from error
        stack.enter_context(_signals_kept())
        yield


def _try_to_join(address: str, host: str, port: int) -> None:
    """Reach a cluster with time limits, which Ray has none of: another process joins it first."""
    try:
        socket.create_connection((host, port), REACHED_WITHIN_S).close()
    except OSError as error:
        raise InputError(
            f"nothing answers at {address} ({error.strerror or error}); give the address that "
            "`ray start --head` names"
        ) from error
    command = [sys.executable, "-c", _JOIN, address]
    try:
        said = subprocess.run(  # noqa: S603 - our own program
            command, capture_output=True, text=True, timeout=JOINED_WITHIN_S, check=False
        ).stdout
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"no Ray cluster answers at {address} within {JOINED_WITHIN_S:.0f} s; check the address"
        ) from error
    _, found, reason = said.rpartition(_ANSWER)
    if not found or reason.strip():
        why = reason.strip() or "its client ended"
        raise InputError(f"{address}: this machine cannot join the Ray cluster ({why})")


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Put back how signals are handled, which Ray changes where it starts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
