"""Defines `Dataset`, an opened dataset, and `Clip`, one of its clips."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ._native import Memory, NativeDataset
from .info import DTYPES, Info
from .place import Place


@dataclass(frozen=True)
class Clip:
    """A clip: its image and where it comes from."""

    image: npt.NDArray[Any]
    """[channels,] height, width: a read-only view of the shard, which stays mapped as long as the image is there."""
    asset_id: int
    """The recording."""
    clip_index: int
    """Number of the clip in its recording."""
    ref_db: float
    """Level in dB that the values refer to, where `info.values.reference` is "clip"."""


class Dataset:
    """The dataset in a folder. Tables and clips are verified when they are touched, and compared with each other.

    Clips are numbered through the shards. A dataset may be used by several threads and in forked workers, and is opened
    anew where it is unpickled.
    """

    path: Path
    """The folder of its files; of a dataset at an address, of those that are near."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        cache: str | os.PathLike[str] | None = None,
        cache_bytes: int | None = None,
    ) -> None:
        """See `l48.open`."""
        self._opened = Place(os.fspath(path), cache, cache_bytes)
        self._native = NativeDataset(*self._opened)
        self.path = self._native.dir

    def __reduce__(self) -> tuple[type[Dataset], Place]:
        return (Dataset, self._opened)

    def __repr__(self) -> str:
        counts = self.info.counts
        return f"<l48.Dataset {self.info.name!r}: {counts.clips} clips of {counts.assets} recordings in {self._native.place}>"

    @cached_property
    def info(self) -> Info:
        """What `dataset.json` says."""
        return Info.parse(self._native.info_json())

    def __len__(self) -> int:
        return len(self._native)

    def __getitem__(self, index: int) -> Clip:
        """The clip with this number; negative ones count from the end.

        Raises ChecksumError, with the recording and the row, if its bytes are damaged.
        """
        number = operator.index(index)
        if number < 0:
            number += len(self)
        if not 0 <= number < len(self):
            raise IndexError(f"clip {index} of a dataset of {len(self)}")
        memory, asset_id, clip_index, ref_db = self._native.record(*self._native.locate(number))
        return Clip(self._image(memory), asset_id, clip_index, ref_db)

    def __iter__(self) -> Iterator[Clip]:
        return (self[number] for number in range(len(self)))

    def clips_of(self, asset_id: int) -> range:
        """The numbers of a recording's clips, which follow each other in order.

        Raises KeyError if the dataset has no clip of it.
        """
        rows = self._native.asset_rows(asset_id)
        if rows is None:
            raise KeyError(f"no recording has the asset_id {asset_id}")
        first, count = rows
        return range(first, first + count)

    @cached_property
    def taxa(self) -> pa.Table:
        """The classes, in class order: species_code, common_name, scientific_name."""
        return self._table("taxa")

    def labels(self) -> pa.Table:
        """One row a clip, in the order of the clips: times, split, present, absent and unknown classes, boxes.

        Of a dataset with the feature `heard` also `from_recording`: what the clip has of the species heard in its recording.
        """
        return self._tables("labels")

    def priors(self) -> pa.Table:
        """One row a recording: place, time, geographic and checklist prior."""
        return self._tables("priors")

    def assets(self) -> pa.Table:
        """One row a recording: source file, codec, duration, shard and rows, and `heard`, where the dataset has it."""
        return self._tables("assets")

    def rejects(self) -> pa.Table:
        """One row a recording that was left out, with the reason."""
        return self._table("rejects")

    def _tables(self, table: str) -> pa.Table:
        return pa.concat_tables(self._table(table, shard) for shard in range(self._native.shard_count))

    def _table(self, table: str, shard: int | None = None) -> pa.Table:
        return pq.read_table(pa.BufferReader(pa.py_buffer(self._native.table(table, shard))))

    def _image(self, memory: Memory) -> npt.NDArray[Any]:
        spec = self.info.clips
        shape = (spec.height, spec.width) if spec.channels is None else (spec.channels, spec.height, spec.width)
        return np.frombuffer(memoryview(memory), DTYPES[spec.dtype]).reshape(shape)
