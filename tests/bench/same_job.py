"""Checks that the peers stored what `l48` stored, but for their resamplers and rounding: `same_job.py DIR KIND...`."""
import json, sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from safetensors import safe_open

SIDE = 448
# A step is 0.31 dB. Near the Nyquist frequency the resamplers' filters differ, so the check is of the middle of the differences.
MAX_MEDIAN_STEPS = 1


def main():
    folder, kinds = Path(sys.argv[1]), sys.argv[2:]
    rows = json.load(sys.stdin)
    assets = pq.read_table(folder / "out/assets/00000.parquet").to_pylist()
    with safe_open(folder / "out/shards/00000.safetensors", framework="numpy") as shard:
        clips = shard.get_slice("clips")
        for kind in kinds:
            steps = []
            for number, firsts in enumerate(rows[kind]):
                peer = np.memmap(folder / f"{kind}{number}.raw", np.uint8, "r").reshape(-1, SIDE, SIDE)
                for asset in assets:
                    first = firsts.get(str(folder / "hour" / asset["path"]))
                    if first is not None:
                        difference = peer[first].astype(int) - clips[asset["first_row"]].astype(int)
                        steps.append(np.median(np.abs(difference)))
            print(f"{kind}: {len(steps)} clips compared, median difference {np.median(steps):.2f} steps, at most {max(steps):.2f}")
            if np.median(steps) > MAX_MEDIAN_STEPS:
                sys.exit("the peer does another job")


main()
