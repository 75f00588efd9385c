"""Measures build, open, verify and asset look-up at 1,000, 10,000 and 100,000 clips, and draws docs/scaling.png.

Small clips (16 x 16) of short recordings, so that what grows is the number of clips, recordings, files and table rows.
"""
import json, math, shutil, struct, tempfile
from pathlib import Path

from measure import L48, READ_RANDOM, ROOT, load, median, run
from tiny import CLIP_S, RATE_HZ, manifest, wav_header

SIZES = (1_000, 10_000, 100_000)
REPEATS = {1_000: 5, 10_000: 3, 100_000: 1}
CLIPS_PER_RECORDING = 20


def make_recordings(folder, clips):
    samples = int(CLIPS_PER_RECORDING * CLIP_S * RATE_HZ)
    header = wav_header(samples)
    (folder / "audio").mkdir(parents=True)
    state, recordings, boxes = 1, ["asset_id,path,split"], ["asset_id,start_s,end_s,species_code"]
    for number in range(clips // CLIPS_PER_RECORDING):
        body = bytearray()
        for _ in range(samples // 8):
            state = (state * 6_364_136_223_846_793_005 + 1) & (1 << 64) - 1
            body += struct.pack("<Q", state) * 2
        (folder / f"audio/{number}.wav").write_bytes(header + body)
        recordings.append(f"{number},audio/{number}.wav,train")
        boxes.append(f"{number},0.2,0.9,bird{number % 20}")
    (folder / "recordings.csv").write_text("\n".join(recordings) + "\n")
    (folder / "boxes.csv").write_text("\n".join(boxes) + "\n")
    (folder / "taxa.csv").write_text("species_code\n" + "".join(f"bird{species}\n" for species in range(20)))
    (folder / "manifest.toml").write_text(manifest("scaling", ("recordings", "taxa", "boxes")))


def measure(clips):
    with tempfile.TemporaryDirectory(prefix="l48-scaling-") as folder:
        folder = Path(folder)
        make_recordings(folder, clips)
        builds, verifies = [], []
        for _ in range(REPEATS[clips]):
            shutil.rmtree(folder / "out", ignore_errors=True)
            builds.append(run([L48, "build", folder / "manifest.toml", "--out", folder / "out", "--threads", 2]))
            verifies.append(run([L48, "verify", folder / "out"]))
        opened = [json.loads(run([READ_RANDOM, folder / "out", "open"])["out"]) for _ in range(3)]
        if json.loads((folder / "out/dataset.json").read_text())["counts"]["clips"] != clips:
            raise SystemExit("another number of clips was built")
        return {
            "build": median(builds),
            "verify": median(verifies),
            "open": median(opened, "open_s"),
            "look-up": median(opened, "lookup_ns") / 1e9,
            "build_rss_mib": max(build["rss_mib"] for build in builds),
        }


def draw(results, path):
    # Only now: what runs before must stay small, see measure.py.
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    for name, marker in (("build", "o"), ("verify", "s"), ("open", "^"), ("look-up", "v")):
        times = [result[name] for result in results.values()]
        slope = math.log(times[-1] / times[-2]) / math.log(SIZES[-1] / SIZES[-2])
        label = "asset look-up" if name == "look-up" else name
        axes.loglog(SIZES, times, marker=marker, label=f"{label}, slope of the last step {slope:.2f}")
    axes.set(xlabel="clips", ylabel="seconds", title="Time by size of the dataset (2 threads)")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120, metadata={"Software": None})


def main():
    results = {}
    for clips in SIZES:
        results[clips] = measure(clips)
    print(f"load {load()}\n\n| clips | build, us a clip | verify, us a clip | open, ms | open, us a clip | look-up, ns | peak of build, MiB |\n|---|---|---|---|---|---|---|")
    for clips, r in results.items():
        each = lambda name: f"{r[name] / clips * 1e6:.1f}"
        print(f"| {clips} | {each('build')} | {each('verify')} | {r['open'] * 1e3:.2f} | {each('open')} | {r['look-up'] * 1e9:.0f} | {r['build_rss_mib']:.0f} |")
    draw(results, ROOT / "docs/scaling.png")


main()
