"""Consumers and workers that are killed at random moments: nobody hangs, and nothing is left behind.

`L48_TORTURE=N` kills N of them; without it a few are.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")

KILLS = int(os.environ.get("L48_TORTURE", 6))
SEED = 48

STREAM = """
import sys, l48
stream = l48.Stream(sys.argv[1], mode="checklist", threads=3)
print("ready", flush=True)
while True:
    for batch in stream:
        pass
"""

LOADER = """
import sys, l48
from l48.torch import BatchSampler, Clips, collate
from torch.utils.data import DataLoader

if __name__ == "__main__":
    clips = Clips(sys.argv[1], mode="checklist")
    loader = DataLoader(clips, batch_sampler=BatchSampler(clips, batch=16), collate_fn=collate, num_workers=2,
                        multiprocessing_context=sys.argv[2], persistent_workers=True)
    running = iter(loader)
    next(running)
    print("ready", flush=True)
    while True:
        for batch in loader:
            pass
"""


def descendants(process: int) -> set[int]:
    """Every process below this one."""
    found: set[int] = set()
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return found
    for child in map(int, children):
        found |= {child} | descendants(child)
    return found


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(processes: set[int]) -> bool:
    for _ in range(3000):
        if not any(is_running(process) for process in processes):
            return True
        time.sleep(0.01)
    return False


def shared_memory_of(processes: set[int]) -> list[str]:
    """What torch has left of these processes, which it names by their number."""
    return [name for name in os.listdir("/dev/shm") if any(f"_{process}_" in name for process in processes)]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at /proc")
@pytest.mark.parametrize(
    ("script", "method", "victim", "share"),
    [
        (STREAM, "", "consumer", 0.4),
        (LOADER, "fork", "worker", 0.2),
        (LOADER, "fork", "consumer", 0.2),
        (LOADER, "spawn", "worker", 0.2),
        # Not the consumer of a fork server's workers: PyTorch's workers of that kind outlive it by more than half a minute.
    ],
)
def test_the_killed_leave_nothing(
    copy: Path, tmp_path: Path, script: str, method: str, victim: str, share: float
) -> None:
    chance = random.Random(f"{SEED} {method} {victim}")
    (program := tmp_path / "program.py").write_text(script)
    before = sorted(path.name for path in copy.rglob("*"))
    for _ in range(max(1, round(KILLS * share))):
        command = [sys.executable, str(program), str(copy), method]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, text=True, **pipes) as consumer:  # type: ignore[call-overload]
            assert consumer.stdout.readline() == "ready\n"
            time.sleep(chance.uniform(0, 0.3))
            children = descendants(consumer.pid)
            if victim == "worker":
                workers = sorted(child for child in children if is_worker(child))
                os.kill(chance.choice(workers), signal.SIGKILL)
                _, said = consumer.communicate(timeout=60)
                # PyTorch's watch over its workers says so, or its attempt to fetch a batch from the one that is gone.
                told = ("DataLoader worker", "resource_sharer", "ConnectionResetError")
                assert consumer.returncode == 1 and any(words in said for words in told), said
            else:
                consumer.kill()
                assert consumer.wait(timeout=60) == -signal.SIGKILL
        assert gone(children), "workers see that their parent is gone"
        assert shared_memory_of(children | {consumer.pid}) == []
    assert sorted(path.name for path in copy.rglob("*")) == before


def is_worker(process: int) -> bool:
    """Whether it has mapped a shard: a server of forks, or a tracker of resources, has not."""
    return "/shards/" in Path(f"/proc/{process}/maps").read_text()
