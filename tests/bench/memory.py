"""Measures the peak memory of building from one recording of eight hours against 64 MiB a thread + 64 MiB.

Once at the rate of the dataset with one class, once in stereo at another rate with a thousand classes, all of which stand in a
list of every clip.
"""
import shutil, struct, tempfile
from pathlib import Path

from measure import L48, MIB, load, run, target

HOURS = 8
# Name, rate in Hz, channels, classes.
CASES = (("mono, 22,050 Hz, 1 class", 22_050, 1, 1), ("stereo, 32,000 Hz, 1,000 classes", 32_000, 2, 1_000))


def write_recording(path, rate_hz, channels):
    """16-bit noise: a block of pseudo-random bytes, again and again."""
    state, block = 1, bytearray()
    while len(block) < MIB:
        state = (state * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        block += struct.pack("<h", (state >> 15) - 32_768 >> 4)
    frame = 2 * channels
    with open(path, "wb") as file:
        left = HOURS * 3600 * rate_hz * frame
        form = struct.pack("<IHHIIHH", 16, 1, channels, rate_hz, rate_hz * frame, frame, 16)
        file.write(b"RIFF" + struct.pack("<I", 36 + left) + b"WAVEfmt " + form)
        file.write(b"data" + struct.pack("<I", left))
        while left:
            left -= file.write(block[: min(left, MIB)])


def measure(name, rate_hz, channels, classes):
    with tempfile.TemporaryDirectory(prefix="l48-memory-") as folder:
        folder = Path(folder)
        write_recording(folder / "night.wav", rate_hz, channels)
        (folder / "taxa.csv").write_text("species_code\n" + "".join(f"bird{number}\n" for number in range(classes)))
        (folder / "recordings.csv").write_text("asset_id,path,split\n1,night.wav,train\n")
        (folder / "manifest.toml").write_text('[dataset]\nname = "night"\n[tables]\nrecordings = "recordings.csv"\ntaxa = "taxa.csv"\n')
        for threads in (1, 2):
            result = run([L48, "build", folder / "manifest.toml", "--out", folder / "out", "--threads", threads])
            limit = 64 * threads + 64
            shutil.rmtree(folder / "out")
            clips = HOURS * 1200
            print(f"{HOURS} hours, {name}, {threads} threads: {clips} clips in {result['wall_s']:.1f} s, {clips / result['wall_s']:.0f} clips/s; load {load()}")
            target(f"peak memory, {threads} threads", f"{result['rss_mib']:.0f} MiB", f"<= {limit} MiB", result["rss_mib"] <= limit)


def main():
    for case in CASES:
        measure(*case)


main()
