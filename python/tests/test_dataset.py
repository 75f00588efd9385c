"""Datasets as Python sees them, against the stock safetensors library and pyarrow on the files themselves."""

import multiprocessing
import operator
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import l48
import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file


def shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("shards/*.safetensors"))


def test_clips_are_those_of_the_shards(demo: Path) -> None:
    birds = l48.open(demo)
    number = 0
    for shard in shards(demo):
        tensors = load_file(shard)
        for row, stored in enumerate(tensors["clips"]):
            clip = birds[number]
            assert (clip.image == stored).all() and clip.image.dtype == stored.dtype
            assert (clip.asset_id, clip.clip_index) == (tensors["asset_id"][row], tensors["clip_index"][row])
            assert np.float32(clip.ref_db) == tensors["ref_db"][row]
            number += 1
    assert number == len(birds) == birds.info.counts.clips
    assert (birds[-1].image == birds[number - 1].image).all()
    for outside in (number, -number - 1):
        with pytest.raises(IndexError, match=f"dataset of {number}"):
            birds[outside]


def test_an_image_is_a_read_only_view_that_outlives_the_dataset(demo: Path) -> None:
    birds = l48.open(demo)
    image = birds[0].image
    assert not image.flags.owndata and not image.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        image[0, 0] = 1
    del birds
    assert (image == load_file(shards(demo)[0])["clips"][0]).all()


def test_tables_are_the_files_in_the_order_of_the_clips(demo: Path) -> None:
    birds = l48.open(demo)
    labels = birds.labels()
    assert labels.num_rows == len(birds)
    for number in (0, len(birds) // 2, len(birds) - 1):
        clip, row = birds[number], labels.slice(number, 1).to_pylist()[0]
        assert (clip.asset_id, clip.clip_index) == (row["asset_id"], row["clip_index"])
    assert birds.taxa.equals(pq.read_table(demo / "taxa.parquet"))
    assert birds.rejects().num_rows == birds.info.counts.rejects
    assets = birds.assets()
    assert assets.num_rows == birds.priors().num_rows == birds.info.counts.assets
    row = assets.to_pylist()[-1]
    numbers = birds.clips_of(row["asset_id"])
    assert len(numbers) == row["clips"]
    assert [birds[number].clip_index for number in numbers] == list(range(row["clips"]))
    with pytest.raises(KeyError):
        birds.clips_of(-1)


def test_what_the_dataset_says_of_itself(demo: Path) -> None:
    info = l48.open(demo).info
    assert (info.clips.height, info.clips.width, info.clips.dtype) == (448, 448, "U8")
    assert info.axes.clip_duration_s == 3.0 and info.values.unit == "dB"
    assert info.config["spectrogram"]["n_mels"] == 448
    assert "448" not in repr(l48.open(demo)) and info.name in repr(l48.open(demo))


def test_a_flipped_bit_is_named_by_shard_recording_and_row(copy: Path) -> None:
    shard = shards(copy)[0]
    data = bytearray(shard.read_bytes())
    data[4096 + 3 * 448 * 448 + 17] ^= 4
    shard.write_bytes(data)
    birds = l48.open(copy)
    birds[2]
    with pytest.raises(l48.ChecksumError) as raised:
        birds[3]
    assert (raised.value.path, raised.value.row) == (shard, 3)
    assert raised.value.asset_id == load_file(shard)["asset_id"][3]


def test_a_damaged_table_and_no_dataset_are_errors_with_their_file(copy: Path, tmp_path: Path) -> None:
    table = copy / "labels/00000.parquet"
    data = bytearray(table.read_bytes())
    data[100] ^= 1
    table.write_bytes(data)
    with pytest.raises(l48.ChecksumError) as raised:
        l48.open(copy).labels()
    assert raised.value.path == table
    with pytest.raises(l48.DatasetError, match="dataset.json"):
        l48.open(tmp_path)


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_other_processes_read_the_same(demo: Path, method: str) -> None:
    birds = l48.open(demo)
    expected = [birds[number].image for number in range(4)]
    with multiprocessing.get_context(method).Pool(2) as pool:
        work = pool.starmap_async(operator.getitem, [(birds, number) for number in range(4)])
        found = [clip.image for clip in work.get(timeout=60)]
    assert all((a == b).all() for a, b in zip(found, expected, strict=True))
    assert len(pickle.loads(pickle.dumps(birds))) == len(birds)


def test_threads_read_the_same(demo: Path) -> None:
    birds = l48.open(demo)
    numbers = list(range(len(birds)))
    expected = [int(l48.open(demo)[number].image.sum()) for number in numbers[:8]]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: int(birds[number].image.sum()), numbers))
    assert found[:8] == expected
