"""Tells how far a build is, from what `l48 status` says."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from typing import TextIO

from .program import run

# Seconds between looks where a terminal shows them and where they fill a log, and how many times a look's own time:
# that is seconds with a million recordings, and of the time that is built in.
TERMINAL_S, LOG_S, EVERY_LOOK = 5.0, 30.0, 50.0


@dataclass(frozen=True)
class Status:
    """What `l48 status` says of a dataset that is being built, or is."""

    stage: str
    """planning, building, built or committed."""
    shards: int
    done: int
    running: int
    planned_clips: int
    clips: int
    rejects: int

    @classmethod
    def parse(cls, text: str) -> Status:
        """Reads what `l48 status --json` has printed."""
        members = json.loads(text)
        return cls(
            stage=members["stage"],
            shards=members["shards"],
            done=len(members["done"]),
            running=len(members["running"]),
            planned_clips=members["planned_clips"],
            clips=members["clips"],
            rejects=members["rejects"],
        )

    def line(self) -> str:
        """One line for people."""
        rejects = f", {self.rejects:,} recordings rejected" if self.rejects else ""
        clips = f"{self.clips:,} of about {self.planned_clips:,} clips"
        return f"{self.done:,} of {self.shards:,} shards built, {self.running:,} under way, {clips}{rejects}"


class Progress:
    """Writes to standard error how far a build is: on one line of a terminal, or now and then in a log."""

    def __init__(self, out: str, quiet: bool, stream: TextIO | None = None) -> None:
        self._out = out
        self._stream = None if quiet else (stream or sys.stderr)
        self._every_s = TERMINAL_S if self._stream is not None and self._stream.isatty() else LOG_S
        self._next_s = time.monotonic() + self._every_s
        self._began: tuple[float, int] | None = None
        self._told = ""

    def say(self, text: str) -> None:
        """Writes a line."""
        if self._stream is not None:
            end = "\x1b[K\n" if self._stream.isatty() else "\n"
            print(f"l48: {text}", end=end, file=self._stream, flush=True)

    def look(self) -> None:
        """Looks how far the build is, if it is time to, and tells it."""
        if self._stream is None or time.monotonic() < self._next_s:
            return
        begun = time.monotonic()
        ended = run(["status", self._out, "--json"])
        now = time.monotonic()
        self._next_s = now + max(self._every_s, EVERY_LOOK * (now - begun))
        # What cannot be told now may be the next time.
        if ended.code == 0:
            status = Status.parse(ended.output)
            self._tell(status.line() + self._left(status, now))

    def _left(self, status: Status, now: float) -> str:
        if self._began is None:
            self._began = (now, status.clips)
        seconds, clips = now - self._began[0], status.clips - self._began[1]
        if clips <= 0:
            return ""
        left = max(0, status.planned_clips - status.clips) * seconds / clips
        return f", {left / 60:.0f} min left" if left >= 90 else f", {left:.0f} s left"

    def _tell(self, line: str) -> None:
        if self._stream is None:
            return
        if self._stream.isatty():
            print(f"\r{line}\x1b[K", end="\r", file=self._stream, flush=True)
        elif line != self._told:
            self.say(line)
            self._told = line
