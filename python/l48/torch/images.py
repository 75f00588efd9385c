"""Defines how clips become images on the device, as `l48-train` makes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..info import ValueScale

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Mean of each channel of ImageNet's images, from 0 to 1, which torchvision's weights were trained with."""
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Standard deviation of each channel of ImageNet's images."""

LEVEL_RANGE_DB = 80.0
"""Decibels that a level runs over where clips are stored as decibels: 0 dB is 1, -80 dB is 0, as in stored bytes."""

_IN_FLIGHT: deque[tuple[torch.cuda.Event, Tensor]] = deque()
"""What copies to a GPU may still be reading, oldest first."""


class HasClips(Protocol):
    """A batch: of `l48.Stream`, or of `Clips`."""

    @property
    def clips(self) -> npt.NDArray[Any] | Tensor:
        """Stored values, [B, channels, H, W]."""


def images(
    batch: HasClips,
    device: torch.device | str = "cuda",
    *,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    values: ValueScale | None = None,
) -> Tensor:
    """The clips of a batch as normalised images f32 [B, channels, H, W] on `device`, one channel used for all.

    Clips cross the bus as they are stored, a byte a pixel, and on a GPU without waiting for it; levels from 0 to 1,
    their normalisation by `mean` and `std` (one number a channel of the image) and the copies of the channel are made
    there. The numbers are those that `l48-train` gives its residual networks; its tiny one has `mean=[.5], std=[.5]`.

    Clips stored as floats are physical values: give their scale as `values=dataset.info.values`. 80 dB below the level
    that they refer to is 0, that level is 1.

    >>> from types import SimpleNamespace
    >>> batch = SimpleNamespace(clips=np.full((2, 1, 4, 4), 255, np.uint8))
    >>> images(batch, "cpu", mean=[.5], std=[.5]).unique()
    tensor([1.])
    >>> images(batch, "cpu").shape
    torch.Size([2, 3, 4, 4])

    Raises ValueError for clips and statistics of different channels, and for floats without a scale.
    """
    clips = batch.clips if isinstance(batch.clips, Tensor) else _tensor(batch.clips)
    if clips.shape[1] not in (1, len(mean)) or len(mean) != len(std):
        raise ValueError(f"clips of {clips.shape[1]} channels, but {len(mean)} means and {len(std)} deviations")
    factor, shift = scaling(clips.dtype, mean, std, values)
    device = torch.device(device)
    return upload(clips, device) * factor.to(device) + shift.to(device)


def scaling(
    dtype: torch.dtype, mean: Sequence[float], std: Sequence[float], values: ValueScale | None
) -> tuple[Tensor, Tensor]:
    """What stored values are multiplied by, and what is added then, f32 [1, channels, 1, 1] each."""
    step, offset = 1 / 255, 0.0
    if dtype != torch.uint8:
        if values is None:
            raise ValueError(f"clips are stored as {dtype}: say what they mean with values=dataset.info.values")
        step, offset = values.step / LEVEL_RANGE_DB, values.offset / LEVEL_RANGE_DB + 1
    factor = torch.tensor([step / deviation for deviation in std])
    shift = torch.tensor([(offset - average) / deviation for average, deviation in zip(mean, std, strict=True)])
    return factor.reshape(1, -1, 1, 1), shift.reshape(1, -1, 1, 1)


def upload(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on `device`; to a GPU through pinned memory, and without waiting for what is queued there."""
    if device.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(device)
    pinned = tensor if tensor.is_pinned() else tensor.pin_memory()
    moved = pinned.to(device, non_blocking=True)
    # Memory of a stream is filled again once nobody holds it: not before the copy is done.
    copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
    copied.record(torch.cuda.current_stream(device))
    _IN_FLIGHT.append((copied, pinned))
    while _IN_FLIGHT and _IN_FLIGHT[0][0].query():  # type: ignore[no-untyped-call]
        _IN_FLIGHT.popleft()
    return moved


def _tensor(array: npt.NDArray[Any]) -> Tensor:
    # torch warns of arrays that it could write to although they are read-only. It is not written to here.
    if array.flags.writeable:
        return torch.from_numpy(array)
    return torch.from_numpy(np.array(array))
