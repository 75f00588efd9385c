"""Runs one of the steps of stream.py in a fresh process: `stream_steps.py STEP DATASET`, and prints its figures."""
import multiprocessing, re, statistics, sys, threading, time
from pathlib import Path

from stream_readers import BATCH, open_ours

LATER = 5


def epoch_s(stream, clock=time.perf_counter):
    begin = clock()
    for _ in stream:
        pass
    return clock() - begin


def epochs(dataset):
    """Seconds of the first epoch and of a later one, by the clock and then by the processor, of two fresh streams."""
    found = []
    for clock in (time.perf_counter, time.process_time):
        stream = open_ours(dataset)
        found += [epoch_s(stream, clock), statistics.median(epoch_s(stream, clock) for _ in range(LATER))]
    return found


def busy(dataset):
    """Clips a second, alone and beside a thread that computes in Python all the time."""
    stream, stop = open_ours(dataset), threading.Event()
    clips = len(stream.rows)
    epoch_s(stream)
    alone = statistics.median(clips / epoch_s(stream) for _ in range(LATER))

    def compute():
        number = 0
        while not stop.is_set():
            number += 1

    thread = threading.Thread(target=compute)
    thread.start()
    beside = statistics.median(clips / epoch_s(stream) for _ in range(LATER))
    stop.set()
    thread.join()
    return alone, beside


def anonymous_mb():
    """Memory of this process that is no map of a file."""
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return int(re.search(r"^Anonymous: +(\d+) kB", rollup, re.MULTILINE)[1]) * 1024 / 1e6


class Measured:
    """Clips that tell the memory of the process that gathers them."""

    def __init__(self, clips):
        self.clips = clips

    def __getitems__(self, rows):
        gathered = self.clips.__getitems__(rows)
        return len(gathered.whole.rows), anonymous_mb()


def of_torch(answers):
    import torch  # noqa: F401

    answers.put(anonymous_mb())


def of_stream(answers, dataset):
    import torch  # noqa: F401

    stream = open_ours(dataset)
    answers.put(max(anonymous_mb() for _ in range(2) for _batch in stream))


def whole(answer):
    return answer


def memory(dataset):
    """MB of a process with torch, of one with a stream, and of a spawned worker of a DataLoader."""
    spawn = multiprocessing.get_context("spawn")
    found = []
    for work in ((of_torch,), (of_stream, dataset)):
        answers = spawn.Queue()
        process = spawn.Process(target=work[0], args=(answers, *work[1:]))
        process.start()
        found.append(answers.get())
        process.join()

    from l48.torch import BatchSampler, Clips
    from torch.utils.data import DataLoader

    clips = Clips(dataset, mode="full")
    loader = DataLoader(Measured(clips), batch_sampler=BatchSampler(clips, batch=BATCH), num_workers=1, collate_fn=whole, multiprocessing_context="spawn")
    return (*found, max(used for _, used in loader))


def first(dataset):
    """Seconds until clips are selected, and until the first batch is there, also of a processor; memory then."""
    begin = time.perf_counter()
    stream = open_ours(dataset)
    opened = time.perf_counter() - begin
    for _ in stream:
        return opened, time.perf_counter() - begin, time.process_time(), anonymous_mb()


if __name__ == "__main__":
    step = {"epochs": epochs, "busy": busy, "memory": memory, "first": first}[sys.argv[1]]
    print(*step(Path(sys.argv[2])))
