"""Defines `Info`, what `dataset.json` says of a dataset."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

_T = TypeVar("_T")

DTYPES: dict[str, np.dtype[Any]] = {"U8": np.dtype("u1"), "F16": np.dtype("<f2"), "F32": np.dtype("<f4")}
"""Number types of clips by their names in `dataset.json`."""


@dataclass(frozen=True)
class ClipSpec:
    """Type and shape of every clip: [channels,] height, width."""

    dtype: str
    channels: int | None
    height: int
    width: int


@dataclass(frozen=True)
class Axes:
    """What the rows and columns of an image mean; all numbers are 0 for photographs."""

    frequency_scale: str
    fmin_hz: float
    fmax_hz: float
    row_0: str
    frame_rate_hz: float
    clip_duration_s: float
    hop_s: float
    sample_rate_hz: int | None


@dataclass(frozen=True)
class ValueScale:
    """What a stored value means: offset + step * stored, in `unit`."""

    unit: str
    reference: str
    offset: float
    step: float


@dataclass(frozen=True)
class Counts:
    """How much there is."""

    shards: int
    clips: int
    assets: int
    rejects: int


@dataclass(frozen=True)
class Info:
    """What `dataset.json` says, but for its list of files."""

    name: str
    program: str
    config: dict[str, Any]
    clips: ClipSpec
    axes: Axes
    values: ValueScale
    instruction_set: str
    counts: Counts
    tallies: dict[str, int]
    """What was left out, changed or odd when the dataset was made, by reason."""

    @classmethod
    def parse(cls, text: str) -> Info:
        """Reads the JSON; members that a newer program wrote are passed over."""
        members = json.loads(text)
        return cls(
            name=members["name"],
            program=members["program"],
            config=members["config"],
            clips=_known(ClipSpec, members["clips"]),
            axes=_known(Axes, members["axes"]),
            values=_known(ValueScale, members["values"]),
            instruction_set=members["instruction_set"],
            counts=_known(Counts, members["counts"]),
            tallies=members.get("tallies", {}),
        )


def _known(kind: type[_T], members: dict[str, Any]) -> _T:
    names: dict[str, Any] = kind.__dataclass_fields__  # type: ignore[attr-defined]
    return kind(**{name: members[name] for name in names})
