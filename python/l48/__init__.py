"""Datasets of spectrograms of wildlife sound: `open` one that the program `l48` has built, and read it.

>>> birds = open("data/birds")      # doctest: +SKIP
>>> birds[17].image.shape           # doctest: +SKIP
(448, 448)
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .errors import ChecksumError, DatasetError, RecordingError

if TYPE_CHECKING:
    from .dataset import Clip, Dataset
    from .recording import Window
    from .stream import Batch, Stream, run_state

__all__ = [
    "Batch",
    "ChecksumError",
    "Clip",
    "Dataset",
    "DatasetError",
    "RecordingError",
    "Stream",
    "Window",
    "clips",
    "open",
    "run_state",
]


def open(
    path: str | os.PathLike[str], cache: str | os.PathLike[str] | None = None, cache_bytes: int | None = None
) -> Dataset:
    """Opens the dataset in a folder or at an address (s3://, gs://, az://, https://); no clip is read.

    The files of a dataset at an address come to the folder `cache` when they are touched, verified, and the ones that
    were not used for longest leave it beyond `cache_bytes`. Without them the variables L48_CACHE and L48_CACHE_BYTES
    say, else it is the folder l48 among your caches, and 100 GiB.

    Raises DatasetError if there is none, or its tables do not fit each other, and ChecksumError if a table is damaged.
    """
    from .dataset import Dataset

    return Dataset(path, cache, cache_bytes)


def clips(path: str | os.PathLike[str], run: str | os.PathLike[str], hop_s: float | None = None) -> Iterator[Window]:
    """The windows of a recording as a run of `l48-train` has seen those it was trained on: the same images, byte for byte.

    Windows lie end to end, or start `hop_s` seconds after one another. They are decoded and rendered one after the other,
    as they are asked for.

    >>> for window in clips("dawn.wav", run="runs/birds"):      # doctest: +SKIP
    ...     print(window.start_s, window.image.shape)

    Raises RecordingError, at once or between two windows, if the recording cannot be decoded exactly, and DatasetError if
    there is no run, or one on pictures.
    """
    from .recording import windows

    return windows(path, run, hop_s)


def __getattr__(name: str) -> object:
    # NumPy and pyarrow take longer to import than the program takes to start.
    if name in ("Clip", "Dataset"):
        from . import dataset

        return getattr(dataset, name)
    if name == "Window":
        from . import recording

        return recording.Window
    if name in ("Batch", "Stream", "run_state"):
        from . import stream

        return getattr(stream, name)
    if name in ("metrics", "ray", "torch"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
