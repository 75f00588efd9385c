"""Builds a dataset on a Ray cluster, or on this machine with Ray: `build`, and `python -m l48.ray build`.

The bytes are those of one `l48 build`, whatever is killed on the way. A build that was cut off goes on when it is run
again.

>>> built = build("birds.toml", "/shared/birds")      # doctest: +SKIP
>>> built.clips, built.rejects                        # doctest: +SKIP
(36512, 3)
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TextIO

from ..errors import BuildError
from .cluster import WAIT_S, Tasks, Work, connected, cpus_of_nodes, slots, usual_cpus
from .parts import build_parts, number_of_parts
from .program import Ended, run
from .progress import Progress, Status

__all__ = ["BuildError", "Built", "build"]


@dataclass(frozen=True)
class Built:
    """A dataset that was committed."""

    out: str
    """Folder or address of the dataset, for `l48.open`."""
    shards: int
    clips: int
    rejects: int
    """Recordings that were left out; `l48.open(out).rejects()` says which, and why."""
    summary: str
    """What `l48 commit` said of it."""


def build(
    manifest: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    cpus: int | None = None,
    parts: int | None = None,
    retries: int = 5,
    instruction_set: str | None = None,
    max_rejects: int | None = None,
    address: str | None = None,
    quiet: bool = False,
) -> Built:
    """Plans a dataset, builds its shards on all nodes of a Ray cluster, and commits it.

    Arguments:
      manifest: the manifest (TOML). It, its tables and recordings, and the folder `out` have the same paths on all
        nodes and here.
      out: folder or address of the dataset. What a build that was cut off has left there is taken up, and a dataset of
        this plan that is committed already is success; anything else there is an error.
      cpus: processors, and threads, for each part; by default those of the smallest node, at most 8.
      parts: how many parts the shards are built in; by default parts of minutes.
      retries: how often a part is started again that was killed or met another process on its shards, and how often
        one whose worker or node was lost.
      instruction_set: what all nodes have to have, as in `l48 plan --instruction-set`; by default this machine's.
      max_rejects: commit nothing, and fail, if more recordings than this were rejected.
      address: the cluster. By default the one that this process is connected to, that RAY_ADDRESS names or that runs on
        this machine; else a new one of this machine alone, which ends with the build.
      quiet: do not tell the progress on standard error.

    Raises BuildError. Its `code` is 75 if running it again may help, and 2 if something has to be mended before.
    """
    source, target = _absolute(manifest), _absolute(out)
    progress = Progress(target, quiet)
    with connected(address):
        nodes = cpus_of_nodes()
        cpus = usual_cpus(nodes) if cpus is None else cpus
        if cpus < 1 or retries < 0 or (parts is not None and parts < 1):
            raise ValueError(f"cpus={cpus} and parts={parts} have to be at least 1, and retries={retries} at least 0")
        pin = [] if instruction_set is None else ["--instruction-set", instruction_set]
        plan = ["plan", source, "--out", target, "--resume", "--wait", str(WAIT_S), *pin]
        _run_here(plan, retries, quiet)
        status = Status.parse(_run_here(["status", target, "--json"], retries, quiet).output)
        if status.stage == "building":
            places = slots(nodes, cpus)
            if parts is None:
                parts = number_of_parts(status.shards, status.planned_clips, cpus, places)
            progress.say(
                f"{status.shards} shards with about {status.planned_clips:,} clips, in {parts} parts of {cpus} CPU "
                f"each; room for {places} at a time on {len(nodes)} nodes"
            )
            _build_all(Work(source, target, parts, cpus, metadata.version("l48")), retries, progress)
        limit = [] if max_rejects is None else ["--max-rejects", str(max_rejects)]
        commit = _run_here(["commit", target, "--resume", "--wait", str(WAIT_S), *limit], retries, quiet)
    status = Status.parse(_run_here(["status", target, "--json"], retries, quiet).output)
    return Built(target, status.shards, status.clips, status.rejects, commit.output)


def _build_all(work: Work, retries: int, progress: Progress) -> None:
    tasks = Tasks(work, retries)
    try:
        build_parts(tasks, work.parts, retries, progress.look)
    finally:
        tasks.cancel()


def _run_here(arguments: list[str], retries: int, quiet: bool) -> Ended:
    """Runs a command of `l48` on this machine, again if it was killed."""
    log: TextIO | None = None if quiet else sys.stderr
    for tried in range(retries + 1):
        ended = run(arguments, log)
        if ended.is_done():
            return ended
        if not ended.may_succeed_later():
            break
        time.sleep(min(2**tried, 10))
    raise BuildError(f"l48 {arguments[0]}: {ended.reason()}", 75 if ended.may_succeed_later() else 2)


def _absolute(path: str | os.PathLike[str]) -> str:
    """The same file for processes that run in other folders; an address stays what it is."""
    text = os.fspath(path)
    return text if "://" in text else str(Path(text).absolute())
