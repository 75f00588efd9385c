"""Defines the measures of multi-label scores: average precision of a class, and its mean over classes (mAP)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Evaluation", "average_precision", "evaluate", "map"]


@dataclass(frozen=True)
class Evaluation:
    """What is measured of scores; all values but counts are from 0 to 1."""

    ap: npt.NDArray[np.float64]
    """Average precision of each class, f64 [classes]; 0 for a class without positives."""
    map: float
    """Mean of `ap` over all classes: the published number."""
    map_occurring: float
    """Mean of `ap` over the classes with positives; 0 if there are none."""
    chance: float
    """`map` of a constant score: the mean over all classes of the share of clips with them."""
    positives: npt.NDArray[np.int64]
    """Clips with each class, of those kept, i64 [classes]."""
    kept: npt.NDArray[np.int64]
    """The rows measured on, ascending: those of which every class is known."""
    left_out: int
    """Number of the other rows."""


def average_precision(scores: npt.ArrayLike, positive: npt.ArrayLike) -> float:
    """Average precision of one class, as scikit-learn computes it: the sum of (R_n - R_{n-1}) P_n over the distinct
    scores, highest first. Rows of equal score enter together, and nothing is interpolated. 0 without positives.

    >>> average_precision([.1, .8, .9, .8, .1], [1, 1, 1, 0, 0])  # P 1, 2/3, 3/5 at R 1/3, 2/3, 1
    0.7555555555555555

    Raises ValueError for arrays [N] that do not fit each other, and for a score that is not a number.
    """
    s, y = np.asarray(scores), np.asarray(positive) != 0
    if s.ndim != 1 or s.shape != y.shape:
        raise ValueError(f"scores {s.shape} and positive {y.shape} must be of one shape [N]")
    if np.isnan(s).any():
        raise ValueError(f"the score of row {int(np.isnan(s).argmax())} is not a number")
    return _of_class(s, y)


def evaluate(scores: npt.ArrayLike, labels: npt.ArrayLike, mask: npt.ArrayLike | None = None) -> Evaluation:
    """Measures `scores` against `labels` [N, classes], where an entry of `mask` is 0 if its label is unknown.

    A row of which any class is unknown is left out for every class. Without a mask all is known. Equal to what
    `l48-train eval` measures, to the last bits of an f64. O(N log N) a class.

    >>> evaluate([[.9, .1], [.2, .8], [.7, .3]], [[1, 0], [0, 1], [1, 1]]).ap
    array([1., 1.])

    Raises ValueError for arrays that do not fit each other, a score that is not a number, and if no row is left.
    """
    s, y = np.asarray(scores), np.asarray(labels) != 0
    known = np.ones(y.shape, bool) if mask is None else np.asarray(mask) != 0
    if s.ndim != 2 or s.shape[1] == 0 or not s.shape == y.shape == known.shape:
        shapes = f"scores {s.shape}, labels {y.shape} and mask {known.shape}"
        raise ValueError(f"{shapes} must be of one shape [N, classes]")
    if np.isnan(s).any():
        row, column = (int(at) for at in np.argwhere(np.isnan(s))[0])
        raise ValueError(f"the score of row {row}, class {column} is not a number")
    kept = np.flatnonzero(known.all(axis=1))
    if not kept.size:
        raise ValueError(f"nothing to measure: in each of the {len(s)} rows some class is unknown")
    s, y = s[kept], y[kept]
    ap = np.array([_of_class(s[:, column], y[:, column]) for column in range(s.shape[1])])
    positives = y.sum(axis=0, dtype=np.int64)
    occurring = ap[positives > 0]
    return Evaluation(
        ap=ap,
        map=float(ap.mean()),
        map_occurring=float(occurring.mean()) if occurring.size else 0.0,
        chance=float((positives / kept.size).mean()),
        positives=positives,
        kept=kept,
        left_out=len(known) - kept.size,
    )


def map(scores: npt.ArrayLike, labels: npt.ArrayLike, mask: npt.ArrayLike | None = None) -> float:
    """Mean average precision, 0 to 1: `evaluate(...).map`.

    >>> map([[.9, .1], [.2, .8], [.7, .3]], [[1, 1], [0, 1], [1, 0]], [[1, 1], [1, 0], [1, 1]])
    0.75
    """
    return evaluate(scores, labels, mask).map


def _of_class(scores: npt.NDArray[np.generic], positive: npt.NDArray[np.bool_]) -> float:
    if not positive.any():
        return 0.0
    order = np.argsort(scores, kind="stable")[::-1]
    ranked = scores[order]
    # The last row of each score; zeros of both signs are equal.
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    hits = np.cumsum(positive[order])[last]
    return float((np.diff(hits, prepend=0) * (hits / (last + 1))).sum() / hits[-1])
