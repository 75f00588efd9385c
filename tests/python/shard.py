"""Compares a shard, as the stock safetensors library reads it, with what the Rust reader saw: shard.py SHARD EXPECTED.json"""
import json, sys
import numpy as np
from safetensors import safe_open
from xxhash import xxh3_64_intdigest

path, expected = sys.argv[1], json.load(open(sys.argv[2], encoding="utf-8"))
with safe_open(path, framework="numpy") as shard:
    assert set(shard.keys()) == set(expected["tensors"]), list(shard.keys())
    for name, (dtype, shape) in expected["tensors"].items():
        tensor = shard.get_slice(name)
        assert tensor.get_dtype() == dtype and list(tensor.get_shape()) == shape, (name, tensor.get_dtype(), tensor.get_shape())
    assert expected["metadata"].items() <= shard.metadata().items(), shard.metadata()
    columns = {name: shard.get_tensor(name) for name in ("asset_id", "clip_index", "ref_db", "xxh3")}
    rows = expected["rows"]
    for name in ("asset_id", "clip_index", "ref_db"):
        assert columns[name].tolist() == [row[name] for row in rows], (name, columns[name])
    assert [f"{value:016x}" for value in columns["xxh3"].tolist()] == [row["xxh3"] for row in rows], columns["xxh3"]
    clips = shard.get_tensor("clips")
    for at, row in enumerate(rows):
        one = np.ascontiguousarray(shard.get_slice("clips")[at : at + 1])  # read alone, without the others
        assert one.tobytes() == clips[at].tobytes()
        assert f"{xxh3_64_intdigest(one.tobytes()):016x}" == row["xxh3"], at
        assert int(one.view(np.uint8).sum()) == row["byte_sum"], at
print(f"{len(rows)} clips equal")
