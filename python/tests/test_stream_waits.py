"""Ctrl-C while a batch is waited for that does not come."""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Numbers of ptrace(2) and waitpid(2) on Linux.
SEIZE, INTERRUPT, DETACH, ALL = 0x4206, 0x4207, 17, 0x40000000

CONSUMER = """
import signal, sys, l48
signal.signal(signal.SIGINT, signal.default_int_handler)
stream = l48.Stream(sys.argv[1], mode="checklist", buffers=4)
native, epoch, step = stream._native, 1, 0
print("ready", flush=True)
while True:
    try:
        native.batch(epoch, step)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        sys.stdin.readline()
        # Nothing is lost: the batch comes when it is asked for again.
        _memory, count = native.batch(epoch, step)
        print("again", count, flush=True)
        native.stop()
        break
    epoch, step = (epoch, step + 1) if step + 1 < len(stream) else (epoch + 1, 0)
    print("batch", flush=True)
"""


def ptrace(request: int, thread: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(request, thread, None, None) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


@contextmanager
def stopped(thread: int) -> Iterator[None]:
    """One thread of another process stands still."""
    try:
        ptrace(SEIZE, thread)
    except OSError as error:
        pytest.skip(f"threads of other processes cannot be stopped here: {error}")
    ptrace(INTERRUPT, thread)
    os.waitpid(thread, ALL)
    try:
        yield
    finally:
        ptrace(DETACH, thread)


class Lines:
    """Lines of a pipe, with patience."""

    def __init__(self, pipe: int) -> None:
        self.pipe, self.rest = pipe, b""

    def next(self, patience_s: float) -> str | None:
        end = time.monotonic() + patience_s
        while b"\n" not in self.rest:
            ready, _, _ = select.select([self.pipe], [], [], max(0.0, end - time.monotonic()))
            read = os.read(self.pipe, 1 << 16) if ready else b""
            if not read:
                return None
            self.rest += read
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode()


def loader_of(process: int) -> int:
    for task in Path(f"/proc/{process}/task").iterdir():
        if (task / "comm").read_text().startswith("l48-loader"):
            return int(task.name)
    raise AssertionError("no thread loads")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs ptrace of Linux")
def test_ctrl_c_is_heard_while_the_thread_that_loads_stands_still(demo: Path) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    consumer = subprocess.Popen([sys.executable, "-c", CONSUMER, demo], **pipes)  # type: ignore[call-overload]
    try:
        lines = Lines(consumer.stdout.fileno())
        assert lines.next(30) == "ready" and lines.next(30) == "batch"
        for _ in range(100):
            with stopped(loader_of(consumer.pid)):
                # If it holds a batch, no other one comes once memory is used up.
                line, end = lines.next(0.5), time.monotonic() + 1
                while line == "batch" and time.monotonic() < end:
                    line = lines.next(0.5)
                if line is None:
                    consumer.send_signal(signal.SIGINT)
                    assert lines.next(10) == "interrupted"
                    break
        else:
            raise AssertionError("the thread was never amid a batch")
        consumer.stdin.write(b"\n")
        consumer.stdin.flush()
        assert (lines.next(10) or "").startswith("again ")
        assert consumer.wait(10) == 0
    finally:
        consumer.kill()
        consumer.wait()
        consumer.stdin.close()
        consumer.stdout.close()
