"""Makes recordings to measure with, out of real ones: `corpus.py hour DIR`, `corpus.py long DIR MINUTES`.

The real ones are those of L48_DATA, or else the demo's. Each folder gets a manifest, and `files.json` with path and seconds.
"""
import csv, json, os, shutil, subprocess, sys
from pathlib import Path

import numpy as np
import soundfile as sf

from measure import L48

HOUR_S = 3600
WAV_SHARE = 2 / 3
WAV_S = 60
KINDS = {".wav", ".flac", ".ogg", ".mp3"}


def sources(folder):
    data = os.environ.get("L48_DATA")
    if not data:
        data = folder / "demo"
        subprocess.run([L48, "demo", data], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = []
    for path in sorted((Path(data) / "audio").rglob("*")):
        if path.suffix in KINDS:
            try:
                seconds = sf.info(path).duration
            except sf.LibsndfileError:
                continue
            if seconds >= 1:
                found.append((path, seconds))
    return found


def repeated(path, seconds, target):
    """Writes the recording again and again, at its own rate, until `seconds` are full."""
    samples, rate_hz = sf.read(path, dtype="int16", always_2d=True)
    wanted = int(seconds * rate_hz)
    again = np.tile(samples, (-(-wanted // len(samples)), 1))[:wanted]
    sf.write(target, again, rate_hz, subtype="PCM_16")


def hour(folder):
    """Two thirds WAVs of a minute, one third compressed files as they are; only the latter exist in small."""
    found = sources(folder)
    wavs = [path for path, _ in found if path.suffix == ".wav"]
    packed = [(path, seconds) for path, seconds in found if path.suffix != ".wav"]
    files, total = [], 0.0
    while total < HOUR_S * (WAV_SHARE if packed else 1):
        target = folder / f"{len(files):04}.wav"
        repeated(wavs[len(files) % len(wavs)], WAV_S, target)
        files.append((target, WAV_S))
        total += WAV_S
    turn = 0
    while total < HOUR_S:
        path, seconds = packed[turn % len(packed)]
        target = folder / f"{len(files):04}{path.suffix}"
        shutil.copyfile(path, target)
        files.append((target, seconds))
        total, turn = total + seconds, turn + 1
    return files


def write_manifest(folder, files, shard_clips=512):
    (folder / "taxa.csv").write_text("species_code\nbird1\n")
    with open(folder / "recordings.csv", "w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["asset_id", "path", "split"])
        rows.writerows([number, path.name, "train"] for number, (path, _) in enumerate(files, 1))
    text = '[dataset]\nname = "bench"\n[tables]\nrecordings = "recordings.csv"\ntaxa = "taxa.csv"\n'
    (folder / "manifest.toml").write_text(text)
    (folder / "one-shard.toml").write_text(text + "[shards]\nclips = 100000\n")
    (folder / "files.json").write_text(json.dumps([(str(path), seconds) for path, seconds in files]))


def main():
    kind, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True)
    if kind == "hour":
        files = hour(folder)
    else:
        seconds = float(sys.argv[3]) * 60
        path = max((source for source in sources(folder) if source[0].suffix == ".wav"), key=lambda source: source[1])[0]
        files = [(folder / "long.wav", seconds)]
        repeated(path, seconds, files[0][0])
    write_manifest(folder, files)


main()
