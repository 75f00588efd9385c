"""Defines `Clips`, a map-style dataset, and `BatchSampler`, the order of its rows, for torch's `DataLoader`."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils import data

from .._native import NativeOrder, NativeSelection
from ..order import Order, warn_of_small_cache
from ..place import Place
from .asset_reg import AssetRegulariser

if TYPE_CHECKING:
    from ..dataset import Dataset

_DTYPES = {"U8": torch.uint8, "F16": torch.float16, "F32": torch.float32}


class Batch(NamedTuple):
    """A batch, or one clip, without the dimension B."""

    clips: Tensor
    """Stored values, [B, channels, height, width]."""
    labels: Tensor
    """1 where a class is known to be present, else 0, f32 [B, classes]."""
    mask: Tensor
    """1 where a class is known, else 0, f32 [B, classes]."""
    asset_id: Tensor
    """The recording of each clip, i64 [B]."""
    clip_index: Tensor
    """Its number in the recording, i64 [B]."""
    ref_db: Tensor
    """Level in dB that the values refer to, f32 [B]."""
    rows: Tensor
    """Its number in the dataset, i64 [B]."""


class Gathered(Sequence[Batch]):
    """Clips gathered in one piece, `whole`; as a sequence, one clip after the other, for any `collate_fn`."""

    def __init__(self, whole: Batch) -> None:
        """Clips of a batch."""
        self.whole = whole

    def __len__(self) -> int:
        return len(self.whole.rows)

    @overload
    def __getitem__(self, index: int) -> Batch: ...
    @overload
    def __getitem__(self, index: slice) -> Gathered: ...
    def __getitem__(self, index: int | slice) -> Batch | Gathered:
        """A clip, or some of them, without a copy."""
        part = Batch(*(field[index] for field in self.whole))
        return Gathered(part) if isinstance(index, slice) else part


def collate(gathered: Gathered | Sequence[Batch]) -> Batch:
    """The batch that `Clips` has gathered, as it is: the `collate_fn` for a `DataLoader`.

    The default one gives the same, but copies every clip once more.
    """
    if isinstance(gathered, Gathered):
        return gathered.whole
    return Batch(*(torch.stack(field) for field in zip(*gathered, strict=True)))


class Clips(data.Dataset[Batch]):
    """The clips of a split, with what `mode` shows of their labels; `clips[i]` is the i-th of those selected.

    `__getitems__` gathers a whole batch in one call. Clips may be used in forked workers, and are opened anew where
    they are unpickled, so that any start method of workers does.

    >>> clips = Clips("data/birds", split="train", mode="checklist")
    >>> sampler = BatchSampler(clips, batch=64, seed=48)
    >>> loader = data.DataLoader(clips, batch_sampler=sampler, num_workers=2, collate_fn=collate)
    >>> next(iter(loader)).clips.shape
    torch.Size([64, 1, 448, 448])
    """

    def __init__(
        self,
        dataset: Dataset | str | os.PathLike[str],
        split: Literal["train", "val", "test"] = "train",
        mode: Literal["target", "geo", "checklist", "full"] | None = "target",
        *,
        rows: Literal["own", "common"] = "own",
        keep_silent: bool = False,
        remove_unannotated: bool = True,
        remove_empty: bool = False,
    ) -> None:
        """Selects clips as `l48-train` selects its training rows, from a dataset, or its folder or address.

        With `mode=None` they are those to measure on: every clip of which all classes are known, with all of them.
        Modes, `rows` and filters are those of docs/training.md.

        Raises ValueError where nothing is left to use, or no recording has the prior that the mode needs; DatasetError
        and ChecksumError for damaged tables.
        """
        self._choice = (Place.of(dataset), split, mode, rows, (keep_silent, remove_unannotated, remove_empty))
        self._open()

    def _open(self) -> None:
        from ..dataset import Dataset

        self._native = NativeSelection(*self._choice)
        spec = Dataset(*self._choice[0]).info.clips
        self._dtype, self._shape = _DTYPES[spec.dtype], (spec.channels or 1, spec.height, spec.width)

    def __getstate__(self) -> tuple[Any, ...]:
        return self._choice

    def __setstate__(self, choice: tuple[Any, ...]) -> None:
        self._choice = choice
        self._open()

    def __len__(self) -> int:
        return len(self._native)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self._native.classes

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The number in the dataset of each clip selected, ascending."""
        return np.frombuffer(self._native.rows(), np.int64)

    @property
    def asset_ids(self) -> npt.NDArray[np.int64]:
        """The recording of each clip selected."""
        return np.frombuffer(self._native.asset_ids(), np.int64)

    def __getitem__(self, index: int) -> Batch:
        """A clip, verified; raises ChecksumError, with recording and row, if it is damaged."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"clip {index} of {len(self)}")
        return self.__getitems__([index % len(self)])[0]

    def __getitems__(self, indices: Sequence[int]) -> Gathered:
        """The clips with these numbers, gathered in one call."""
        memory, places = self._native.gather([int(index) for index in indices])

        def part(place: int, dtype: torch.dtype, *shape: int) -> Tensor:
            size = (len(indices), *shape)
            if not indices:
                return torch.empty(size, dtype=dtype)
            return torch.frombuffer(memory, dtype=dtype, count=math.prod(size), offset=places[place]).reshape(size)

        # Whoever keeps labels does not keep the clips beside them.
        return Gathered(
            Batch(
                clips=part(0, self._dtype, *self._shape),
                labels=part(1, torch.float32, self.classes).clone(),
                mask=part(2, torch.float32, self.classes).clone(),
                asset_id=part(3, torch.int64).clone(),
                clip_index=part(4, torch.int64).clone(),
                ref_db=part(5, torch.float32).clone(),
                rows=part(6, torch.int64).clone(),
            )
        )

    def regulariser(self, **settings: Any) -> AssetRegulariser:
        """The asset regulariser of these clips; `settings` are those of `AssetRegulariser`."""
        positives = [np.frombuffer(part, np.int64) for part in self._native.positives()]
        return AssetRegulariser(self.asset_ids, positives, self.classes, rows=self.rows, **settings)


class BatchSampler(Order, data.Sampler[list[int]]):
    """The order of the rows of `Clips`, batch by batch: a function of seed, epoch and rows, as in `l48-train`.

    `batch` is the size of the global batch: rank r of `ranks` gets its even, contiguous part, so that the parts in
    order are the same whatever the number of ranks. No batch is dropped, and none is a single row.

    Each pass is an epoch; see `Order`. A `DataLoader` with workers reads ahead of what is trained on, so its user says
    how many batches are done: `sampler.state_dict(done)`.
    """

    def __init__(
        self,
        clips: Clips,
        batch: int,
        seed: int = 48,
        *,
        rank: int = 0,
        ranks: int = 1,
        clips_per_asset: int | None = None,
        max_clips_per_asset: int | None = None,
        class_balanced: bool = False,
    ) -> None:
        """The order of `clips`; the settings are those of docs/training.md. There is a warning where it goes over more
        than the cache of a dataset at an address may hold.

        Raises ValueError for settings that do not fit each other.
        """
        of_asset, share = (clips_per_asset, max_clips_per_asset), (rank, ranks)
        super().__init__(NativeOrder(clips._native, batch, seed, of_asset, class_balanced, share))
        warn_of_small_cache(clips._native)
        self._clips = clips
        self.batch_size, self.drop_last = batch, False

    def __iter__(self) -> Iterator[list[int]]:
        """The next epoch, or the rest of the one whose state was loaded."""
        epoch, first = self._begin()
        for step in range(first, len(self)):
            # Whatever process reads them: the shards of a dataset at an address come to a cache that all share.
            self._clips._native.expect(self._order, epoch, step)
            rows = self._order.batch(epoch, step)
            if self._epoch == epoch:
                self._taken = step + 1
            yield rows
