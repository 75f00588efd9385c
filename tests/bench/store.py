"""Measures what a store costs: a copy and the first epoch against the link's rate, and requests by command.

Run it with an interpreter that has the package `l48` and what its tests need:

    .venv-reach/bin/python tests/bench/store.py [MB/s ...]
"""

import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import l48

sys.path.insert(0, str(Path(__file__).parents[2] / "python/tests"))
import stores

PROGRAM = Path(sys.executable).parent / "l48"
PIECE = 1 << 16
WINDOW = 2
ROUNDS = 7


class Link:
    """Lets bytes pass at a rate, whoever sends them."""

    def __init__(self, bytes_per_s: float) -> None:
        self.bytes_per_s, self.free, self.lock = bytes_per_s, 0.0, threading.Lock()

    def wait(self, count: int) -> None:
        with self.lock:
            self.free = max(self.free, time.monotonic()) + count / self.bytes_per_s
            until = self.free
        time.sleep(max(0.0, until - time.monotonic()))


def throttled(folder: Path, link: Link) -> type[stores.Handler]:
    """Serves `folder` in ranges through `link`."""

    class Files(stores.Handler):
        def do_GET(self, head: bool = False) -> None:
            path = folder / self.path.lstrip("/")
            if not path.is_file():
                return self.reply(404, {}, b"", head)
            size = path.stat().st_size
            wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
            first, end = (int(wanted[1]), min(int(wanted[2]) + 1, size)) if wanted else (0, size)
            headers = {"ETag": f'"{size}"', "Last-Modified": "Mon, 01 Jun 2026 10:00:00 GMT", "Content-Length": str(end - first)}
            if wanted:
                headers["Content-Range"] = f"bytes {first}-{end - 1}/{size}"
            self.reply(206 if wanted else 200, headers, b"", True)
            with path.open("rb") as file:
                file.seek(first)
                while not head and (piece := file.read(min(PIECE, end - file.tell()))):
                    link.wait(len(piece))
                    self.wfile.write(piece)

        def do_HEAD(self) -> None:
            self.do_GET(head=True)

    return Files


def run(*command: object, **environment: str) -> float:
    """Seconds that a command takes."""
    begun = time.monotonic()
    subprocess.run([str(word) for word in (PROGRAM, *command)], check=True, stdout=subprocess.DEVNULL, env=environment or None)
    return time.monotonic() - begun


def build(place: Path, clips: int) -> Path:
    """A manifest of the demo with shards of so many clips."""
    if not (place / "recordings").exists():
        run("demo", place / "recordings")
    text = (place / "recordings/manifest.toml").read_text()
    manifest = place / f"recordings/shards-{clips}.toml"
    manifest.write_text(re.sub(r"\[shards\]\n(.+\n)*", "", text) + f"\n[shards]\nclips = {clips}\n")
    return manifest


def stream(dataset: l48.Dataset | Path) -> l48.Stream:
    return l48.Stream(dataset, "train", mode="geo", batch=16, seed=48, order="window", window_shards=WINDOW, buffers=6)


def clips_per_s(batches: l48.Stream) -> tuple[float, float]:
    """Clips a second over the next epoch, and its seconds."""
    begun = time.monotonic()
    clips = sum(len(batch) for batch in batches)
    seconds = time.monotonic() - begun
    return clips / seconds, seconds


def against_the_link(place: Path, dataset: Path, rate_mb: float) -> None:
    link = Link(rate_mb * 1e6)
    total = sum(path.stat().st_size for path in dataset.rglob("*") if path.is_file())
    shards = sum(path.stat().st_size for path in (dataset / "shards").iterdir())
    with stores.serve(throttled(dataset, link)) as server:
        seconds = run("copy", server, place / f"copy-{rate_mb:.0f}")
        print(f"{rate_mb:.0f} MB/s: copy {total / seconds / rate_mb / 1e4:.0f} % of the link ({seconds:.1f} s)")
        begun = time.monotonic()
        far, near = stream(l48.open(server, place / f"cache-{rate_mb:.0f}")), stream(dataset)
        opened = time.monotonic() - begun
        rate, seconds = clips_per_s(far)
        part = shards / seconds / rate_mb / 1e4
        print(f"{rate_mb:.0f} MB/s: opened in {opened:.1f} s; first epoch {rate:.0f} clips/s ({seconds:.1f} s, {part:.0f} % of the link)")
        warm = [(clips_per_s(far)[0], clips_per_s(near)[0]) for _ in range(ROUNDS)]
        cached, here = (statistics.median(rates) for rates in zip(*warm, strict=True))
        print(f"{rate_mb:.0f} MB/s: warm {cached:.0f} clips/s, of the folder {here:.0f} (medians of {ROUNDS} epochs)")


def requests(place: Path, manifest: Path, shards: int) -> None:
    with stores.s3() as moto:
        stores.make_bucket(moto, "lab")
        counts: Counter[str] = Counter()
        with stores.serve(stores.proxy(moto, lambda method, *_: counts.update([method]))) as proxy:
            told = stores.environment(place, proxy)
            url, scratch = "s3://lab/birds", ("--scratch", place / "scratch")
            for name, command in [
                ("plan", ("plan", manifest, "--out", url)),
                ("build", ("build", manifest, "--out", url, "--part", "0/1", *scratch)),
                ("build again", ("build", manifest, "--out", url, "--part", "0/1", *scratch)),
                ("status", ("status", url)),
                ("commit", ("commit", url, *scratch)),
                ("stats", ("stats", url)),
            ]:
                counts.clear()
                seconds = run(*command, **told)
                print(f"{shards} shards, {name}: {sum(counts.values())} requests {dict(counts)}, {seconds:.1f} s")


def main() -> None:
    rates = [float(rate) for rate in sys.argv[1:]] or [20.0, 50.0, 100.0]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for clips in (128, 16):
            manifest = build(place, clips)
            run("build", manifest, "--out", place / f"birds-{clips}")
            requests(place, manifest, len(list((place / f"birds-{clips}/shards").iterdir())))
        for rate in rates:
            against_the_link(place, place / "birds-128", rate)


if __name__ == "__main__":
    main()
