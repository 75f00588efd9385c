"""Compares building a dataset from ten hours of recordings by Ray, on clusters of one and two nodes, with plain processes.

    REACH_PYTHON tests/bench/ray_build.py [--hours H] [--rounds N] [--folder DIR]

REACH_PYTHON is a Python with the package and Ray: .venv-reach/bin/python after `make test-reach`. All run in turn: one
`l48 build` with two threads, manifests/cluster/processes.sh with two processes of one thread each, `python -m l48.ray build`
on a cluster of one node with two processors and on one of two nodes with one each, all on this machine. A time is that of the
whole command, from plan to commit; the clusters are started before. The recordings are the demo's, repeated.
"""
import argparse, csv, os, shutil, statistics, subprocess, sys, tempfile, time
from pathlib import Path

# Before Ray is imported: two nodes of one address, no usage told, and workers that are no nicer than plain processes.
os.environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
from ray.cluster_utils import Cluster

from measure import ROOT, busy_s, load, target, wait_for_quiet

L48 = Path(sys.executable).parent / "l48"
# Processors of each node.
CLUSTERS = {"Ray, 1 node of 2 processors": [2], "Ray, 2 nodes of 1 processor": [1, 1]}
PROCESSES, ONE = "2 processes of 1 thread", "1 process of 2 threads"


def write_recordings(folder, hours):
    """Links to the demo's recordings, as often as it takes, and a manifest for clips and images of the usual form."""
    subprocess.run([L48, "demo", folder / "demo"], check=True, stdout=subprocess.DEVNULL)
    with open(folder / "demo/recordings.csv", newline="") as table:
        demo = [folder / "demo" / row["path"] for row in csv.DictReader(table)]
    (folder / "audio").mkdir()
    rows, clips = ["asset_id,path,split"], 0
    # The demo is a bit under an hour; how long it is exactly is what the program counts.
    while clips < hours * 1200:
        for source in demo:
            asset = len(rows)
            path = f"audio/{asset}{source.suffix}"
            os.link(source, folder / path)
            rows.append(f"{asset},{path},train")
        clips += 980
    (folder / "recordings.csv").write_text("\n".join(rows) + "\n")
    (folder / "taxa.csv").write_text("species_code\nbird1\n")
    tables = '[tables]\nrecordings = "recordings.csv"\ntaxa = "taxa.csv"\n'
    (folder / "manifest.toml").write_text(f'[dataset]\nname = "bench"\n{tables}[shards]\nclips = 128\n')
    return folder / "manifest.toml"


def timed(command, out):
    shutil.rmtree(out, ignore_errors=True)
    os.sync()
    wait_for_quiet()
    busy, begin = busy_s(), time.perf_counter()
    ended = subprocess.run([str(word) for word in command], env=os.environ | {"L48": str(L48)}, capture_output=True, text=True)
    wall_s, busy = time.perf_counter() - begin, busy_s() - busy
    if ended.returncode != 0:
        sys.exit(f"{command}: exit code {ended.returncode}\n{ended.stderr}")
    return wall_s, busy


def in_cluster(nodes, command, out):
    """The time of a command that gets the address of a cluster, and how long the cluster took to start."""
    begin = time.perf_counter()
    node = {"include_dashboard": False, "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args=node | {"num_cpus": nodes[0]})
    for cpus in nodes[1:]:
        cluster.add_node(**node, num_cpus=cpus)
    cluster.wait_for_nodes()
    start_s = time.perf_counter() - begin
    try:
        return timed([*command, "--address", cluster.address], out), start_s
    finally:
        cluster.shutdown()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hours", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder")
    options = parser.parse_args()
    times, starts = {}, []
    with tempfile.TemporaryDirectory(prefix="l48-ray-", dir=options.folder) as folder:
        folder = Path(folder)
        manifest, out = write_recordings(folder, options.hours), folder / "out"
        one = [L48, "build", manifest, "--out", out, "--threads", 2]
        processes = ["bash", ROOT / "manifests/cluster/processes.sh", manifest, out, 2]
        ray = [sys.executable, "-m", "l48.ray", "build", manifest, "--out", out, "--cpus", 1]
        for _ in range(options.rounds):
            for name, command in ((ONE, one), (PROCESSES, processes)):
                times.setdefault(name, []).append(timed(command, out))
            for name, nodes in CLUSTERS.items():
                result, start_s = in_cluster(nodes, ray, out)
                times.setdefault(name, []).append(result)
                starts.append(start_s)
            print({name: [f"{wall_s:.1f}" for wall_s, _ in runs] for name, runs in times.items()}, f"load {load()}", flush=True)
    print(f"\n{options.hours:g} hours; a cluster starts in {statistics.median(starts):.1f} s, not counted\n")
    print("| | s, median (range) | processor s of the machine |\n|---|---|---|")
    wall = {name: statistics.median(wall_s for wall_s, _ in runs) for name, runs in times.items()}
    for name, runs in times.items():
        walls = [wall_s for wall_s, _ in runs]
        busy = statistics.median(busy for _, busy in runs)
        print(f"| {name} | {wall[name]:.1f} ({min(walls):.1f}-{max(walls):.1f}) | {busy:.0f} |")
    for name in CLUSTERS:
        over = wall[name] / wall[PROCESSES] - 1
        target(f"{name}, beside plain processes", f"{over:+.1%}", "under +5 %", over < 0.05)


main()
