"""Measures what planning, a part, status and commit take, in time and memory, by the number of recordings.

    tests/bench/plan.py [--cold] [--build] [NUMBER ...]     default 10000 100000; 1000000 takes 5 GB of disk

The recordings are WAV files of a clip of 0.1 s each, in folders of a thousand. With --cold, Linux is told to forget all files
before the first plan (needs root); with --build, all shards are built too.
"""
import argparse, os, shutil, struct, tempfile
from pathlib import Path

from measure import L48, load, run
from tiny import RATE_HZ, manifest, wav_header


def write_recordings(folder, number):
    frames = RATE_HZ // 10
    header = wav_header(frames)
    with open(folder / "recordings.csv", "w") as table:
        table.write("asset_id,path,split\n")
        for asset in range(number):
            if asset % 1000 == 0:
                (folder / f"{asset // 1000}").mkdir()
            path = f"{asset // 1000}/{asset}.wav"
            # Different sounds: copies across splits are looked for.
            sound = struct.pack("<I", asset) * (frames // 2)
            (folder / path).write_bytes(header + sound)
            table.write(f"{asset},{path},train\n")
    (folder / "taxa.csv").write_text("species_code\nwoothr\n")
    (folder / "manifest.toml").write_text(manifest("bench", shard_clips=4096))


def measure(what, *arguments):
    result = run([L48, *arguments])
    print(f"{what:<40}{result['wall_s']:8.2f} s  {result['rss_mib']:6.0f} MiB  load {load()}", flush=True)


def plan_and_build(number, cold, build):
    with tempfile.TemporaryDirectory(prefix="l48-plan-") as folder:
        folder = Path(folder)
        write_recordings(folder, number)
        manifest_file, out = folder / "manifest.toml", folder / "out"
        print(f"{number} recordings")
        if cold:
            os.sync()
            Path("/proc/sys/vm/drop_caches").write_text("3")
            measure("  plan, files not cached", "plan", manifest_file, "--out", out)
            shutil.rmtree(out)
        measure("  plan", "plan", manifest_file, "--out", out)
        measure("  plan --resume", "plan", manifest_file, "--out", out, "--resume")
        parts = max(1, number // 1000)
        measure(f"  build --part 0/{parts}", "build", manifest_file, "--out", out, "--part", f"0/{parts}")
        if build:
            measure("  build --part 0/1", "build", manifest_file, "--out", out, "--part", "0/1")
            measure("  status", "status", out)
            measure("  commit", "commit", out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("numbers", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--build", action="store_true")
    options = parser.parse_args()
    for number in options.numbers:
        plan_and_build(number, options.cold, options.build)


main()
