"""Defines `Stream`, the batches of a split in order, which threads load while others are used, and `Batch`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ._native import Memory, NativeSelection, NativeStream
from .order import Order

if TYPE_CHECKING:
    from .dataset import Dataset


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch. Its arrays are views of memory that is filled anew once none of them is left, and may be written to."""

    clips: npt.NDArray[Any]
    """Stored values, [B, channels, height, width]."""
    labels: npt.NDArray[np.float32]
    """1 where a class is known to be present, else 0, [B, classes]."""
    mask: npt.NDArray[np.float32]
    """1 where a class is known, else 0, [B, classes]."""
    asset_id: npt.NDArray[np.int64]
    """The recording of each clip, [B]."""
    clip_index: npt.NDArray[np.int64]
    """Its number in the recording, [B]."""
    ref_db: npt.NDArray[np.float32]
    """Level in dB that the values refer to, [B]."""
    rows: npt.NDArray[np.int64]
    """Its number in the dataset, [B]."""


class Stream(Order):
    """The batches of a split as `mode` shows them, one epoch a pass.

    Threads load the next batches while one is used; there are no worker processes. Every record is verified when it is
    first touched. `batch` is the size of the global batch: rank r of `ranks` gets its even, contiguous part, so that
    the parts in order are the same sequence whatever the number of ranks. No batch is dropped, and none is a single row.

    A stream may be used in forked workers, and is opened anew, at its place, where it is unpickled. A pass belongs to
    the process that has begun it.

    >>> stream = Stream("data/birds", split="train", mode="checklist", batch=64, seed=48, clips_per_asset=4)
    >>> for batch in stream:
    ...     break
    >>> batch.clips.shape
    (64, 1, 448, 448)
    >>> stream.state_dict()["rows_consumed"]
    64
    """

    def __init__(
        self,
        dataset: Dataset | str | os.PathLike[str],
        split: Literal["train", "val", "test"] = "train",
        mode: Literal["target", "geo", "checklist", "full"] = "target",
        batch: int = 64,
        seed: int = 48,
        *,
        rank: int = 0,
        ranks: int = 1,
        clips_per_asset: int | None = None,
        max_clips_per_asset: int | None = None,
        class_balanced: bool = False,
        rows: Literal["own", "common"] = "own",
        keep_silent: bool = False,
        remove_unannotated: bool = True,
        remove_empty: bool = False,
        threads: int = 2,
    ) -> None:
        """Selects and orders clips of a dataset, or of its folder, as `l48-train` does with the same settings, which
        docs/training.md explains.

        Raises ValueError where nothing is left to use, for settings that do not fit each other, and where no recording
        has the prior that the mode needs; DatasetError and ChecksumError for damaged tables.
        """
        from .dataset import Dataset

        if threads < 1:
            raise ValueError(f"threads is {threads}, but must be at least 1")
        opened = dataset if isinstance(dataset, Dataset) else Dataset(dataset)
        filters = (keep_silent, remove_unannotated, remove_empty)
        order = (batch, seed, (clips_per_asset, max_clips_per_asset), class_balanced, (rank, ranks))
        self._settings = (Path(opened.path), split, mode, rows, filters), order, threads
        self._form = opened.image_form
        self._open()

    def _open(self) -> None:
        selection, order, self._threads = self._settings
        self._selection = NativeSelection(*selection)
        super().__init__(self._selection, *order)

    def __getstate__(self) -> tuple[Any, ...]:
        return self._settings, self._form, (self._epoch, self._drawn, self._next)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._settings, self._form, (epoch, drawn, following) = state
        self._open()
        self._epoch, self._drawn, self._next = epoch, drawn, following

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self._selection.classes

    def __iter__(self) -> Iterator[Batch]:
        """The next epoch, or the rest of the one whose state was loaded."""
        epoch, step = self._begin()
        native = NativeStream(self._selection, self._order, epoch, step, self._threads)
        try:
            while (loaded := native.next()) is not None:
                self._draw(epoch, step)
                step += 1
                yield self._batch(*loaded)
        finally:
            native.close()

    def _batch(self, memory: Memory, rows: int, places: list[int]) -> Batch:
        dtype, shape = self._form
        classes = self.classes
        view = memoryview(memory)

        def part(number: int, kind: npt.DTypeLike, *of_row: int) -> npt.NDArray[Any]:
            count = rows * int(np.prod(of_row))
            return np.frombuffer(view, kind, count, places[number] if count else 0).reshape(rows, *of_row)

        return Batch(
            clips=part(0, dtype, *shape),
            labels=part(1, np.float32, classes),
            mask=part(2, np.float32, classes),
            asset_id=part(3, np.int64),
            clip_index=part(4, np.int64),
            ref_db=part(5, np.float32),
            rows=part(6, np.int64),
        )
