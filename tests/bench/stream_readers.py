"""Provides the readers that stream.py compares, each in a process of its own: `stream_readers.py NAME DATASET FOLDER`.

A reader writes what it needs into FOLDER, prints a line, and for each line that it is given reads all clips once in random order
in batches of 64, and prints the clips a second, those a second of a processor, and their number. Clips are the training clips of DATASET, with all that is known of them; readers
other than ours give a number beside each clip instead of labels and masks.
"""
import ctypes, os, sys, time
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", DO_NOT_TRACK="1")

import l48
import numpy as np

BATCH = 64


def open_ours(dataset, **settings):
    return l48.Stream(dataset, mode="full", batch=BATCH, seed=48, keep_silent=True, remove_unannotated=False, **settings)


def training_clips(dataset):
    """Each clip as a view of the map."""
    birds = l48.open(dataset)
    return [birds[row].image for row in open_ours(dataset).rows.tolist()]


def aligned(size):
    memory = np.empty(size + 64, np.uint8)
    begin = -memory.ctypes.data % 64
    return memory[begin : begin + size]


def orders(count):
    random = np.random.default_rng(48)
    while True:
        order = random.permutation(count)
        yield [order[first : first + BATCH] for first in range(0, count, BATCH)]


def into(batch, at, clip):
    """Copies bytes to their place in the reused batch."""
    batch[at, :] = np.frombuffer(clip, np.uint8)


def ours(dataset, _folder):
    stream = open_ours(dataset)
    return lambda: sum(len(batch) for batch in stream)


def flat(dataset, folder):
    """All clips one after the other in an .npy file, mapped, and a batch."""
    clips = training_clips(dataset)
    written = np.lib.format.open_memmap(folder / "clips.npy", "w+", np.uint8, (len(clips), clips[0].nbytes))
    for row, clip in enumerate(clips):
        written[row] = clip.reshape(-1)
    written.flush()
    mapped = np.load(folder / "clips.npy", mmap_mode="r")
    return mapped, aligned(BATCH * mapped.shape[1]).reshape(BATCH, -1), orders(len(mapped))


def memcpy(dataset, folder):
    mapped, batch, order = flat(dataset, folder)
    source, target, size = mapped.ctypes.data, batch.ctypes.data, mapped.shape[1]

    def read():
        copy = ctypes.memmove
        for rows in next(order):
            for at, row in enumerate(rows.tolist()):
                copy(target + at * size, source + row * size, size)
        return len(mapped)

    read.memory = batch  # addresses keep nothing
    return read


def numpy_take(dataset, folder):
    mapped, batch, order = flat(dataset, folder)

    def read():
        for rows in next(order):
            # Any other mode than the default writes to `out` itself.
            np.take(mapped, rows, axis=0, out=batch[: len(rows)], mode="clip")
        return len(mapped)

    return read


def numpy_take_unaligned(dataset, folder):
    mapped, _, order = flat(dataset, folder)
    page = aligned(BATCH * mapped.shape[1] + 8192)
    begin = -page.ctypes.data % 4096 + 16
    batch = page[begin : begin + BATCH * mapped.shape[1]].reshape(BATCH, -1)

    def read():
        for rows in next(order):
            np.take(mapped, rows, axis=0, out=batch[: len(rows)], mode="clip")
        return len(mapped)

    return read


def huggingface(dataset, folder):
    import datasets

    clips = training_clips(dataset)
    items = {"clip": [clip.tobytes() for clip in clips], "label": list(range(len(clips)))}
    kinds = datasets.Features({"clip": datasets.Value("binary"), "label": datasets.Value("int64")})
    datasets.Dataset.from_dict(items, kinds).save_to_disk(str(folder / "hf"))
    opened = datasets.load_from_disk(str(folder / "hf"))
    batch, order = aligned(BATCH * clips[0].nbytes).reshape(BATCH, -1), orders(len(clips))

    def read():
        for rows in next(order):
            for at, clip in enumerate(opened[rows.tolist()]["clip"]):
                into(batch, at, clip)
        return len(opened)

    return read


def lance(dataset, folder):
    import lancedb
    import pyarrow as pa

    clips = training_clips(dataset)
    size = clips[0].nbytes
    table = pa.table({"clip": pa.array([clip.tobytes() for clip in clips], pa.binary(size)), "label": list(range(len(clips)))})
    opened = lancedb.connect(str(folder / "lance")).create_table("clips", table).to_lance()
    batch, order = aligned(BATCH * size).reshape(BATCH, -1), orders(len(clips))

    def read():
        for rows in next(order):
            found = opened.take(rows.tolist()).column("clip").combine_chunks()
            values = np.frombuffer(found.buffers()[1], np.uint8)[found.offset * size :]
            batch[: len(rows)] = values[: len(rows) * size].reshape(-1, size)
        return len(clips)

    return read


def webdataset(dataset, folder):
    import webdataset as wds

    clips = training_clips(dataset)
    (folder / "tar").mkdir(exist_ok=True)
    with wds.ShardWriter(str(folder / "tar/%05d.tar"), maxcount=512, verbose=0) as writer:
        for number, clip in enumerate(clips):
            writer.write({"__key__": f"{number:08}", "clip": clip.tobytes(), "cls": str(number).encode()})
    shards = sorted(str(path) for path in (folder / "tar").iterdir())
    loader = wds.WebDataset(shards, shardshuffle=len(shards)).shuffle(1000).to_tuple("clip", "cls")
    batch = aligned(BATCH * clips[0].nbytes).reshape(BATCH, -1)

    def read():
        count = 0
        for clip, _label in loader:
            into(batch, count % BATCH, clip)
            count += 1
        return count

    return read


def mds(dataset, folder):
    from streaming import MDSWriter, StreamingDataLoader, StreamingDataset

    clips = training_clips(dataset)
    columns = {"clip": "ndarray:uint8:448,448", "label": "int"}
    with MDSWriter(out=str(folder / "mds"), columns=columns, exist_ok=True) as writer:
        for number, clip in enumerate(clips):
            writer.write({"clip": np.ascontiguousarray(clip), "label": number})
    opened = StreamingDataset(local=str(folder / "mds"), shuffle=True, shuffle_seed=48, batch_size=BATCH)
    loader = StreamingDataLoader(opened, batch_size=BATCH)
    return lambda: sum(len(batch["label"]) for batch in loader)


def litdata_item(item):
    clip, number = item
    return {"clip": clip, "label": number}


def litdata(dataset, folder):
    import litdata as ld

    clips = [np.array(clip) for clip in training_clips(dataset)]
    items = list(zip(clips, range(len(clips)), strict=True))
    ld.optimize(litdata_item, items, str(folder / "litdata"), chunk_bytes="64MB", num_workers=1, mode="overwrite")
    opened = ld.StreamingDataset(str(folder / "litdata"), shuffle=True, seed=48)
    loader = ld.StreamingDataLoader(opened, batch_size=BATCH, num_workers=0)
    return lambda: sum(len(batch["label"]) for batch in loader)


READERS = {
    "l48.Stream, labels and masks too": ours,
    "memcpy, row by row": memcpy,
    "NumPy memmap take": numpy_take,
    "NumPy memmap take, 16 bytes past a page": numpy_take_unaligned,
    "Hugging Face datasets, binary column": huggingface,
    "LanceDB": lance,
    "WebDataset": webdataset,
    "MDS (mosaicml-streaming)": mds,
    "litData": litdata,
}
PEERS = list(READERS)[4:]


def main():
    name, dataset, folder = sys.argv[1:]
    # What libraries print is not the answer.
    answer = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    read = READERS[name](Path(dataset), Path(folder))
    print("ready", file=answer)
    for _ in sys.stdin:
        begin = time.perf_counter(), time.process_time()
        clips = read()
        end = time.perf_counter(), time.process_time()
        print(*(clips / (after - before) for before, after in zip(begin, end)), clips, file=answer)


if __name__ == "__main__":
    main()
