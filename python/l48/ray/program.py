"""Runs the program `l48` as a child process, and says how it ended."""

from __future__ import annotations

import collections
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import TextIO

# Lines of a failure that are told: the error is the last one, warnings come before it.
LINES = 20


@dataclass(frozen=True)
class Ended:
    """How a run of the program ended."""

    code: int
    """Exit code of `l48`, or minus the number of the signal that killed it."""
    output: str
    """What it wrote to standard output."""
    complaint: str
    """The last lines that it wrote to standard error."""
    host: str
    """Name of the machine it ran on."""

    def is_done(self) -> bool:
        """Whether it did what it was to do, be it with some recordings rejected."""
        return self.code in (0, 1)

    def may_succeed_later(self) -> bool:
        """Whether running it again may help: it was killed, or another process had the folder or a shard."""
        return self.code == 75 or self.code < 0 or self.code >= 128

    def reason(self) -> str:
        """Why it failed, where, and what it said."""
        if self.code < 0:
            return f"killed by {_signal(-self.code)} on {self.host}"
        return f"exit code {self.code} on {self.host}: {self.complaint or 'it said nothing'}"


def run(arguments: list[str], log: TextIO | None = None) -> Ended:
    """Runs `l48` with these arguments to its end, and hands on to `log` what it writes to standard error.

    The system may watch the thread that starts the program (`--die-with-parent`), so that has to be one that lives as
    long; it does, since it waits here.
    """
    # -P: a folder `l48` where this process happens to run is not the package.
    command = [sys.executable, "-P", "-m", "l48", *arguments]
    lines: collections.deque[str] = collections.deque(maxlen=LINES)
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, text=True, errors="replace"
        )
        try:
            assert child.stderr is not None
            for line in child.stderr:
                lines.append(line)
                if log is not None:
                    log.write(line)
                    log.flush()
            code = child.wait()
        finally:
            # Whatever interrupted this process, an orphan would work on unseen.
            child.kill()
            child.wait()
        output.seek(0)
        text = output.read().decode(errors="replace")
    return Ended(code, text, "".join(lines).strip(), socket.gethostname())


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
