"""What users keep of batches, and the control of permuted labels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from l48 import Stream


def test_who_keeps_labels_does_not_keep_clips(demo: Path) -> None:
    allocated: list[int] = []

    def allocate(size: int) -> np.ndarray[Any, Any]:
        allocated.append(size)
        memory = np.zeros(size + 64, np.uint8)
        begin = -memory.ctypes.data % 64
        return memory[begin : begin + size]

    stream = Stream(demo, mode="checklist", buffers=3, allocate=allocate)
    kept = [(batch.labels, batch.mask, batch.asset_id, batch.clip_index, batch.ref_db, batch.rows) for batch in stream]
    assert len(kept) > 5 and len(allocated) == 3
    for parts, batch in zip(kept, Stream(demo, mode="checklist"), strict=True):
        same = (batch.labels, batch.mask, batch.asset_id, batch.clip_index, batch.ref_db, batch.rows)
        assert all((one == other).all() for one, other in zip(parts, same, strict=True))


def of_rows(stream: Stream) -> dict[int, tuple[bytes, bytes]]:
    found = {}
    for batch in stream:
        for row, labels, mask in zip(batch.rows.tolist(), batch.labels, batch.mask, strict=True):
            found[row] = (labels.tobytes(), mask.tobytes())
    return found


@pytest.mark.parametrize("mode", ["checklist", "full"])
def test_permuted_labels_are_those_of_other_clips_by_seed(demo: Path, mode: Any) -> None:
    plain, permuted = of_rows(Stream(demo, mode=mode)), of_rows(Stream(demo, mode=mode, permute_labels=True))
    assert sorted(plain.values()) == sorted(permuted.values()) and list(plain) == list(permuted)
    assert sum(plain[row] != permuted[row] for row in plain) > len(plain) / 4
    assert of_rows(Stream(demo, mode=mode, permute_labels=True)) == permuted
    other = of_rows(Stream(demo, mode=mode, permute_labels=True, seed=49))
    assert {row: other[row] for row in permuted} != permuted
