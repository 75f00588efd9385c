"""Compares `l48.Stream` with copying and with other pipelines, and measures what the package promises of it.

The same clips for all, batches of 64 in random order, one process without workers, reused batches aligned to 64 bytes, files cached,
every reader in turn. Then the first epoch, a busy thread, memory of a worker, resumption, and the first batch of a million clips.
`stream.py STEP ...` runs some of the steps only; BENCH_CLIPS=N makes the million smaller.
"""
import os, statistics, subprocess, sys, tempfile
from pathlib import Path

from measure import ROOT, load, target, wait_for_quiet
from stream_readers import PEERS, READERS

ROUNDS = 7
# Seconds between clips that are cut from the demo's recordings: about 2,400 training clips.
HOP_S = 0.75
MILLION = int(os.environ.get("BENCH_CLIPS", 1_000_000))
CLASSES, SIDE = 1_001, 32
OURS, MEMCPY, NUMPY, UNALIGNED = list(READERS)[:4]
HERE = Path(__file__).parent
LARGE = ROOT / "target/release/examples/large_supervision"
WALL, PROCESSOR = 0, 1


def build(folder):
    program = [sys.executable, "-m", "l48"]
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*program, "demo", folder / "recordings"], **quiet)
    manifest = folder / "recordings/manifest.toml"
    manifest.write_text(manifest.read_text().replace("hop_s = 3.0", f"hop_s = {HOP_S}"))
    subprocess.run([*program, "build", manifest, "--out", folder / "dataset"], **quiet)
    return folder / "dataset"


def script(name, *arguments):
    """The words that a script beside this one prints."""
    command = [sys.executable, HERE / name, *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


class Reader:
    """A reader at work in its own process."""

    def __init__(self, name, dataset, folder):
        own = folder / f"reader-{list(READERS).index(name)}"
        own.mkdir()
        command = [sys.executable, HERE / "stream_readers.py", name, dataset, own]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": open(own / "messages", "w")}
        self.process = subprocess.Popen(command, text=True, **pipes)
        # By the clock, and by the processor.
        self.speeds, self.messages = [], own / "messages"
        self.expect("ready")

    def expect(self, word=None):
        line = self.process.stdout.readline().split()
        if not line or (word and line != [word]):
            sys.exit(f"{self.process.args}: {self.messages.read_text()[-2000:]}")
        return line

    def read(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        *speeds, clips = self.expect()
        self.speeds.append([float(speed) for speed in speeds])
        return int(clips)

    def by(self, clock):
        return [speeds[clock] for speeds in self.speeds]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def compare(dataset, folder):
    readers = {name: Reader(name, dataset, folder) for name in READERS}
    for round_number in range(ROUNDS + 1):
        wait_for_quiet()
        counts = {name: reader.read() for name, reader in readers.items()}
        if len(set(counts.values())) != 1:
            sys.exit(f"the readers read different clips: {counts}")
    for reader in readers.values():
        reader.close()
        del reader.speeds[0]  # the first one warms up
    print(f"\n{counts[OURS]} clips, medians of {ROUNDS} rounds; load {load()}\n\n| reader | clips/s | range | clips a second of a processor |\n|---|---|---|---|")
    middle = {name: [statistics.median(reader.by(clock)) for clock in (WALL, PROCESSOR)] for name, reader in readers.items()}
    for name in sorted(middle, key=middle.get, reverse=True):
        speeds = readers[name].by(WALL)
        print(f"| {name} | {middle[name][WALL]:.0f} | {min(speeds):.0f}-{max(speeds):.0f} | {middle[name][PROCESSOR]:.0f} |")
    print()

    def ratio(other, clock=WALL):
        return statistics.median(a / b for a, b in zip(readers[OURS].by(clock), readers[other].by(clock)))

    fastest = max(PEERS, key=middle.get)
    for name, other, least in (("memcpy row by row", MEMCPY, 0.85), (f"the fastest peer, {fastest}", fastest, 3)):
        said = f"{ratio(other):.2f} x, by processor time {ratio(other, PROCESSOR):.2f} x"
        target(f"against {name}", said, f">= {least} x", ratio(other) >= least)
    slower = middle[UNALIGNED][PROCESSOR] / middle[NUMPY][PROCESSOR]
    print(f"        against NumPy's take: {ratio(NUMPY):.2f} x, by processor time {ratio(NUMPY, PROCESSOR):.2f} x; to 16 bytes past a page NumPy has {slower:.2f} x of its speed")


def first_epoch(dataset, _folder):
    found = []
    for _ in range(5):
        wait_for_quiet()
        found.append([float(word) for word in script("stream_steps.py", "epochs", dataset)])
    first, later, first_cpu, later_cpu = (statistics.median(column) for column in zip(*found))
    ratio, by_processor = (statistics.median(run[at] / run[at + 1] for run in found) for at in (0, 2))
    print(f"First epoch, every record checked: {first * 1e3:.0f} ms ({first_cpu * 1e3:.0f} of a processor); later ones: {later * 1e3:.0f} ms ({later_cpu * 1e3:.0f}); load {load()}")
    target("first epoch against later ones", f"{ratio:.2f} x, by processor time {by_processor:.2f} x", "<= 2 x", ratio <= 2)


def busy(dataset, _folder):
    wait_for_quiet()
    alone, beside = (float(word) for word in script("stream_steps.py", "busy", dataset))
    print(f"Alone {alone:.0f} clips/s; beside a busy thread of Python {beside:.0f}; load {load()}")
    target("beside a busy thread of Python", f"{beside / alone:.2f} x", ">= 0.5 x", beside >= alone / 2)


def memory(dataset, _folder):
    torch, *workers = (float(word) for word in script("stream_steps.py", "memory", dataset))
    for name, worker in zip(("a process with a stream", "a DataLoader's spawned worker"), workers, strict=True):
        target(f"memory of {name} beyond torch's {torch:.0f} MB, maps not counted", f"{worker - torch:.0f} MB", "< 150 MB", worker - torch < 150)


def resume(dataset, folder):
    for line in subprocess.run([sys.executable, HERE / "stream_resume.py", dataset, folder], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines():
        print(line)


def million(_dataset, folder):
    subprocess.run([LARGE, str(MILLION), folder / "large", str(CLASSES), str(SIDE)], check=True, stdout=subprocess.DEVNULL)
    found = []
    for _ in range(3):
        wait_for_quiet()
        found.append([float(word) for word in script("stream_steps.py", "first", folder / "large")])
    opened, first, processor, anonymous = (statistics.median(column) for column in zip(*found))
    print(f"{MILLION} clips of {SIDE} x {SIDE}, {CLASSES} classes: selected in {opened:.2f} s, {anonymous:.0f} MB; first batch after {processor:.2f} s of a processor; load {load()}")
    target("first batch", f"{first:.2f} s", f"< {2 * MILLION / 1e6:.1f} s", first < 2 * MILLION / 1e6)


STEPS = {step.__name__: step for step in (compare, first_epoch, busy, memory, resume, million)}


def main():
    steps = sys.argv[1:] or list(STEPS)
    with tempfile.TemporaryDirectory(prefix="l48-stream-") as folder:
        folder = Path(folder)
        dataset = build(folder)
        for step in steps:
            STEPS[step](dataset, folder)


if __name__ == "__main__":
    main()
