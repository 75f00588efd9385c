"""Runs a program and says how long it took, how much processor time and memory, and how busy others kept the machine.

Standard library only: the peak memory that the kernel reports for a child is at least that of the process which started it,
so a script that measures memory stays small (about 13 MiB).
"""
import os, statistics, subprocess, sys, time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
L48 = ROOT / "target/release/l48"
READ_RANDOM = ROOT / "target/release/examples/read_random"
MIB = 1 << 20
# Processors that others may use before a measurement starts, and seconds to wait for it.
QUIET = 0.1
TRIES = 3
QUIET_TRIES = int(os.environ.get("L48_BENCH_WAIT_S", 60))


def busy_s():
    """Seconds that all processors have worked since the start of the machine."""
    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def wait_for_quiet():
    """Waits until other programs leave the processors alone, a minute at most; what they then use is still told."""
    for _ in range(QUIET_TRIES):
        busy = busy_s()
        time.sleep(1)
        if busy_s() - busy < QUIET:
            return


def quietest(measure):
    """The first result without disturbance by other programs; after three tries, the least disturbed one."""
    results = []
    while len(results) < TRIES and not (results and results[-1]["others"] < QUIET):
        results.append(measure())
    return min(results, key=lambda result: result["others"])


def bytes_read(pid):
    """Bytes that a program which has ended, and was not waited for yet, read by system calls, whether cached or not."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    try:
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    except OSError:
        return None
    return int(dict(line.split(": ") for line in lines)["rchar"])


def run(command, accept=(0,)):
    """Runs to the end: wall_s, cpu_s, rss_mib (peak), bytes_read, others (processors that other programs used meanwhile)."""
    os.sync()
    wait_for_quiet()
    busy, begin = busy_s(), time.perf_counter()
    child = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out = child.stdout.read()
    read = bytes_read(child.pid)
    _, status, usage = os.wait4(child.pid, 0)
    wall_s, busy = time.perf_counter() - begin, busy_s() - busy
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in accept:
        sys.exit(f"{command} failed with exit code {child.returncode}")
    cpu_s = usage.ru_utime + usage.ru_stime
    return {
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "rss_mib": usage.ru_maxrss / 1024,
        "bytes_read": read,
        "others": max(0.0, busy - cpu_s) / wall_s,
        "out": out.decode(),
    }


def median(runs, field="wall_s"):
    return statistics.median(run[field] for run in runs)


def load():
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


def target(name, value, wanted, good):
    """Prints a figure beside its target."""
    print(f"{'met   ' if good else 'MISSED'}  {name}: {value} (target {wanted})", flush=True)
