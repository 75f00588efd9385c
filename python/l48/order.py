"""Defines `Order`, the order of the rows of a selection batch by batch, and the place in it."""

from __future__ import annotations

import json
import warnings
from typing import Any

from ._native import NativeOrder, NativeSelection

_THRASHES = (
    "the shards that are shuffled over have {} bytes and the cache may hold {}: they will be fetched again and again; "
    'take l48.Stream with order="window", or allow more cache_bytes'
)


def warn_of_small_cache(selection: NativeSelection) -> None:
    """Warns the caller's caller that a shuffle goes over more than the cache of a dataset at an address may hold."""
    if beyond := selection.beyond_room():
        warnings.warn(_THRASHES.format(*beyond), RuntimeWarning, stacklevel=3)


class Order:
    """An order of rows, a function of seed, epoch and rows as in `l48-train`, and a place in it.

    Each pass is an epoch, and the next pass the next one; the first after `load_state_dict` begins where the state was
    saved, whatever the number of ranks, threads or workers then.
    """

    def __init__(self, order: NativeOrder) -> None:
        """The beginning of an order."""
        self._order = order
        # The epoch of the pass that was begun last and the batches of it that were taken; and where the next one begins.
        self._epoch, self._taken = 1, 0
        self._next = (1, 0)

    def __len__(self) -> int:
        """Batches in an epoch, the same for every rank."""
        return self._order.batches

    @property
    def epoch(self) -> int:
        """The epoch of the present pass, or of the next if there was none yet; from 1."""
        return self._epoch

    def _begin(self) -> tuple[int, int]:
        """Begins a pass: its epoch, and its first batch."""
        self._epoch, self._taken = epoch, first = self._next
        self._next = (epoch + 1, 0)
        return epoch, first

    def set_epoch(self, epoch: int) -> None:
        """Makes the next pass that of an epoch counted from 0, as torch's samplers count; a loaded place in that epoch
        stays."""
        if self._next[0] != epoch + 1:
            self._next = (epoch + 1, 0)

    def state_dict(self, done: int | None = None) -> dict[str, Any]:
        """The place in the order after `done` batches of the present epoch, by default those taken: the four values that
        `l48-train` writes into a checkpoint, the same for every rank."""
        epoch, taken = self._within(self._epoch, self._taken if done is None else done)
        state: dict[str, Any] = json.loads(self._order.state(epoch, taken))
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Makes the next pass continue from a state: of any rank, of any number of ranks, of `l48.Stream` or
        `l48.torch.BatchSampler`, or the `state.json` of a checkpoint of `l48-train` (see `l48.run_state`).

        Raises ValueError if it is of other clips, another order, seed or batch size.
        """
        self._next = self._within(*self._order.resume(json.dumps(state.get("sampler", state))))
        self._epoch, self._taken = self._next

    def _within(self, epoch: int, taken: int) -> tuple[int, int]:
        """The same place; the end of an epoch is the beginning of the next one."""
        return (epoch, taken) if taken < len(self) else (epoch + 1, 0)
