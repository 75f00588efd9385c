"""Prints a shard as JSON: its rows, its shape and, for each row, identifiers and the sum of the record's bytes."""
import json, mmap, sys
import numpy as np

try:
    from xxhash import xxh3_64_intdigest
except ImportError:  # checksums are then not verified
    xxh3_64_intdigest = None

DTYPES = {"U8": "u1", "F16": "<f2", "F32": "<f4", "I64": "<i8", "U32": "<u4", "U64": "<u8"}

def open_shard(path):
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    tensors = {}
    for name, t in ((n, t) for n, t in header.items() if n != "__metadata__"):
        count = int(np.prod(t["shape"]))
        flat = np.frombuffer(data, DTYPES[t["dtype"]], count, start + t["data_offsets"][0])
        tensors[name] = flat.reshape(t["shape"])
    return tensors

shard = open_shard(sys.argv[1])
records = [clip.tobytes() for clip in shard["clips"]]
if xxh3_64_intdigest and any(xxh3_64_intdigest(r) != int(h) for r, h in zip(records, shard["xxh3"])):
    sys.exit("a record does not match its checksum")
rows = [{"asset_id": int(a), "clip_index": int(c), "byte_sum": sum(r)}
        for a, c, r in zip(shard["asset_id"], shard["clip_index"], records)]
print(json.dumps({"rows": len(rows), "shape": shard["clips"].shape, "records": rows}))
