"""Compares reading clips in random order into one batch buffer: our shards, LMDB, NumPy, Arrow, safetensors.

About 2,000 clips, the same records in the same order, all readers in turn, the files cached; then our reader on files that are not
cached, beside what `dd` gets of the same files. Python's readers copy each record into one page-aligned batch of 64.
"""
import contextlib, importlib.util, io, json, mmap, os, statistics, subprocess, sys, tempfile, time
from pathlib import Path

import lmdb
import numpy as np
import pyarrow as pa
import xxhash
from safetensors import safe_open

from measure import L48, READ_RANDOM, ROOT, load, target, wait_for_quiet

BATCH, ROUNDS, COLD_ROUNDS = 64, 7, 3


def build(folder):
    """The demo's recordings, cut every 1.5 s."""
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([L48, "demo", folder / "recordings"], **quiet)
    manifest = folder / "recordings/manifest.toml"
    manifest.write_text(manifest.read_text().replace("hop_s = 3.0", "hop_s = 1.5"))
    subprocess.run([L48, "build", manifest, "--out", folder / "dataset"], **quiet)
    return sorted((folder / "dataset/shards").iterdir())


def our_python_reader():
    """`open_shard` of the specification's example, which is a script: it runs once, on a golden shard."""
    path = ROOT / "shardfmt/python/read_shard.py"
    spec = importlib.util.spec_from_file_location("read_shard", path)
    module = importlib.util.module_from_spec(spec)
    golden = next((ROOT / "shardfmt/tests/golden").rglob("00000.safetensors"))
    arguments, sys.argv = sys.argv, [str(path), str(golden)]
    with contextlib.redirect_stdout(io.StringIO()):
        spec.loader.exec_module(module)
    sys.argv = arguments
    return module.open_shard


def readers(shards, folder):
    """Name -> a function of a row's number that gives its bytes, all from files of their own."""
    opened = [our_python_reader()(shard) for shard in shards]
    clips = [(tensors["clips"], row) for tensors in opened for row in range(len(tensors["clips"]))]
    record_bytes = clips[0][0][0].nbytes

    environment = lmdb.open(str(folder / "lmdb"), map_size=4 * len(clips) * record_bytes, readahead=False)
    with environment.begin(write=True) as writing:
        for number, (tensor, row) in enumerate(clips):
            writing.put(number.to_bytes(4, "big"), tensor[row].tobytes(), append=True)
    environment.sync()
    reading = environment.begin(buffers=True)
    keys = [number.to_bytes(4, "big") for number in range(len(clips))]

    flat = np.lib.format.open_memmap(folder / "clips.npy", "w+", np.uint8, (len(clips), record_bytes))
    for number, (tensor, row) in enumerate(clips):
        flat[number] = tensor[row].reshape(-1)
    flat.flush()
    memmap = np.load(folder / "clips.npy", mmap_mode="r")

    schema = pa.schema([("clip", pa.binary(record_bytes))])
    with pa.OSFile(str(folder / "clips.arrow"), "wb") as sink, pa.ipc.new_file(sink, schema) as out:
        for tensors in opened:
            rows = pa.array([clip.tobytes() for clip in tensors["clips"]], pa.binary(record_bytes))
            out.write_batch(pa.record_batch([rows], schema))
    arrow = pa.ipc.open_file(pa.memory_map(str(folder / "clips.arrow")))
    columns = [arrow.get_batch(number).column(0) for number in range(arrow.num_record_batches)]
    arrow_rows = [(column, row) for column in columns for row in range(len(column))]

    slices = [safe_open(shard, framework="numpy").get_slice("clips") for shard in shards]
    tensor_rows = [(slices[at], row) for at, tensors in enumerate(opened) for row in range(len(tensors["clips"]))]

    named = {
        "our shards from Python (open_shard)": lambda number: clips[number][0][clips[number][1]].reshape(-1),
        "LMDB views": lambda number: reading.get(keys[number]),
        "NumPy memmap": lambda number: memmap[number],
        "Arrow IPC, memory-mapped": lambda number: memoryview(arrow_rows[number][0][arrow_rows[number][1]].as_buffer()).cast("B"),
        "safetensors slices": lambda number: tensor_rows[number][0][tensor_rows[number][1]].reshape(-1),
    }
    return named, len(clips), record_bytes


def one_pass(record, order, batch, record_bytes):
    """Clips a second."""
    begin = time.perf_counter()
    for start in range(0, len(order), BATCH):
        for at, number in enumerate(order[start : start + BATCH]):
            batch[at * record_bytes : (at + 1) * record_bytes] = record(number)
    return len(order) / (time.perf_counter() - begin)


def ours(shards, mode):
    dataset = shards[0].parent.parent
    return json.loads(subprocess.run([READ_RANDOM, dataset, mode], check=True, stdout=subprocess.PIPE).stdout)


def evict(shards):
    os.sync()
    for shard in shards:
        with open(shard, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def cold(shards):
    """Before anything maps the shards: mapped pages cannot be evicted."""
    disk, reader = [], []
    for _ in range(COLD_ROUNDS):
        evict(shards)
        begin = time.perf_counter()
        for shard in shards:
            subprocess.run(["dd", f"if={shard}", "of=/dev/null", "bs=4M"], check=True, stderr=subprocess.DEVNULL)
        disk.append(sum(shard.stat().st_size for shard in shards) / 1e6 / (time.perf_counter() - begin))
        evict(shards)
        reader.append(ours(shards, "cold"))
    clips = statistics.median(run["clips_per_s"] for run in reader)
    rate = statistics.median(run["mb_per_s"] for run in reader)
    print(f"Not cached: ours, random order, one thread: {clips:.0f} clips/s, {rate:.0f} MB/s; dd, in order: {statistics.median(disk):.0f} MB/s")


def main():
    with tempfile.TemporaryDirectory(prefix="l48-read-") as folder:
        folder = Path(folder)
        shards = build(folder)
        cold(shards)
        named, rows, record_bytes = readers(shards, folder)
        order = np.random.default_rng(48).permutation(rows).tolist()
        batch = memoryview(mmap.mmap(-1, BATCH * record_bytes))
        sums = {name: [xxhash.xxh3_64_intdigest(record(number)) for number in order[:200]] for name, record in named.items()}
        if len({tuple(found) for found in sums.values()}) != 1:
            sys.exit("the readers read different records")
        speeds = {name: [] for name in named}
        for round_number in range(ROUNDS + 1):
            wait_for_quiet()
            found = ours(shards, "warm")
            for name, record in named.items():
                found[name] = one_pass(record, order, batch, record_bytes)
            if round_number:  # the first one warms up
                for name, speed in found.items():
                    speeds.setdefault(name, []).append(speed)
        print(f"\nCached, {rows} clips of {record_bytes} bytes, medians of {ROUNDS} rounds; load {load()}\n\n| reader | clips/s | range |\n|---|---|---|")
        ours_by_check = {"off": "ours, unchecked", "first touch, first pass": "ours, checked on first touch: first pass over a new map",
                         "first touch, later": "ours, checked on first touch: later passes", "always": "ours, always checked",
                         "memcpy": "memcpy of the same rows"}
        middle = {name: statistics.median(found) for name, found in speeds.items()}
        for name in sorted(speeds, key=middle.get, reverse=True):
            print(f"| {ours_by_check.get(name, name)} | {middle[name]:.0f} | {min(speeds[name]):.0f}-{max(speeds[name]):.0f} |")
        print()
        ratio = lambda name: statistics.median(a / b for a, b in zip(speeds["first touch, later"], speeds[name]))
        target("against LMDB views", f"{ratio('LMDB views'):.2f} x", ">= 1.2 x", ratio("LMDB views") >= 1.2)
        for name in ("NumPy memmap", "Arrow IPC, memory-mapped", "safetensors slices"):
            target(f"against {name}", f"{ratio(name):.2f} x", "> 1 x", ratio(name) > 1)
        target("against memcpy", f"{ratio('memcpy'):.2f} x", ">= 0.9 x", ratio("memcpy") >= 0.9)


main()
