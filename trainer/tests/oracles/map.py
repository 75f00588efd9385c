"""Writes fixtures/map/random.safetensors: average precision by scikit-learn (1.9, numpy, safetensors), of continuous scores.

Scores are f32, higher where a class is present; a few are made equal. Rows that are not annotated are dropped for every class.
"""

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from sklearn.metrics import average_precision_score

ROWS, CLASSES = 1000, 12

random = np.random.default_rng(48)
labels = (random.random((ROWS, CLASSES)) < np.linspace(0.01, 0.4, CLASSES)).astype(np.uint8)
scores = random.random((ROWS, CLASSES), dtype=np.float32) + 0.3 * labels.astype(np.float32)
scores[1::50] = scores[::50]
annotated = (random.random(ROWS) < 0.8).astype(np.uint8)
kept = annotated == 1
ap = np.array([average_precision_score(labels[kept, c], scores[kept, c]) for c in range(CLASSES)])
path = Path(__file__).parent.parent / "fixtures/map/random.safetensors"
save_file({"scores": scores, "labels": labels, "annotated": annotated, "ap": ap, "map": np.array([ap.mean()])}, path)
