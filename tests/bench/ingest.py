"""Compares building a dataset from an hour of recordings with two Python pipelines that do the same job.

All in turn, five times: librosa and soundfile + soxr + torchaudio with two processes of one thread each, `l48 build` with one
and two threads, and what a clip costs in processor time. `OLD_L48`, the program of another commit, runs in turn with ours and is
compared with in processor time. Then the hour, the hour as one shard and one long recording, five times in turn: with one thread, with two, and two
programs of one thread at once that share nothing, which is what the second processor of this machine is worth.
"""
import json, os, shutil, statistics, subprocess, sys, tempfile, time
from pathlib import Path

from measure import L48, load, median, quietest, run, target, wait_for_quiet
from two_processes import run_peer

REPEATS = 5
THREAD_REPEATS = 5
LONG_MIN = 60
PEERS = {"librosa": "librosa", "soundfile + soxr + torchaudio": "torchaudio"}
HERE = Path(__file__).parent
PYTHON = sys.executable
OLD_L48 = os.environ.get("OLD_L48")


def run_l48(manifest, out, threads, program=L48):
    shutil.rmtree(out, ignore_errors=True)
    result = run([program, "build", manifest, "--out", out, "--threads", threads])
    result["clips"] = json.loads((out / "dataset.json").read_text())["counts"]["clips"]
    return result


def source_bytes(folder):
    return sum(Path(path).stat().st_size for path, _ in json.loads((folder / "files.json").read_text()))


def read_once(folder, out):
    """Says how many bytes are read for one of the recordings, and for one of the shards, which are hashed as written."""
    result = run_l48(folder / "manifest.toml", out, 2)
    if result["bytes_read"] is None:
        print("ABSENT: the system does not say how many bytes a program read")
        return
    shards = sum(path.stat().st_size for path in (out / "shards").iterdir())
    share = (result["bytes_read"] - shards) / source_bytes(folder)
    print(f"bytes read a byte of the recordings, beside the shards that are hashed once written: {share:.2f}")


def processor_ms(runs):
    return 1000 * median(runs, "cpu_s") / runs[0]["clips"]


def row(name, runs):
    clips, wall_s = runs[0]["clips"], median(runs)
    others = max(run["others"] for run in runs)
    memory = f"{median(runs, 'rss_mib'):.0f}"
    if "rss_sum" in runs[0]:
        memory += f" ({median(runs, 'rss_sum'):.0f} both)"
    spread = f"{min(run['wall_s'] for run in runs):.1f}-{max(run['wall_s'] for run in runs):.1f}"
    print(f"| {name} | {clips} | {wall_s:.1f} ({spread}) | {clips / wall_s:.0f} | {median(runs, 'cpu_s'):.1f} | {others:.2f} | {memory} |", flush=True)


def heading(text):
    print(f"\n{text}\n\n| | clips | s, median (range) | clips/s | processor s | processors used by others | peak MiB, largest process |\n|---|---|---|---|---|---|---|")


def two_programs(manifest, folder):
    """Seconds of two builds with one thread each at once."""
    outs = [folder / name for name in ("out-a", "out-b")]
    for out in outs:
        shutil.rmtree(out, ignore_errors=True)
    os.sync()
    wait_for_quiet()
    begin = time.perf_counter()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    children = [subprocess.Popen([L48, "build", manifest, "--out", out, "--threads", "1"], **quiet) for out in outs]
    codes = [child.wait() for child in children]
    if any(codes):
        sys.exit(f"one of two builds at once failed: {codes}")
    wall_s = time.perf_counter() - begin
    for out in outs:
        shutil.rmtree(out)
    return wall_s


def threads_1_2(name, manifest, folder):
    """One thread, two, and two programs of one, in turn: how much faster two are, and how much faster they could be."""
    runs, pairs = {1: [], 2: []}, []
    for _ in range(THREAD_REPEATS):
        for threads, found in runs.items():
            found.append(quietest(lambda: run_l48(manifest, folder / "out", threads)))
        pairs.append(two_programs(manifest, folder))
    heading(name)
    for threads, found in runs.items():
        row(f"l48, {threads} threads", found)
    ratio = median(runs[1]) / median(runs[2])
    ceiling = 2 * median(runs[1]) / statistics.median(pairs)
    print()
    target(f"1 -> 2 threads, {name}", f"{ratio:.2f} x; two programs at once that share nothing {ceiling:.2f} x", ">= 1.8 x", ratio >= 1.8)


def main():
    with tempfile.TemporaryDirectory(prefix="l48-ingest-") as folder:
        folder = Path(folder)
        subprocess.run([PYTHON, HERE / "corpus.py", "hour", folder / "hour"], check=True)
        for name, kind in list(PEERS.items()):
            if subprocess.run([PYTHON, "-c", f"import {kind}"], stderr=subprocess.DEVNULL).returncode:
                print(f"ABSENT: {name} cannot be imported here and is not compared with")
                del PEERS[name]
        files = json.loads((folder / "hour/files.json").read_text())
        print(f"{len(files)} recordings, {sum(s for _, s in files) / 60:.0f} minutes; load {load()}", flush=True)
        old, runs = [], {name: [] for name in [*PEERS, "l48, 1 threads", "l48, 2 threads"]}
        for _ in range(REPEATS):
            for name, kind in PEERS.items():
                runs[name].append(quietest(lambda: run_peer(kind, files, folder)))
            for threads in (1, 2):
                found = quietest(lambda: run_l48(folder / "hour/manifest.toml", folder / "out", threads))
                runs[f"l48, {threads} threads"].append(found)
            if OLD_L48:
                old.append(quietest(lambda: run_l48(folder / "hour/manifest.toml", folder / "old", 2, OLD_L48)))
        subprocess.run([PYTHON, HERE / "same_job.py", folder, *PEERS.values()], input=json.dumps(
            {kind: runs[name][-1]["rows"] for name, kind in PEERS.items()}), text=True, check=True)
        heading("An hour of recordings")
        for name in PEERS:
            row(f"{name}, 2 processes", runs[name])
        for threads in (1, 2):
            row(f"l48, {threads} threads", runs[f"l48, {threads} threads"])
        ours = processor_ms(runs["l48, 2 threads"])
        print(f"\nprocessor time a clip, 2 threads: {ours:.2f} ms")
        if old:
            before = processor_ms(old)
            target("processor time against OLD_L48", f"{before:.2f} ms a clip before, {1 - ours / before:.0%} less now", ">= 15 % less", ours <= 0.85 * before)
        read_once(folder / "hour", folder / "out")
        print(f"load {load()}")
        fastest = min(median(runs[name]) for name in PEERS)
        ratio = fastest / median(runs["l48, 2 threads"])
        target("whole ingest, against the fastest peer", f"{ratio:.2f} x", ">= 5 x", ratio >= 5)
        threads_1_2("an hour of recordings", folder / "hour/manifest.toml", folder)
        threads_1_2("the hour as one shard", folder / "hour/one-shard.toml", folder)
        shutil.rmtree(folder / "hour")
        subprocess.run([PYTHON, HERE / "corpus.py", "long", folder / "long", str(LONG_MIN)], check=True)
        threads_1_2(f"one recording of {LONG_MIN} minutes", folder / "long/manifest.toml", folder)


main()
