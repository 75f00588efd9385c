"""Defines `Place`, where a dataset is opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .dataset import Dataset


class Place(NamedTuple):
    """Where a dataset is opened."""

    path: str
    """Folder or address."""
    cache: str | os.PathLike[str] | None = None
    """Folder of the cache of one at an address."""
    cache_bytes: int | None = None
    """Bytes that the cache may hold."""

    @classmethod
    def of(cls, dataset: Dataset | Place | str | os.PathLike[str]) -> Place:
        """Where a dataset was opened, or the one in a folder or at an address."""
        if isinstance(dataset, Place):
            return dataset
        return cls(os.fspath(dataset)) if isinstance(dataset, (str, os.PathLike)) else dataset._opened
