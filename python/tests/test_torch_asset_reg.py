"""The asset regulariser against reference numbers, its start, its controls, its state, and several processes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

torch = pytest.importorskip("torch")

from l48.torch import AssetRegulariser, Clips  # noqa: E402

IDS = [9, 2, 9, 5]
"""Recordings of four clips; the first has class 0."""


def small(**settings: Any) -> AssetRegulariser:
    return AssetRegulariser(IDS, ([0], [0]), 2, **settings)


def of_table(table: np.ndarray[Any, Any], dtype: torch.dtype, **settings: Any) -> AssetRegulariser:
    reg = AssetRegulariser(range(len(table)), ([], []), table.shape[1], **settings).to(dtype)
    reg.load_state_dict({"asset_ids": torch.arange(len(table)), "table": torch.from_numpy(table)})
    return reg


def scripted_losses(reg: AssetRegulariser, numbers: Any, of: str, tolerance: float) -> None:
    for step, (logits, rows) in enumerate(zip(numbers["logits"], numbers["rows"], strict=True)):
        x = torch.from_numpy(logits).to(reg.table.dtype).requires_grad_()
        loss = reg(x, torch.from_numpy(rows))
        loss.backward()
        assert x.grad is not None
        assert loss.item() == pytest.approx(numbers[f"{of.replace('*', 'loss')}"][step], rel=tolerance)
        gradient = numbers[f"{of.replace('*', 'grad')}"][step]
        assert np.abs(x.grad.numpy() - gradient).max() < (1e-12 if tolerance < 1e-7 else 1e-8)
        table = numbers[f"{of.replace('*', 'table').removesuffix('f32')}".removesuffix("f64") + "f64"][step]
        assert np.abs(reg.table.numpy() / table - 1).max() < tolerance


@pytest.mark.parametrize("file", ["unique", "duplicates"])
@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_losses_gradients_and_tables_are_the_references(fixtures: Path, file: str, dtype: str) -> None:
    folder = fixtures / "asset_reg"
    parameters = json.loads((folder / "parameters.json").read_text())
    numbers = load_file(folder / f"{file}.safetensors")
    kind, tolerance = (torch.float64, 1e-9) if dtype == "f64" else (torch.float32, 2e-6)
    for eps in parameters["eps"]:
        reg = of_table(numbers["table0"], kind, alpha=parameters["alpha"], eps=eps)
        scripted_losses(reg, numbers, f"eps{eps}.*_{dtype}", tolerance)


def test_a_table_starts_with_the_known_positives_of_all_clips(fixtures: Path) -> None:
    numbers = load_file(fixtures / "asset_reg/init/init.safetensors")
    positives = np.nonzero(numbers["labels"] & numbers["mask"])
    reg = AssetRegulariser(numbers["clip_asset_id"], positives, numbers["labels"].shape[1], init=0.25)
    assert reg.asset_ids.tolist() == numbers["asset_ids"].tolist()
    known = numbers["table"] == 1
    assert (reg.table.numpy() == np.where(known, 1, 0.25)).all()


def test_starts_are_keyed_by_seed_and_recording() -> None:
    reg, again = small(seed=3), small(seed=3)
    assert torch.equal(reg.table, again.table) and reg.asset_ids.tolist() == [2, 5, 9]
    assert reg.table[2, 0] == 1 and ((reg.table[:2] >= 0.4) & (reg.table[:2] < 0.6)).all()
    assert reg.table[0, 0] != reg.table[1, 0] != small(seed=4).table[1, 0]
    others = AssetRegulariser([2, 3], ([], []), 2, seed=3)
    assert torch.equal(others.table[0], reg.table[0])


def test_controls() -> None:
    logits, ids = torch.randn(3, 2), torch.tensor([9, 2, 5])
    moving, frozen = small(init=0.5, eps=0.5), small(init=0.5, eps=0.5, control="frozen")
    before = frozen.table.clone()
    assert moving(logits, ids) == frozen(logits, ids)
    assert torch.equal(frozen.table, before) and not torch.equal(moving.table, before)
    shuffled = AssetRegulariser(range(40), (range(40), [0] * 40), 1, control="shuffled", rows=range(100, 140), eps=1)
    with pytest.raises(ValueError, match="rows"):
        shuffled(torch.zeros(1, 1), torch.tensor([0]))
    row = torch.tensor([117])
    shuffled(torch.full((1, 1), -9.0), torch.tensor([17]), row)
    moved = shuffled.table[:, 0] != 1
    assert moved.sum() == 1 and not moved[17]
    with pytest.raises(ValueError, match="rows"):
        small(control="shuffled")


def test_evaluation_leaves_the_table_and_the_state_is_saved() -> None:
    reg = small(eps=0.5)
    reg.eval()
    before = reg.table.clone()
    reg(torch.randn(2, 2), torch.tensor([9, 9]))
    assert torch.equal(reg.table, before)
    reg.train()
    reg(torch.randn(2, 2), torch.tensor([9, 9]))
    restored = small(seed=1)
    restored.load_state_dict(reg.state_dict())
    assert torch.equal(restored.table, reg.table)
    with pytest.raises(RuntimeError, match="table"):
        AssetRegulariser([1], ([], []), 2).load_state_dict(reg.state_dict())


def test_settings_and_recordings_that_there_are_not() -> None:
    for name, value in {"alpha": -1, "eps": 2, "init": float("nan"), "control": "none at all"}.items():
        with pytest.raises(ValueError, match=name):
            small(**{name: value})
    for unknown in (1, 3, 10):
        with pytest.raises(KeyError, match=f"{unknown}"):
            small()(torch.zeros(1, 2), torch.tensor([unknown]))


def test_of_clips(demo: Path) -> None:
    clips = Clips(demo)
    reg = clips.regulariser(alpha=0.3, init=0.5)
    one = clips[7]
    row = reg.table[reg.asset_ids == one.asset_id][0]
    assert (row[one.labels == 1] == 1).all() and set(row.tolist()) == {0.5, 1.0}
    assert clips.regulariser(control="shuffled")(torch.zeros(1, clips.classes), one.asset_id[None], one.rows[None]) > 0


def _process(rank: int, file: str, logits: torch.Tensor, ids: torch.Tensor, folder: str) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    reg = small(eps=0.5, seed=1)
    part = slice(0, 3) if rank == 0 else slice(3, 5)
    reg(logits[part], ids[part])
    torch.save(reg.table, f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_processes_have_one_table(tmp_path: Path) -> None:
    logits, ids = torch.randn(5, 2), torch.tensor([9, 2, 9, 5, 9])
    alone = small(eps=0.5, seed=1)
    alone(logits, ids)
    torch.multiprocessing.spawn(_process, (str(tmp_path / "store"), logits, ids, str(tmp_path)), nprocs=2)
    for rank in range(2):
        assert torch.equal(torch.load(tmp_path / f"{rank}.pt"), alone.table)
