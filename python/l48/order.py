"""Defines `Order`, the order of the rows of a selection of clips, and the place in it."""

from __future__ import annotations

import json
from typing import Any

from ._native import NativeOrder, NativeSelection


class Order:
    """The order of rows, batch by batch: a function of seed, epoch and rows, as in `l48-train`; and a place in it.

    Each pass is an epoch. The first after `load_state_dict` begins where the state was saved, whatever the number of
    ranks, threads or workers then.
    """

    def __init__(
        self,
        selection: NativeSelection,
        batch: int,
        seed: int,
        of_asset: tuple[int | None, int | None],
        class_balanced: bool,
        share: tuple[int, int],
    ) -> None:
        """The order of a selection; `of_asset` and `share` as `NativeOrder` has them."""
        self._order = NativeOrder(selection, batch, seed, of_asset, class_balanced, share)
        # The epoch of the pass that was begun last and the batches of it that were drawn; and where the next one
        # begins.
        self._epoch, self._drawn = 1, 0
        self._next = (1, 0)

    @property
    def epoch(self) -> int:
        """The epoch of the present pass, or of the next if there was none yet; from 1."""
        return self._epoch

    def __len__(self) -> int:
        """Batches in an epoch, the same for every rank."""
        return self._order.batches

    def _begin(self) -> tuple[int, int]:
        """Begins the next epoch, or the rest of the one whose state was loaded: which, and its first batch."""
        epoch, first = self._next
        self._epoch, self._drawn = epoch, first
        self._next = (epoch + 1, 0)
        return epoch, first

    def _draw(self, epoch: int, step: int) -> None:
        """Counts a batch of the present pass as drawn."""
        if self._epoch == epoch:
            self._drawn = step + 1

    def set_epoch(self, epoch: int) -> None:
        """Makes the next pass that of an epoch counted from 0, as torch's samplers count; a loaded place in that epoch
        stays."""
        if self._next[0] != epoch + 1:
            self._next = (epoch + 1, 0)

    def state_dict(self, done: int | None = None) -> dict[str, Any]:
        """The place in the order after `done` batches of the present epoch, by default those drawn: the four values
        that `l48-train` writes into a checkpoint, the same for every rank."""
        epoch, drawn = self._epoch, self._drawn if done is None else done
        if drawn >= len(self):
            epoch, drawn = epoch + 1, 0
        state: dict[str, Any] = json.loads(self._order.state(epoch, drawn))
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Makes the next pass continue from a state: of any rank, of any number of ranks, of a stream or a sampler, or
        the `state.json` of a checkpoint of `l48-train`.

        Raises ValueError if it is of other clips, another seed or another batch size.
        """
        self._next = self._order.resume(json.dumps(state.get("sampler", state)))
        self._epoch, self._drawn = self._next
