"""Measures the peak memory of building from one recording of eight hours against 64 MiB a thread + 64 MiB."""
import shutil, struct, tempfile
from pathlib import Path

from measure import L48, MIB, load, run, target

HOURS, RATE_HZ = 8, 22_050


def write_recording(path):
    """16-bit mono noise: a block of pseudo-random bytes, again and again."""
    frames = HOURS * 3600 * RATE_HZ
    state, block = 1, bytearray()
    while len(block) < MIB:
        state = (state * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        block += struct.pack("<h", (state >> 15) - 32_768 >> 4)
    with open(path, "wb") as file:
        left = frames * 2
        file.write(b"RIFF" + struct.pack("<I", 36 + left) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE_HZ, RATE_HZ * 2, 2, 16))
        file.write(b"data" + struct.pack("<I", left))
        while left:
            left -= file.write(block[: min(left, MIB)])


def main():
    with tempfile.TemporaryDirectory(prefix="l48-memory-") as folder:
        folder = Path(folder)
        write_recording(folder / "night.wav")
        (folder / "taxa.csv").write_text("species_code\nbird1\n")
        (folder / "recordings.csv").write_text("asset_id,path,split\n1,night.wav,train\n")
        (folder / "manifest.toml").write_text('[dataset]\nname = "night"\n[tables]\nrecordings = "recordings.csv"\ntaxa = "taxa.csv"\n')
        for threads in (1, 2):
            result = run([L48, "build", folder / "manifest.toml", "--out", folder / "out", "--threads", threads])
            limit = 64 * threads + 64
            shutil.rmtree(folder / "out")
            clips = HOURS * 1200
            print(f"{HOURS} hours, {threads} threads: {clips} clips in {result['wall_s']:.1f} s, {clips / result['wall_s']:.0f} clips/s; load {load()}")
            target(f"peak memory, {threads} threads", f"{result['rss_mib']:.0f} MiB", f"<= {limit} MiB", result["rss_mib"] <= limit)


main()
