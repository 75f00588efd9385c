"""Defines the asset regulariser: a table of estimated labels of each recording pulls its clips together.

Source: Sun, Maji and Van Horn 2025 (arXiv 2511.00252).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, distributed, nn
from torch.nn import functional as F

from .._native import asset_start, shuffled_assets


class AssetRegulariser(nn.Module):
    """A penalty on logits that differ from what is believed of their recording, as `l48-train` has it.

    A table T [assets, classes] starts in U(.4, .6), keyed by seed and asset id (or at a constant), and at 1 where a
    class is a known positive of any training clip of the recording. The penalty of a batch is alpha times the mean
    binary cross-entropy of its logits with T[asset], without a gradient through T; then, in training, clip after clip
    in batch order, T[asset] moves to the clip's probabilities by a share eps.

    Call it once a step, before the optimiser moves, and keep its `state_dict` in a checkpoint. Under
    `torch.distributed` every process sees the clips of all of them, in the order of ranks, so that all have the same
    table; do not wrap it in `DistributedDataParallel`.

    >>> reg = AssetRegulariser([9, 2, 9], positives=([0], [1]), classes=2, alpha=.3, init=.5)
    >>> reg.table
    tensor([[0.5000, 0.5000],
            [0.5000, 1.0000]])
    >>> reg(torch.zeros(2, 2), torch.tensor([9, 2])).item()     # .3 ln 2
    0.2079...
    """

    asset_ids: Tensor
    """The recording of each row of the table, ascending, i64 [assets]."""
    table: Tensor
    """What is believed of each recording, f32 [assets, classes]."""

    def __init__(
        self,
        asset_ids: npt.ArrayLike,
        positives: Sequence[npt.ArrayLike],
        classes: int,
        *,
        alpha: float = 0.1,
        eps: float = 0.001,
        init: float | Literal["uniform"] = "uniform",
        control: Literal["none", "frozen", "shuffled"] = "none",
        seed: int = 48,
        rows: npt.ArrayLike | None = None,
    ) -> None:
        """The table of the training clips: the recording of each, and the known positives as two lists, the number of a
        clip (from 0, in this order) and the number of a class of each; of matrices, `np.nonzero(labels & mask)`.

        `alpha` is the penalty's weight, `eps` from 0 to 1 the share by which an entry moves, `init` the start of
        entries that are no known positive. Two controls tell consistency from plain smoothing: `frozen` leaves the
        table as it starts, `shuffled` permutes the recordings over the training clips, whose numbers in the dataset are
        then needed, `rows`.

        Raises ValueError for a number out of range.
        """
        super().__init__()
        ids = np.asarray(asset_ids, np.int64)
        start = 0.5 if init == "uniform" else init
        for name, value, highest in (("alpha", alpha, 1e9), ("eps", eps, 1.0), ("init", start, 1.0)):
            if not 0 <= value <= highest:
                raise ValueError(f"{name} is {value}, but must be from 0 to {highest:g}")
        if control not in ("none", "frozen", "shuffled"):
            raise ValueError(f"control is {control!r}, but must be 'none', 'frozen' or 'shuffled'")
        self.alpha, self.eps, self.control = alpha, eps, control
        distinct = np.unique(ids)
        if init == "uniform":
            values = np.frombuffer(asset_start(seed, distinct.tolist(), classes)).reshape(-1, classes).copy()
        else:
            values = np.full((len(distinct), classes), init, np.float64)
        self._asset_of_row: dict[int, int] | None = None
        if control == "shuffled":
            if rows is None:
                raise ValueError("control 'shuffled' needs the rows of the training clips in the dataset")
            ids = np.array(shuffled_assets(seed, ids.tolist()), np.int64)
            self._asset_of_row = dict(zip(np.asarray(rows).tolist(), ids.tolist(), strict=True))
        clips, columns = (np.asarray(part, np.int64) for part in positives)
        values[np.searchsorted(distinct, ids[clips]), columns] = 1
        self.register_buffer("asset_ids", torch.from_numpy(distinct))
        self.register_buffer("table", torch.from_numpy(values).float())

    def forward(
        self,
        logits: Tensor,
        asset_id: Tensor | npt.NDArray[np.int64],
        rows: Tensor | npt.NDArray[np.int64] | None = None,
    ) -> Tensor:
        """The penalty of logits [B, classes] of clips of the recordings `asset_id` [B], a scalar.

        `rows`, the clips' numbers in the dataset, are needed with control "shuffled" only. In training mode the table
        then moves.

        Raises KeyError for a recording that is not in the table.
        """
        places = self._places(torch.as_tensor(asset_id), rows).to(self.table.device)
        target = self.table.index_select(0, places)
        penalty = F.binary_cross_entropy_with_logits(logits.to(target.dtype), target) * self.alpha
        if self.training and self.control != "frozen":
            self._update(*_of_all_ranks(logits.detach(), places))
        return penalty

    def _places(self, asset_id: Tensor, rows: Tensor | npt.NDArray[np.int64] | None) -> Tensor:
        if self._asset_of_row is not None:
            if rows is None:
                raise ValueError("control 'shuffled' needs batch.rows beside the asset ids")
            asset_id = torch.tensor([self._asset_of_row[row] for row in torch.as_tensor(rows).tolist()])
        # Few ids: on the host, so that nothing waits for a GPU.
        ids = self._host_ids()
        asset_id = asset_id.to("cpu", torch.int64)
        places = torch.searchsorted(ids, asset_id).clamp_max(len(ids) - 1)
        unknown = asset_id[ids[places] != asset_id]
        if len(unknown):
            raise KeyError(f"recording {int(unknown[0])} has no training clip, so the table has no row of it")
        return places

    def _host_ids(self) -> Tensor:
        if self.asset_ids.device.type == "cpu":
            return self.asset_ids
        kept: Tensor | None = self.__dict__.get("_ids")
        if kept is None:
            kept = self.__dict__["_ids"] = self.asset_ids.cpu()
        return kept

    @torch.no_grad()
    def _update(self, logits: Tensor, places: Tensor) -> None:
        """Moves the rows at `places`, clip after clip: those of a recording in batch order."""
        moved = logits.sigmoid().to(self.table.dtype) * self.eps
        for positions in _rounds(places.tolist()):
            chosen = torch.tensor(positions, device=self.table.device)
            rows = places[chosen]
            self.table.index_copy_(0, rows, self.table.index_select(0, rows) * (1 - self.eps) + moved[chosen])


def _rounds(places: list[int]) -> list[list[int]]:
    """The positions of a batch in rounds that hold no place twice, those of a place in order."""
    rounds: list[list[int]] = []
    times: dict[int, int] = {}
    for position, place in enumerate(places):
        number = times.get(place, 0)
        times[place] = number + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(position)
    return rounds


def _of_all_ranks(logits: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and places of all processes' clips, in the order of ranks; the parts may differ in size."""
    if not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size() == 1:
        return logits, places
    ranks = distributed.get_world_size()
    sizes = [torch.zeros(1, dtype=torch.int64, device=logits.device) for _ in range(ranks)]
    distributed.all_gather(sizes, torch.tensor([len(logits)], device=logits.device))
    counts = [int(size) for size in sizes]
    gathered = []
    for part in (logits, places):
        padded = part.new_zeros((max(counts), *part.shape[1:]))
        padded[: len(part)] = part
        parts = [torch.empty_like(padded) for _ in range(ranks)]
        distributed.all_gather(parts, padded)
        gathered.append(torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)]))
    return gathered[0], gathered[1]
