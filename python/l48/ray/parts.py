"""Builds all parts of a plan, and tries again those that a retry may mend."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from ..errors import BuildError
from .program import Ended

# Clips of the usual settings that a processor makes in a second (docs/benchmarks.md). Others are off by a few times,
# which makes parts of other lengths and no difference else.
CLIPS_PER_CPU_S = 400
# A part costs some time before its first clip, and what is left of it is waited for in the end.
LONG_S, SHORT_S = 300, 20
# Parts that each place gets, while they are not short: the last ones to end are then short of the whole.
ROUNDS = 4

# How long to wait for a part to end before the progress is looked at.
POLL_S = 0.5
MOST_PAUSE_S = 60


class Running(Protocol):
    """Parts under way: `l48.ray.cluster.Tasks`, or a test's."""

    def __len__(self) -> int: ...
    def start(self, part: int) -> None: ...
    def wait(self, timeout_s: float) -> list[tuple[int, Ended]]: ...


def number_of_parts(shards: int, planned_clips: int, cpus: int, slots: int) -> int:
    """How many parts: ones of minutes, but some for each of the `slots` places; no more than there are shards."""
    seconds = planned_clips / (CLIPS_PER_CPU_S * cpus)
    by_time = seconds / LONG_S
    by_places = min(ROUNDS * slots, seconds / SHORT_S)
    return max(1, min(shards, max(round(by_time), round(by_places), slots)))


def build_parts(tasks: Running, parts: int, retries: int, tell: Callable[[], None]) -> None:
    """Builds parts 0 to `parts` - 1, and calls `tell` in between.

    A part that was killed, or met another process on its shards, is started up to `retries` times again; when that was
    not enough, the others are built before this fails. A part that no retry mends ends the build at once.

    Raises BuildError, whose `code` says which of the two it was.
    """
    tries: Counter[int] = Counter()
    later: list[tuple[float, int]] = []
    given_up: dict[int, Ended] = {}
    for part in range(parts):
        tasks.start(part)
    while len(tasks) or later:
        while later and later[0][0] <= time.monotonic():
            tasks.start(heapq.heappop(later)[1])
        if not len(tasks):
            time.sleep(POLL_S)
        for part, ended in tasks.wait(POLL_S) if len(tasks) else []:
            if ended.is_done():
                continue
            if not ended.may_succeed_later():
                raise BuildError(f"part {part}/{parts} failed, and a retry does not mend it: {ended.reason()}", 2)
            tries[part] += 1
            if tries[part] > retries:
                given_up[part] = ended
            else:
                heapq.heappush(later, (time.monotonic() + min(2.0 ** tries[part], MOST_PAUSE_S), part))
        tell()
    if given_up:
        reasons = "".join(f"\n  part {part}/{parts}: {ended.reason()}" for part, ended in sorted(given_up.items()))
        raise BuildError(
            f"{len(given_up)} of {parts} parts were tried {retries + 1} times each; run the build again to go on:"
            f"{reasons}",
            75,
        )
