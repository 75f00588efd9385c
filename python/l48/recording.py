"""Defines `windows`, the windows of a recording as a run has seen those it was trained on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ._native import NativeClips
from .errors import DatasetError
from .info import DTYPES


@dataclass(frozen=True)
class Window:
    """A window of a recording."""

    image: npt.NDArray[Any]
    """Stored values, height, width: row 0 is the lowest frequency."""
    start_s: float
    """Where it starts in the recording, in seconds."""
    end_s: float
    """Where its sound ends: before the window does, if the recording is over."""


def windows(path: str | os.PathLike[str], run: str | os.PathLike[str], hop_s: float | None = None) -> Iterator[Window]:
    """See `l48.clips`."""
    record = Path(run) / "run.json"
    if not record.is_file():
        raise DatasetError(f"{record}: no such file; there is no run in this folder", record)
    return _read(NativeClips(path, record, hop_s))


def _read(native: NativeClips) -> Iterator[Window]:
    dtype, height, width = native.shape
    while (found := native.next()) is not None:
        stored, start_s, end_s = found
        yield Window(np.frombuffer(stored, DTYPES[dtype]).reshape(height, width), start_s, end_s)
