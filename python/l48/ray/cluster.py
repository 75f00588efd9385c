"""Connects to Ray and runs the parts of a build on its nodes. Nothing else here touches Ray, which has few types."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError, RuntimeEnvSetupError

from ..errors import BuildError
from .program import WAIT_S, Ended, run

KNOCK_S = 20

# A process reads the tables once, whatever its threads, so that many small ones would take memory; but a node is full
# only with a whole number of them.
MOST_CPUS = 8


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Connects this process to Ray, if it is not, and leaves it in the end.

    Without an address it is the cluster that RAY_ADDRESS names or the one that runs on this machine, else a new one of
    this machine alone.
    """
    if ray.is_initialized():
        yield
        return
    asked = address or os.environ.get("RAY_ADDRESS", "")
    try:
        _knock(asked)
        ray.init(address=address)
    except ConnectionError as error:
        raise BuildError(f"there is no Ray cluster at {asked}: {error}", 75) from error
    try:
        yield
    finally:
        # Tasks of this process end with its connection.
        ray.shutdown()


def _knock(address: str) -> None:
    """Raises ConnectionError if nothing listens at HOST:PORT, which Ray would try for many minutes."""
    host, colon, port = address.rpartition(":")
    if not colon or "/" in address or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_S).close()
    except OSError as error:
        raise ConnectionError(str(error)) from error


def cpus_of_nodes() -> list[int]:
    """Whole processors that each node offers; an autoscaler may add nodes later."""
    return [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]


def usual_cpus(nodes: list[int]) -> int:
    """Processors for a part: as many as every node has, but not too many; one if there is no node yet."""
    return min([cpus for cpus in nodes if cpus >= 1] + [MOST_CPUS]) if any(nodes) else 1


def slots(nodes: list[int], cpus: int) -> int:
    """How many parts run at a time."""
    return sum(node // cpus for node in nodes)


@dataclass(frozen=True)
class Work:
    """What the tasks of a build have in common."""

    manifest: str
    out: str
    parts: int
    threads: int
    version: str
    """Version of `l48` that planned: another one might write other bytes."""


def build_part(work: Work, part: int) -> Ended:
    """Builds one part, on the main thread of a worker of Ray; the program dies with the worker."""
    here = metadata.version("l48")
    if here != work.version:
        complaint = f"this node has l48 {here}, and the build was started by l48 {work.version}: install one version"
        return Ended(2, "", complaint, socket.gethostname())
    arguments = ["build", work.manifest, "--out", work.out, "--part", f"{part}/{work.parts}", "--resume"]
    arguments += ["--threads", str(work.threads), "--wait", str(WAIT_S), f"--die-with-parent={os.getpid()}"]
    # Ray shows on the driver, and keeps in the node's logs, what a worker writes.
    return run(arguments, sys.stderr)


class Tasks:
    """Parts that are being built on the cluster, or wait for a place there."""

    def __init__(self, work: Work, retries: int) -> None:
        """`retries` is how often Ray itself starts a part again whose worker or node was lost."""
        self._work = work
        # Spread: packed, the parts of a small build would share a node while others are idle.
        options: dict[str, Any] = {"num_cpus": work.threads, "max_retries": retries, "scheduling_strategy": "SPREAD"}
        self._remote: Any = ray.remote(**options)(build_part)
        self._parts: dict[Any, int] = {}

    def __len__(self) -> int:
        return len(self._parts)

    def start(self, part: int) -> None:
        """Asks the cluster for a part."""
        named = self._remote.options(name=f"l48 build {part}/{self._work.parts}")
        self._parts[named.remote(self._work, part)] = part

    def wait(self, timeout_s: float) -> list[tuple[int, Ended]]:
        """Parts that have ended: waits for one until the time is over.

        Raises BuildError for what is wrong with the nodes.
        """
        ready, _ = ray.wait(list(self._parts), num_returns=1, timeout=timeout_s)
        return [(self._parts.pop(task), self._result(task)) for task in ready]

    def _result(self, task: Any) -> Ended:
        try:
            ended: Ended = ray.get(task)
        except (RayTaskError, RuntimeEnvSetupError) as error:
            raise BuildError(f"a node cannot run l48; is it installed on all of them?\n{error}", 2) from error
        except RayError as error:
            # The worker or its node was lost more often than Ray tries again.
            raise BuildError(f"Ray has given a part up; run the build again to go on:\n{error}", 75) from error
        return ended

    def cancel(self) -> None:
        """Ends all that is left, so that the cluster is free for others."""
        for task in self._parts:
            ray.cancel(task, force=True)
        self._parts.clear()
