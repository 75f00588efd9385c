"""Compares importing a set in the official L48 layout with a script of Pillow and torchvision that does the same to its pictures.

Both in turn, three times: the script with two processes of one thread each, `l48 import ml48s` with two threads. The pictures are
drawn here: noise with a few sweeps. L48_BENCH_PICTURES says how many.
"""
import json, os, shutil, sys, tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image
from safetensors import safe_open

from measure import L48, load, median, quietest, run, target
from two_processes import run_peer

PICTURES = int(os.environ.get("L48_BENCH_PICTURES", 4000))
REPEATS = 3
CLIPS_OF_ASSET = 10
WIDTH, HEIGHT, SIDE = 750, 236, 448
WANTED = 2.0


def picture(generator):
    """Noise and three sweeps."""
    levels = generator.gamma(4.0, 8.0, (HEIGHT, WIDTH)) + 20
    for _ in range(3):
        left, row, slope = generator.integers(0, WIDTH - 120), generator.integers(20, HEIGHT - 40), generator.uniform(-0.1, 0.1)
        for column in range(120):
            at = int(row + slope * column)
            levels[at : at + 6, left + column] += 110
    return levels.clip(0, 255).astype(np.uint8)


def write_set(folder):
    """Pictures and tables; returns the pictures."""
    generator, files, clips = np.random.default_rng(48), [], []
    assets = -(-PICTURES // CLIPS_OF_ASSET)
    for number in range(PICTURES):
        asset, order = divmod(number, CLIPS_OF_ASSET)
        name = f"images/{asset}/{order}.jpg"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(generator)).save(path, quality=90)
        files.append((str(path), 1))
        clips.append({"id": number, "asset_id": asset, "clip_order": order, "file_path": name, "width": WIDTH, "height": HEIGHT,
                      "present_species_codes": ["a"], "unknown_species_codes": [], "absent_species_codes": [], "boxes": []})
    (folder / "taxa.csv").write_text("species_code\na\n")
    (folder / "assets.json").write_text(json.dumps([{"id": asset, "split": "train"} for asset in range(assets)]))
    (folder / "clips.json").write_text(json.dumps(clips))
    return files


def run_l48(source, out):
    shutil.rmtree(out, ignore_errors=True)
    result = run([L48, "import", "ml48s", source, "--out", out, "--threads", 2])
    result["clips"] = json.loads((out / "dataset.json").read_text())["counts"]["clips"]
    return result


def same_job(out, folder, source, rows):
    """The pictures of some clips, stored by both: as far apart as two JPEG decoders are."""
    halves = [np.memmap(folder / f"torchvision{number}.raw", np.uint8, "r").reshape(-1, SIDE, SIDE) for number in (0, 1)]
    peers = {path: (half, row) for half, paths in zip(halves, rows) for path, row in paths.items()}
    largest, equal = 0, []
    for shard in sorted((out / "shards").iterdir()):
        labels = pq.read_table(out / f"labels/{shard.stem}.parquet").to_pylist()
        with safe_open(shard, framework="numpy") as opened:
            clips = opened.get_slice("clips")
            for row in range(0, len(labels), 50):
                asset, order = divmod(labels[row]["source_index"], CLIPS_OF_ASSET)
                half, place = peers[str(source / f"images/{asset}/{order}.jpg")]
                steps = np.abs(clips[row].astype(int) - half[place])
                largest = max(largest, steps.max())
                equal.append((steps == 0).mean())
    print(f"{len(equal)} pictures compared: at most {largest} levels apart, {100 * np.mean(equal):.2f} % equal")
    if largest > 1:
        sys.exit("the peer does another job")


def main():
    with tempfile.TemporaryDirectory(prefix="l48-import-") as folder:
        folder = Path(folder)
        source, out = folder / "set", folder / "out"
        files = write_set(source)
        print(f"{PICTURES} pictures of {WIDTH} x {HEIGHT}; load {load()}", flush=True)
        peer, ours = [], []
        for _ in range(REPEATS):
            peer.append(quietest(lambda: run_peer("torchvision", files, folder)))
            ours.append(quietest(lambda: run_l48(source, out)))
        same_job(out, folder, source, peer[-1]["rows"])
        print("\n| | clips | s, median | clips/s | processor s | processors used by others | peak MiB |\n|---|---|---|---|---|---|---|")
        for name, runs in (("Pillow + torchvision, 2 processes", peer), ("l48 import, 2 threads", ours)):
            clips, wall_s = runs[0]["clips"], median(runs)
            others = max(run["others"] for run in runs)
            print(f"| {name} | {clips} | {wall_s:.2f} | {clips / wall_s:.0f} | {median(runs, 'cpu_s'):.1f} | {others:.2f} | {median(runs, 'rss_mib'):.0f} |")
        ratio = median(peer) / median(ours)
        print(f"\nload {load()}")
        target("import of pictures, against Pillow + torchvision", f"{ratio:.2f} x", f">= {WANTED:g} x", ratio >= WANTED)


main()
