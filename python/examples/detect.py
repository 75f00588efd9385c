"""Finds the classes of a run of `l48-train` in recordings, in plain PyTorch, and prints them as CSV.

    python detect.py runs/birds dawn.wav dusk.flac --min-score 0.5 > detections.csv

A recording that cannot be decoded is named on standard error, and the others go on. It takes a GPU if there is one.
"""

from __future__ import annotations

import argparse
import csv
import sys
from itertools import islice

import l48
import numpy as np
import torch

parser = argparse.ArgumentParser(description="Find the classes of a run in recordings.")
parser.add_argument("run")
parser.add_argument("recordings", nargs="+")
parser.add_argument("--hop", type=float, help="seconds between the starts of windows; by default they lie end to end")
parser.add_argument("--min-score", type=float, default=0.25)


@torch.no_grad()
def main() -> int:
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = l48.torch.load_run(args.run).to(device)
    table, refused = csv.writer(sys.stdout), 0
    table.writerow(["path", "start_s", "end_s", "species_code", "probability"])
    for path in args.recordings:
        try:
            clips = l48.clips(path, args.run, args.hop)
            while windows := list(islice(clips, 64)):
                images = torch.from_numpy(np.stack([window.image for window in windows]))
                scores = model(images[:, None].to(device)).sigmoid().cpu().numpy()
                for window, classes in zip(windows, scores):
                    for code, score in zip(model.classes, classes):
                        if score >= args.min_score:
                            table.writerow([path, window.start_s, window.end_s, code, score])
        except l48.RecordingError as error:
            print(error, file=sys.stderr)
            refused += 1
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
