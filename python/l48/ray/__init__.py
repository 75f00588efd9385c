"""Builds a dataset on a Ray cluster, or on this machine with Ray: `build`, and `python -m l48.ray build`.

The bytes are those of one `l48 build`, whatever is killed on the way. A build that was cut off goes on when it is run
again.

>>> built = build("birds.toml", "/shared/birds")      # doctest: +SKIP
>>> built.clips, built.rejects                        # doctest: +SKIP
(36512, 3)
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TextIO

from ..errors import BuildError
from .parts import build_parts, number_of_parts
from .program import WAIT_S, Ended, Program
from .progress import Progress, Status

__all__ = ["BuildError", "Built", "build"]

if importlib.util.find_spec("ray") is None:
    raise ModuleNotFoundError("l48.ray needs Ray: pip install 'l48[ray]'", name="ray")


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
    if any(number is not None and number < 1 for number in (cpus, parts)) or retries < 0:
        raise ValueError(f"cpus={cpus} and parts={parts} have to be at least 1, and retries={retries} at least 0")
    progress = Progress(target, quiet)
    pin = [] if instruction_set is None else ["--instruction-set", instruction_set]
    look = ["status", target, "--json"]
    # It works while Ray is loaded, which takes most of a second, and connects.
    with Program(["plan", source, "--out", target, "--resume", "--wait", str(WAIT_S), *pin]) as plan:
        from . import cluster

        with cluster.connected(address):
            nodes = cluster.cpus_of_nodes()
            _finish(plan, retries, quiet)
            status = Status.parse(_finish(Program(look), retries, quiet).output)
            if status.stage == "building":
                cpus = cluster.usual_cpus(nodes) if cpus is None else cpus
                places = cluster.slots(nodes, cpus)
                if parts is None:
                    parts = number_of_parts(status.shards, status.planned_clips, cpus, places)
                progress.say(
                    f"{status.shards} shards with about {status.planned_clips:,} clips, in {parts} parts of {cpus} CPU "
                    f"each; room for {places} at a time on {len(nodes)} nodes"
                )
                tasks = cluster.Tasks(cluster.Work(source, target, parts, cpus, metadata.version("l48")), retries)
                try:
                    build_parts(tasks, parts, retries, progress.look)
                finally:
                    tasks.cancel()
            limit = [] if max_rejects is None else ["--max-rejects", str(max_rejects)]
            commit = Program(["commit", target, "--resume", "--wait", str(WAIT_S), *limit])
            summary = _finish(commit, retries, quiet).output
            # Ray takes a moment to leave.
            last = Program(look)
    status = Status.parse(_finish(last, retries, quiet).output)
    return Built(target, status.shards, status.clips, status.rejects, summary)


def _finish(program: Program, retries: int, quiet: bool) -> Ended:
    """Waits for a command of `l48` on this machine, and runs it again if it was killed."""
    log: TextIO | None = None if quiet else sys.stderr
    for tried in range(retries + 1):
        with program:
            ended = program.finish(log)
        if ended.is_done():
            return ended
        if not ended.may_succeed_later() or tried == retries:
            break
        time.sleep(min(2**tried, 10))
        program = Program(program.arguments)
    raise BuildError(f"l48 {program.arguments[0]}: {ended.reason()}", 75 if ended.may_succeed_later() else 2)


def _absolute(path: str | os.PathLike[str]) -> str:
    """The same file for processes that run in other folders; an address stays what it is."""
    text = os.fspath(path)
    return text if "://" in text else str(Path(text).absolute())
