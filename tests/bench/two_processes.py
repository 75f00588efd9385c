"""Runs a peer (`peer.py`) in two processes of one thread each, its files in two halves of equal length."""
import json, os, subprocess, sys, time
from pathlib import Path

from measure import busy_s, wait_for_quiet

HERE = Path(__file__).parent


def shares(files):
    """The files in two halves of equal length: the longest first, each to the emptier half."""
    halves = [[0.0, []], [0.0, []]]
    for path, seconds in sorted(files, key=lambda file: -file[1]):
        half = min(halves, key=lambda half: half[0])
        half[0] += seconds
        half[1].append(path)
    return [half[1] for half in halves]


def run_peer(kind, files, folder):
    """Two processes; the time starts when both are imported and warm (`start_s` is until then), and ends when both files are on the disk."""
    workers, started = [], time.perf_counter()
    for number, share in enumerate(shares(files)):
        listing = folder / f"{kind}{number}.json"
        listing.write_text(json.dumps(share))
        command = [sys.executable, HERE / "peer.py", kind, listing, folder / f"{kind}{number}.raw"]
        workers.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    if any(worker.stdout.readline() != "ready\n" for worker in workers):
        sys.exit(f"{kind} does not start")
    start_s = time.perf_counter() - started
    os.sync()
    wait_for_quiet()
    busy, begin = busy_s(), time.perf_counter()
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    done = [json.loads(worker.stdout.readline()) for worker in workers]
    wall_s, busy = time.perf_counter() - begin, busy_s() - busy
    usage = [os.wait4(worker.pid, 0)[2] for worker in workers]
    rss = [one.ru_maxrss / 1024 for one in usage]
    return {
        "wall_s": wall_s,
        "start_s": start_s,
        "cpu_s": sum(one["cpu_s"] for one in done),
        "others": max(0.0, busy - sum(one["cpu_s"] for one in done)) / wall_s,
        "rss_mib": max(rss),
        "rss_sum": sum(rss),
        "clips": sum(one["clips"] for one in done),
        "rows": [one["rows"] for one in done],
    }
