"""Resumes an epoch after some of its batches and counts what is lost and repeated: `stream_resume.py DATASET FOLDER`.

Ours after every batch, with other numbers of ranks, threads and workers; peers where they can, with other numbers of workers.
"""
import itertools, json, os, sys
from pathlib import Path

from measure import target
from stream_readers import BATCH, litdata_item, open_ours, training_clips

RANKS = (1, 2, 3)


def differences(whole, resumed):
    """Lost, repeated, and whether the order is another one."""
    return len(set(whole) - set(resumed)), len(resumed) - len(set(resumed)), resumed != whole


def rows(batches):
    return [row for batch in batches for row in batch.rows.tolist()]


def joined(streams):
    """The parts of all ranks, batch after batch."""
    return [row for parts in zip(*streams) for part in parts for row in part.rows.tolist()]


def ours(dataset):
    whole = rows(open_ours(dataset))
    state_of = [open_ours(dataset, rank=rank, ranks=2) for rank in range(2)]
    resuming = {ranks: [open_ours(dataset, rank=rank, ranks=ranks, threads=1 + rank) for rank in range(ranks)] for ranks in RANKS}
    found = []
    running = [iter(stream) for stream in state_of]
    done = []
    for step in range(1, len(state_of[0])):
        done += [row for part in running for row in next(part).rows.tolist()]
        state = json.loads(json.dumps(state_of[step % 2].state_dict()))
        for streams in resuming.values():
            for stream in streams:
                stream.load_state_dict(state)
            found.append(differences(whole, done + joined(streams)))
        if step % 9 == 1:
            found.append(differences(whole, done + with_workers(dataset, state, step % 2 + 1)))
    return found


def with_workers(dataset, state, workers):
    from l48.torch import BatchSampler, Clips, collate
    from torch.utils.data import DataLoader

    clips = Clips(dataset, mode="full", keep_silent=True, remove_unannotated=False)
    sampler = BatchSampler(clips, batch=BATCH, seed=48)
    sampler.load_state_dict(state)
    return rows(DataLoader(clips, batch_sampler=sampler, collate_fn=collate, num_workers=workers))


def resumed(loader, labels):
    """Differences for some steps, where `loader(workers)` makes a loader anew."""
    read = lambda batches: [int(label) for batch in batches for label in labels(batch)]
    whole = read(loader(0))
    found = []
    for step, workers in ((1, 0), (9, 0), (9, 2), (len(whole) // BATCH - 1, 0)):
        first = loader(0)
        done = read(itertools.islice(first, step))
        state = first.state_dict()
        again = loader(workers)
        again.load_state_dict(state)
        found.append(differences(whole, done + read(again)))
    return found


def huggingface(clips, folder):
    import datasets

    items = {"clip": [clip.tobytes() for clip in clips], "label": list(range(len(clips)))}
    stored = datasets.Dataset.from_dict(items)
    # State is of the data set: batches are cut from it, in this process.
    loader = lambda workers: stored.to_iterable_dataset(num_shards=4).shuffle(seed=48, buffer_size=1000).batch(BATCH)
    return resumed(loader, lambda batch: batch["label"])


def mds(clips, folder):
    from streaming import MDSWriter, StreamingDataLoader, StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    with MDSWriter(out=str(folder / "mds-resume"), columns={"clip": "bytes", "label": "int"}, exist_ok=True) as writer:
        for number, clip in enumerate(clips):
            writer.write({"clip": clip.tobytes(), "label": number})

    def loader(workers):
        clean_stale_shared_memory()
        opened = StreamingDataset(local=str(folder / "mds-resume"), shuffle=True, shuffle_seed=48, batch_size=BATCH)
        return StreamingDataLoader(opened, batch_size=BATCH, num_workers=workers)

    return resumed(loader, lambda batch: batch["label"])


def litdata(clips, folder):
    import litdata as ld

    items = list(zip((clip[:8].copy() for clip in clips), range(len(clips)), strict=True))
    ld.optimize(litdata_item, items, str(folder / "litdata-resume"), chunk_bytes="1MB", num_workers=1, mode="overwrite")

    def loader(workers):
        opened = ld.StreamingDataset(str(folder / "litdata-resume"), shuffle=True, seed=48)
        return ld.StreamingDataLoader(opened, batch_size=BATCH, num_workers=workers)

    return resumed(loader, lambda batch: batch["label"])


def main():
    answer = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    sys.stdout = answer
    dataset, folder = map(Path, sys.argv[1:])
    found = ours(dataset)
    lost, repeated, reordered = (sum(column) for column in zip(*found))
    said = f"{lost} lost, {repeated} repeated, {reordered} in another order, of {len(found)}"
    target("resumed after every batch, other ranks, threads and workers", said, "0, 0, 0", not (lost or repeated or reordered))
    clips = training_clips(dataset)
    for peer in (huggingface, mds, litdata):
        try:
            lost, repeated, reordered = (sum(column) for column in zip(*peer(clips, folder)))
            print(f"        {peer.__name__}, shuffled, resumed 4 times: {lost} clips lost, {repeated} repeated, {reordered} times in another order")
        except Exception as error:  # a peer's failure is a result
            print(f"        {peer.__name__}: {type(error).__name__}: {error}")
    print("        WebDataset has no state to resume from; with LanceDB and NumPy the order is the caller's")


if __name__ == "__main__":
    main()
