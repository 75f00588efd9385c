"""Defines `Stream`, the batches of an epoch in the order of `l48-train`, and `run_state`, a place in it from a run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ._native import NativeOrder, NativeSelection, NativeStream
from .errors import DatasetError
from .info import DTYPES
from .order import Order, warn_of_small_cache
from .place import Place

if TYPE_CHECKING:
    from .dataset import Dataset

_ALIGNMENT = 64
"""Bytes that a batch's memory is aligned to."""

_RING_BYTES = 112 << 20
"""Memory for batches, where it is not said how many: over 10 ms of them at the speed of memory, and so longer than another
thread of Python keeps the interpreter (5 ms)."""

_RING_BATCHES = (4, 128)
"""Batches that there is memory for at least, and at most, where it is not said."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch. Its arrays may be kept, and written to: the memory of clips is used again only when nobody has them any
    more. The other arrays have memory of their own, so that who keeps labels does not keep clips."""

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

    def __len__(self) -> int:
        """Number of clips B."""
        return len(self.rows)


class Stream(Order):
    """Batches of the clips of a split, with what `mode` shows of their labels, in the order of `l48-train`.

    The order of an epoch is a function of seed, epoch and rows. `batch` is the size of the global batch: rank r of
    `ranks` gets its even, contiguous part, of sizes that differ by one at most, so that the parts in order are the same
    whatever the number of ranks. All ranks have the same number of batches; where a batch has fewer rows than there are
    ranks, some parts are empty.

    Each `for` is an epoch, and the next `for` the next one; the first after `load_state_dict` begins where the state was
    saved. Threads of this process load what follows meanwhile, from the first `for` on: there are no worker processes.
    A stream may be used in forked workers, which have threads of their own, and is opened anew where it is unpickled, to
    continue from its state.

    >>> stream = Stream("data/birds", split="train", mode="checklist", batch=64, seed=48)
    >>> for batch in stream:
    ...     break
    >>> batch.clips.shape, batch.clips.dtype
    ((64, 1, 448, 448), dtype('uint8'))
    >>> state = stream.state_dict()
    >>> state["epoch"], state["rows_consumed"]
    (1, 64)
    """

    def __init__(
        self,
        dataset: Dataset | str | os.PathLike[str],
        split: Literal["train", "val", "test"] = "train",
        mode: Literal["target", "geo", "checklist", "full"] | None = "target",
        batch: int = 16,
        seed: int = 48,
        *,
        rank: int = 0,
        ranks: int = 1,
        clips_per_asset: int | None = None,
        max_clips_per_asset: int | None = None,
        class_balanced: bool = False,
        order: Literal["shuffled", "window", "stored"] = "shuffled",
        window_shards: int | None = None,
        drop_last: bool = False,
        rows: Literal["own", "common"] = "own",
        keep_silent: bool = False,
        remove_unannotated: bool = True,
        remove_empty: bool = False,
        permute_labels: bool = False,
        block_mean: tuple[int, int] | None = None,
        threads: int = 2,
        buffers: int | None = None,
        allocate: Callable[[int], Any] | None = None,
    ) -> None:
        """Selects and orders clips of a dataset, or of its folder or address.

        Modes, filters and orders are those of docs/training.md. The shards of a dataset at an address come to its cache
        when they are touched, the next ones of the order ahead: with `order="window"` those of the next window while one
        is used. There is a warning where a shuffle goes over more than the cache may hold.

        With `mode=None` the clips are those to measure on: every clip of which all classes are known, with all of them.
        `order="stored"` is the order of the dataset. `drop_last` leaves out the last batch of an epoch where it is
        smaller than the others. `permute_labels` gives each clip labels and mask of another one, by `seed`: the control of
        `l48-train`. `block_mean=(height, width)` gives means over blocks of the stored bytes, as f32.

        `threads` load, that of the `for` among them while it waits. `buffers` says how many batches there is memory
        for, two of them in the hands of the loop; more are added where more are kept. `allocate(bytes)` gives memory for
        one, writable, aligned to 64 bytes and used by nobody else, for example pinned:
        `lambda bytes: torch.empty(bytes, dtype=torch.uint8, pin_memory=True).numpy()`.

        Raises ValueError for settings that do not fit each other, where nothing is left to use, or no recording has the
        prior that the mode needs; DatasetError and ChecksumError for damaged tables.
        """
        self._settings = dict(locals())
        for name in ("self", "__class__"):
            del self._settings[name]
        place = Place.of(dataset)
        self._settings["dataset"] = place
        filters = (keep_silent, remove_unannotated, remove_empty)
        self._selection = NativeSelection(place, split, mode, rows, filters, seed if permute_labels else None)
        of_asset, share = (clips_per_asset, max_clips_per_asset), (rank, ranks)
        super().__init__(
            NativeOrder(self._selection, batch, seed, of_asset, class_balanced, share, order, window_shards, drop_last)
        )
        if order == "shuffled":
            warn_of_small_cache(self._selection)
        depth = (_RING_BYTES, *_RING_BATCHES) if buffers is None else buffers
        self._native = NativeStream(
            self._selection, self._order, threads, block_mean, depth, _aligned if allocate is None else allocate
        )
        dtype, *shape = self._native.shape
        self._dtype, self._shape, self._places = DTYPES[dtype], shape, self._native.places
        # How many passes were begun.
        self._passes = 0

    def __reduce__(self) -> tuple[Callable[..., Stream], tuple[dict[str, Any], dict[str, Any]]]:
        return (_opened, (self._settings, self.state_dict()))

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self._selection.classes

    @property
    def buffers(self) -> int:
        """Batches that there is memory for."""
        return self._native.depth

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The number in the dataset of each clip selected, ascending."""
        return np.frombuffer(self._selection.rows(), np.int64)

    @property
    def asset_ids(self) -> npt.NDArray[np.int64]:
        """The recording of each clip selected."""
        return np.frombuffer(self._selection.asset_ids(), np.int64)

    def __iter__(self) -> Iterator[Batch]:
        """The next epoch, or the rest of the one whose state was loaded.

        A batch with a damaged clip raises ChecksumError, with shard, recording and row. Threads end when the loop is left
        early, and with the stream; after a whole epoch they have begun with the next.
        """
        self._passes += 1
        this_pass = self._passes
        epoch, first = self._begin()
        whole = False
        try:
            for step in range(first, len(self)):
                if self._passes != this_pass:
                    raise RuntimeError("a later pass over this stream has begun; use one stream for each loop")
                # Nothing of it is held here: its memory is free when the loop lets go of it.
                yield self._take(epoch, step)
            whole = True
        finally:
            if not whole and self._passes == this_pass:
                self._native.stop()

    def _take(self, epoch: int, step: int) -> Batch:
        memory, count = self._native.batch(epoch, step)
        self._taken = step + 1
        whole = np.frombuffer(memoryview(memory), np.uint8)

        def part(place: int, dtype: Any, *shape: int) -> npt.NDArray[Any]:
            dtype = np.dtype(dtype)
            begin = self._places[place]
            size = dtype.itemsize * count * int(np.prod(shape, dtype=np.int64))
            array: npt.NDArray[Any] = whole[begin : begin + size].view(dtype).reshape(count, *shape)
            return array

        classes = self.classes
        return Batch(
            clips=part(0, self._dtype, *self._shape),
            labels=part(1, np.float32, classes).copy(),
            mask=part(2, np.float32, classes).copy(),
            asset_id=part(3, np.int64).copy(),
            clip_index=part(4, np.int64).copy(),
            ref_db=part(5, np.float32).copy(),
            rows=part(6, np.int64).copy(),
        )


def run_state(run: str | os.PathLike[str], checkpoint: Literal["last", "best"] = "last") -> dict[str, Any]:
    """The place in the order of rows at a checkpoint of a run of `l48-train`, for `Stream.load_state_dict`.

    `run` is the folder of the run, whose `last` or `best` checkpoint is read, or that of a checkpoint.

    >>> run_state("runs/demo")      # doctest: +SKIP
    {'dataset_hash': '5f0a4cbbdcfb6d9c', 'seed': 48, 'epoch': 5, 'rows_consumed': 0}

    Raises DatasetError if there is no such checkpoint.
    """
    folder = Path(run)
    try:
        if not (folder / "state.json").is_file():
            checkpoints = folder / "checkpoints"
            folder = checkpoints / (checkpoints / checkpoint).read_text().strip()
        state: dict[str, Any] = json.loads((folder / "state.json").read_text())["sampler"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{run}: has no {checkpoint} checkpoint of l48-train that can be read: {error}") from error
    return state


def _aligned(size: int) -> npt.NDArray[np.uint8]:
    """Memory that begins at a multiple of the alignment."""
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    begin = -memory.ctypes.data % _ALIGNMENT
    return memory[begin : begin + size]


def _opened(settings: dict[str, Any], state: dict[str, Any]) -> Stream:
    """The stream of these settings at its place, in another process."""
    stream = Stream(**settings)
    stream.load_state_dict(state)
    return stream
