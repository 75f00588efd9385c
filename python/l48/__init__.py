"""Datasets of spectrograms of wildlife sound: `open` one that the program `l48` has built, and read it.

>>> birds = open("data/birds")      # doctest: +SKIP
>>> birds[17].image.shape           # doctest: +SKIP
(448, 448)
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

from .errors import ChecksumError, DatasetError

if TYPE_CHECKING:
    from .dataset import Clip, Dataset
    from .stream import Batch, Stream, run_state

__all__ = ["Batch", "ChecksumError", "Clip", "Dataset", "DatasetError", "Stream", "open", "run_state"]


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


def __getattr__(name: str) -> object:
    # NumPy and pyarrow take longer to import than the program takes to start.
    if name in ("Clip", "Dataset"):
        from . import dataset

        return getattr(dataset, name)
    if name in ("Batch", "Stream", "run_state"):
        from . import stream

        return getattr(stream, name)
    if name in ("metrics", "ray", "torch"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
