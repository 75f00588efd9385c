"""Average precision against committed numbers, by hand, and what is no measurement."""

import json
from pathlib import Path

import numpy as np
import pytest
from l48 import metrics
from safetensors.numpy import load_file


@pytest.fixture(scope="session")
def numbers(fixtures: Path) -> Path:
    return fixtures / "map"


def test_ties_and_classes_without_positives(numbers: Path) -> None:
    tensors = load_file(numbers / "ties.safetensors")
    found = metrics.evaluate(tensors["scores"], tensors["labels"], tensors["mask"])
    assert np.abs(found.ap - tensors["ap"]).max() < 1e-12
    assert abs(found.map - tensors["map"][0]) < 1e-12
    assert (found.kept == tensors["kept"]).all() and found.left_out == 400 - len(tensors["kept"])
    assert metrics.map(tensors["scores"], tensors["labels"], tensors["mask"]) == found.map
    assert found.positives[0] == 0 and found.map_occurring > found.map > found.chance > 0


def test_many_rows(numbers: Path) -> None:
    tensors = load_file(numbers / "random.safetensors")
    mask = np.repeat(tensors["annotated"][:, None], tensors["labels"].shape[1], axis=1)
    found = metrics.evaluate(tensors["scores"], tensors["labels"], mask)
    assert np.abs(found.ap - tensors["ap"]).max() < 1e-12
    assert abs(found.map - tensors["map"][0]) < 1e-12


def test_by_hand() -> None:
    ap = metrics.average_precision([0.1, 0.8, 0.9, 0.8, 0.1], [1, 1, 1, 0, 0])
    assert abs(ap - (1 + 2 / 3 + 3 / 5) / 3) < 1e-15
    assert metrics.average_precision([0.3, 0.2], [0, 0]) == 0
    assert metrics.average_precision([], []) == 0
    assert metrics.average_precision([0.3] * 4, [0, 1, 0, 0]) == 0.25
    assert metrics.average_precision([0.0, -0.0], [0, 1]) == 0.5
    constant = metrics.evaluate(np.zeros((4, 2)), [[1, 0], [1, 0], [0, 0], [1, 1]])
    assert constant.chance == constant.map == (0.75 + 0.25) / 2


def test_what_cannot_be_measured(numbers: Path) -> None:
    assert json.loads((numbers / "parameters.json").read_text())
    with pytest.raises(ValueError, match="row 1, class 0"):
        metrics.map([[0.1], [float("nan")]], [[1], [0]])
    with pytest.raises(ValueError, match="nothing to measure"):
        metrics.map([[0.1, 0.2]], [[1, 0]], [[1, 0]])
    with pytest.raises(ValueError, match="one shape"):
        metrics.map([[0.1, 0.2]], [[1]])
    with pytest.raises(ValueError, match="one shape"):
        metrics.map(np.zeros((3, 0)), np.zeros((3, 0)))
    with pytest.raises(ValueError, match="row 0"):
        metrics.average_precision([float("nan")], [1])
