"""The map-style dataset and its sampler: the clips, the order, workers of every kind, and resumption."""

import functools
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import l48
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from l48.torch import Batch, BatchSampler, Clips, collate  # noqa: E402
from torch.utils.data import DataLoader, Subset, default_collate  # noqa: E402


@pytest.fixture(scope="module")
def clips(demo: Path) -> Clips:
    return Clips(l48.open(demo), mode="checklist")


def rows(batches: Any) -> list[list[int]]:
    return [batch.rows.tolist() for batch in batches]


def test_importing_l48_imports_no_torch() -> None:
    script = "import sys, l48, l48.metrics; l48.open; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_a_batch_is_the_clips_and_what_is_known_of_them(demo: Path, clips: Clips) -> None:
    birds = l48.open(demo)
    batch = collate(clips.__getitems__([5, 0, len(clips) - 1]))
    assert batch.clips.dtype == torch.uint8 and batch.clips.shape == (3, 1, 448, 448)
    assert batch.clips.data_ptr() % 64 == 0
    for place, row in enumerate(batch.rows.tolist()):
        clip = birds[row]
        assert (batch.clips[place, 0].numpy() == clip.image).all()
        assert (batch.asset_id[place], batch.clip_index[place]) == (clip.asset_id, clip.clip_index)
        assert batch.ref_db[place] == np.float32(clip.ref_db)
    assert batch.rows.tolist() == clips.rows[[5, 0, -1]].tolist()
    assert clips.asset_ids[5] == batch.asset_id[0]
    assert collate(clips.__getitems__([])).clips.shape == (0, 1, 448, 448)
    for outside in (len(clips), -len(clips) - 1):
        with pytest.raises(IndexError):
            clips[outside]
    assert (clips[-1].rows, clips[0].clips.shape) == (clips.rows[-1], (1, 448, 448))


def test_modes_show_their_labels(demo: Path) -> None:
    labels = l48.open(demo).labels().to_pylist()
    codes = {code: number for number, code in enumerate(l48.open(demo).taxa["species_code"].to_pylist())}
    full = Clips(demo, split="test", mode="full", keep_silent=True)
    batch = collate(full.__getitems__(range(len(full))))
    for place, row in enumerate(batch.rows.tolist()):
        assert labels[row]["split"] == "test"
        present = [codes[code] if isinstance(code, str) else code for code in labels[row]["present"]]
        assert np.flatnonzero(batch.labels[place].numpy()).tolist() == sorted(present)
    assert (batch.labels <= batch.mask).all()
    target = Clips(demo, mode="target")
    single = collate(target.__getitems__(range(len(target))))
    assert (single.labels.sum(1) == 1).all() and (single.mask == single.labels).all()
    whole = Clips(demo, split="test", mode=None)
    assert collate(whole.__getitems__(range(len(whole)))).mask.all()
    for wrong in ({"split": "tset"}, {"mode": "ful"}, {"rows": "mine"}):
        with pytest.raises(ValueError):
            Clips(demo, **wrong)  # type: ignore[arg-type]


def test_the_default_collate_gives_the_same(clips: Clips) -> None:
    gathered = clips.__getitems__([3, 1])
    for one, other in zip(default_collate(gathered), collate(gathered), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(collate(Subset(clips, [7, 3, 1]).__getitems__([1, 2])).clips, collate(gathered).clips)
    assert torch.equal(collate(list(gathered)).clips, collate(gathered).clips)
    assert torch.equal(gathered[1:].whole.rows, collate(gathered).rows[1:])


def test_an_epoch_is_every_row_once_and_ranks_share_it(clips: Clips) -> None:
    whole = BatchSampler(clips, 64, seed=3, clips_per_asset=4)
    first, second = list(whole), list(whole)
    assert len(first) == len(whole) and first != second
    assert sorted(sum(first, [])) == sorted(sum(second, [])) == list(range(len(clips)))
    parts = [list(BatchSampler(clips, 64, seed=3, clips_per_asset=4, rank=rank, ranks=3)) for rank in range(3)]
    assert [sum(parts_of, []) for parts_of in zip(*parts, strict=True)] == first
    for wrong in ({"batch": 0}, {"batch": 4, "rank": 1}, {"batch": 4, "clips_per_asset": 2, "class_balanced": True}):
        with pytest.raises(ValueError):
            BatchSampler(clips, **wrong)  # type: ignore[arg-type]


def test_a_state_continues_with_other_ranks(clips: Clips) -> None:
    sampler = BatchSampler(clips, 64, seed=3)
    whole = [list(sampler), list(sampler)]
    for done in (0, 1, len(sampler) - 1, len(sampler)):
        saved = BatchSampler(clips, 64, seed=3, rank=1, ranks=2)
        drawn = iter(saved)
        for _ in range(done):
            next(drawn)
        state = json.loads(json.dumps(saved.state_dict()))
        assert set(state) == {"dataset_hash", "seed", "epoch", "rows_consumed"}
        resumed = [BatchSampler(clips, 64, seed=3, rank=rank, ranks=3) for rank in range(3)]
        for part in resumed:
            part.load_state_dict({"sampler": state, "step": 9})
        rest = [sum(parts, []) for parts in zip(*(list(part) for part in resumed), strict=True)]
        assert rest == (whole[0][done:] or whole[1])
    with pytest.raises(ValueError, match="seed"):
        BatchSampler(clips, 64, seed=4).load_state_dict(state)
    with pytest.raises(ValueError, match="batch"):
        BatchSampler(clips, 48, seed=3).load_state_dict(sampler.state_dict(1))
    with pytest.raises(ValueError, match="state"):
        sampler.load_state_dict({"seed": 3})


def test_epochs_are_set_as_torch_counts_them(clips: Clips) -> None:
    sampler = BatchSampler(clips, 64)
    epochs = [list(sampler), list(sampler), list(sampler)]
    sampler.set_epoch(1)
    assert list(sampler) == epochs[1] and sampler.epoch == 2
    sampler.set_epoch(1)
    assert list(sampler) == epochs[1]
    state = sampler.state_dict(2)
    sampler.load_state_dict(state)
    sampler.set_epoch(1)
    assert list(sampler) == epochs[1][2:]
    # A pass that is broken off is over.
    next(iter(sampler))
    assert list(sampler) == list(_epoch(clips, 4))


def _epoch(clips: Clips, epoch: int) -> Iterator[list[int]]:
    sampler = BatchSampler(clips, 64)
    sampler.set_epoch(epoch - 1)
    return iter(sampler)


@pytest.mark.parametrize("method", [None, "fork", "forkserver", "spawn"])
def test_workers_of_every_kind_load_the_same(clips: Clips, method: str | None) -> None:
    here = [collate(clips.__getitems__(batch)) for batch in BatchSampler(clips, 64)]
    workers = {"num_workers": 2, "multiprocessing_context": method, "timeout": 60} if method else {}
    loader = DataLoader(clips, batch_sampler=BatchSampler(clips, 64), collate_fn=collate, **workers)
    for batch, expected in zip(loader, here, strict=True):
        assert isinstance(batch, Batch)
        assert all(torch.equal(one, other) for one, other in zip(batch, expected, strict=True))


def test_a_pickled_dataset_is_opened_anew(clips: Clips) -> None:
    again = pickle.loads(pickle.dumps(clips))
    assert (again.rows == clips.rows).all() and torch.equal(again[4].labels, clips[4].labels)


def test_workers_read_ahead_but_a_state_says_what_was_done(clips: Clips) -> None:
    sampler = BatchSampler(clips, 64)
    expected = list(BatchSampler(clips, 64))
    loader = DataLoader(clips, batch_sampler=sampler, collate_fn=collate, num_workers=2)
    for done, _ in enumerate(loader, 1):
        if done == 3:
            state = sampler.state_dict(done)
            break
    resumed = BatchSampler(clips, 64)
    resumed.load_state_dict(state)
    assert list(resumed) == expected[3:]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("every", [1, 3])
def test_a_stateful_loader_continues_where_it_was_saved(clips: Clips, workers: int, every: int) -> None:
    stateful = pytest.importorskip("torchdata.stateful_dataloader")
    make = functools.partial(
        stateful.StatefulDataLoader, clips, collate_fn=collate, num_workers=workers, snapshot_every_n_steps=every
    )
    sampler = BatchSampler(clips, 64)
    expected = [clips.rows[batch].tolist() for batch in [*sampler, *sampler]]
    whole = len(sampler)
    for done in (1, 4, whole):
        loader = make(batch_sampler=BatchSampler(clips, 64))
        found = iter(loader)
        assert rows(next(found) for _ in range(done)) == expected[:done]
        state = loader.state_dict()
        del found
        resumed = make(batch_sampler=BatchSampler(clips, 64))
        resumed.load_state_dict(state)
        rest = rows(resumed) + rows(resumed)
        assert rest[: 2 * whole - done] == expected[done:]


def test_a_flipped_bit_is_named_in_a_worker(copy: Path) -> None:
    shard = sorted(copy.glob("shards/*.safetensors"))[0]
    data = bytearray(shard.read_bytes())
    data[4096 + 3 * 448 * 448 + 17] ^= 4
    shard.write_bytes(data)
    clips = Clips(copy, mode="full", keep_silent=True, remove_unannotated=False)
    place = clips.rows.tolist().index(3)
    with pytest.raises(l48.ChecksumError) as raised:
        clips[place]
    assert (raised.value.path, raised.value.row) == (shard, 3)
    loader = DataLoader(clips, batch_sampler=[[place]], collate_fn=collate, num_workers=1)
    with pytest.raises(l48.ChecksumError, match="row 3"):
        next(iter(loader))
