"""Compares importing a set in the official L48 layout with a script of Pillow and torchvision that does the same to its pictures.

Both in turn, three times: the script with two processes of one thread each, `l48 import ml48s` with two threads. The pictures are
drawn here: noise with a few sweeps; each clip lists a hundred classes and has a box or two. L48_BENCH_PICTURES says how many.
The peer only makes pixels; `l48` also reads and writes labels. How long the peer takes to import its libraries is measured too:
the target is held against its time without that, and the ratio of whole processes stands beside it.
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
SPECIES = [f"spec{number:02}" for number in range(100)]
POSSIBLE = SPECIES[20:70]


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
        # Every other clip is known whole, the others as far as their place rules species out.
        heard = [POSSIBLE[asset % 50]] if number % 2 else []
        unknown = [] if heard else POSSIBLE
        boxes = [{"id": box, "species_code": heard[0], "status": "active", "bbox": [0.1 + 0.3 * box, 0.2, 0.3 + 0.3 * box, 0.6]}
                 for box in range(number % 3 if heard else 0)]
        clips.append({"id": number, "asset_id": asset, "clip_order": order, "file_path": name, "width": WIDTH, "height": HEIGHT,
                      "present_species_codes": heard, "unknown_species_codes": unknown,
                      "absent_species_codes": [code for code in SPECIES if code not in heard and code not in unknown], "boxes": boxes})
    (folder / "taxa.csv").write_text("\n".join(["species_code", *SPECIES, ""]))
    (folder / "assets.json").write_text(json.dumps([
        {"id": asset, "split": "train", "target_species_code": POSSIBLE[asset % 50], "possible_species_codes": POSSIBLE,
         "observed_species_codes": POSSIBLE} for asset in range(assets)]))
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
        start_s = median(peer, "start_s")
        ratio, whole = median(peer) / median(ours), (median(peer) + start_s) / median(ours)
        print(f"\nthe peer starts in {start_s:.2f} s, which its time above leaves out and that of l48 has in it; load {load()}")
        target("import of pictures, against Pillow + torchvision after its start", f"{ratio:.2f} x", f">= {WANTED:g} x", ratio >= WANTED)
        print(f"        as whole processes: {whole:.2f} x", flush=True)


main()
