"""Images of a batch: the numbers that `l48-train` gives its networks."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from l48.info import ValueScale

torch = pytest.importorskip("torch")

from l48.torch import IMAGENET_MEAN, IMAGENET_STD, images  # noqa: E402


def batch(clips: Any) -> Any:
    return SimpleNamespace(clips=clips)


def test_bytes_become_three_normalised_channels() -> None:
    stored = np.random.default_rng(1).integers(0, 256, (2, 1, 5, 7), np.uint8)
    found = images(batch(stored), "cpu")
    assert found.dtype == torch.float32 and found.shape == (2, 3, 5, 7)
    for channel, (mean, std) in enumerate(zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)):
        assert np.abs(found[:, channel].numpy() - (stored[:, 0] / 255 - mean) / std).max() < 1e-6
    assert torch.equal(images(batch(torch.from_numpy(stored)), "cpu"), found)
    stored.setflags(write=False)
    assert torch.equal(images(batch(stored), "cpu"), found)


def test_photographs_keep_their_channels() -> None:
    stored = np.random.default_rng(1).integers(0, 256, (2, 3, 4, 4), np.uint8)
    found = images(batch(stored), "cpu", mean=[0, 0, 0], std=[1, 1, 1])
    assert np.abs(found.numpy() * 255 - stored).max() < 1e-4


def test_decibels_run_over_80() -> None:
    values = ValueScale(unit="dB", reference="clip", offset=-80.0, step=2.0)
    stored = np.array([0, 20, 40], np.float32).reshape(1, 1, 1, 3)
    found = images(batch(stored), "cpu", mean=[0], std=[1], values=values)
    assert found.flatten().tolist() == pytest.approx([0, 0.5, 1], abs=1e-6)


def test_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="info.values"):
        images(batch(np.zeros((1, 1, 2, 2), np.float16)), "cpu")
    with pytest.raises(ValueError, match="channels"):
        images(batch(np.zeros((1, 2, 2, 2), np.uint8)), "cpu")
    with pytest.raises(ValueError, match="deviations"):
        images(batch(np.zeros((1, 1, 2, 2), np.uint8)), "cpu", std=[1])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_gives_the_same() -> None:
    stored = torch.randint(0, 256, (8, 1, 448, 448), dtype=torch.uint8)
    found = images(batch(stored.numpy()), "cuda")
    assert found.is_cuda and (found.cpu() - images(batch(stored), "cpu")).abs().max() < 1e-6
    assert torch.equal(images(batch(stored.pin_memory()), "cuda"), found)
