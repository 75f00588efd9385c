"""Checks that the peers stored what `l48` stored, but for resamplers, decoders and rounding: `same_job.py DIR KIND...`."""
import json, sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from safetensors import safe_open

SIDE = 448
# A step is 0.31 dB. Near the Nyquist frequency the resamplers' filters differ, so the check is of the middle of the differences.
MAX_MEDIAN_STEPS = 1


def first_clips(folder):
    """Path of each recording and its first clip as `l48` stored it."""
    for shard in sorted((folder / "out/shards").iterdir()):
        with safe_open(shard, framework="numpy") as opened:
            clips = opened.get_slice("clips")
            for asset in pq.read_table(folder / f"out/assets/{shard.stem}.parquet").to_pylist():
                yield str(folder / "hour" / asset["path"]), clips[asset["first_row"]].astype(int)


def main():
    folder, kinds = Path(sys.argv[1]), sys.argv[2:]
    rows = json.load(sys.stdin)
    ours = dict(first_clips(folder))
    for kind in kinds:
        steps = []
        for number, firsts in enumerate(rows[kind]):
            peer = np.memmap(folder / f"{kind}{number}.raw", np.uint8, "r").reshape(-1, SIDE, SIDE)
            steps += [np.median(np.abs(peer[row] - ours[path])) for path, row in firsts.items()]
        print(f"{kind}: first clips of {len(steps)} recordings compared: median difference {np.median(steps):.2f} steps, at most {max(steps):.2f}")
        if np.median(steps) > MAX_MEDIAN_STEPS:
            sys.exit("the peer does another job")


main()
