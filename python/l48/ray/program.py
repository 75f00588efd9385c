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

WAIT_S = 600
"""How long a part, a plan or a commit waits for processes that it replaces: longer than these outlive their node."""

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


class Program:
    """The program `l48` at work; it is killed where a `with` of it is left before its end.

    The system may watch the thread that starts the program (`--die-with-parent`), so that has to be one that lives as
    long, as it does if it waits for the end.
    """

    def __init__(self, arguments: list[str]) -> None:
        """Starts it with these arguments."""
        self.arguments = arguments
        # -P: a folder `l48` where this process happens to run is not the package.
        command = [sys.executable, "-P", "-m", "l48", *arguments]
        self._output = tempfile.TemporaryFile()
        self._child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.PIPE, text=True, errors="replace"
        )

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *error: object) -> None:
        # Whatever interrupted this process, an orphan would work on unseen.
        self._child.kill()
        self._child.wait()
        self._output.close()

    def finish(self, log: TextIO | None = None) -> Ended:
        """Waits for its end, and hands on to `log` what it writes to standard error."""
        lines: collections.deque[str] = collections.deque(maxlen=LINES)
        assert self._child.stderr is not None
        for line in self._child.stderr:
            lines.append(line)
            if log is not None:
                log.write(line)
                log.flush()
        code = self._child.wait()
        self._output.seek(0)
        return Ended(code, self._output.read().decode(errors="replace"), "".join(lines).strip(), socket.gethostname())


def run(arguments: list[str], log: TextIO | None = None) -> Ended:
    """Runs the program with these arguments to its end."""
    with Program(arguments) as program:
        return program.finish(log)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
