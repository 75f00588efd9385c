"""The stream: the order and labels of `l48-train` for any number of ranks and threads, resumption, memory, and its end."""

import doctest
import gc
import importlib
import itertools
import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import l48
import numpy as np
import pytest
from l48 import Batch, Stream

SETTINGS: list[dict[str, Any]] = [
    {},
    {"mode": "checklist", "batch": 64, "clips_per_asset": 4},
    {"mode": "full", "batch": 33, "class_balanced": True},
    {"mode": "geo", "batch": 24, "max_clips_per_asset": 2, "drop_last": True},
    {"mode": "checklist", "batch": 50, "order": "window", "window_shards": 1},
    {"split": "test", "mode": None, "batch": 7, "order": "stored"},
]


def rows(batches: Any) -> list[list[int]]:
    return [batch.rows.tolist() for batch in batches]


def threads() -> int:
    names = Path("/proc/self/task")
    return sum((task / "comm").read_text().startswith("l48-loader") for task in names.iterdir())


def until(reached: Callable[[], bool]) -> None:
    for _ in range(1000):
        if reached():
            return
        time.sleep(0.01)
    raise AssertionError("it takes too long")


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_parts_of_ranks_in_order_are_the_one_sequence(demo: Path, settings: dict[str, Any]) -> None:
    whole = Stream(demo, **settings)
    epochs = [rows(whole), rows(whole)]
    assert [len(epoch) for epoch in epochs] == [len(whole)] * 2
    assert epochs[0] != epochs[1] or settings.get("order") == "stored"
    for ranks in (2, 3, 5):
        parts = [Stream(demo, rank=rank, ranks=ranks, threads=rank + 1, **settings) for rank in range(ranks)]
        for epoch in epochs:
            for batch, *of_ranks in zip(epoch, *(rows(part) for part in parts), strict=True):
                assert sum(of_ranks, []) == batch
                sizes = [len(part) for part in of_ranks]
                assert max(sizes) - min(sizes) <= 1


def test_parts_of_a_batch_that_is_smaller_than_there_are_ranks_may_be_empty(demo: Path) -> None:
    parts = [Stream(demo, batch=4, mode="checklist", rank=rank, ranks=5) for rank in range(5)]
    first = [next(iter(part)) for part in parts]
    assert sorted(len(part) for part in first) == [0, 1, 1, 1, 1]
    empty = next(part for part in first if not len(part))
    assert empty.clips.shape == (0, 1, 448, 448) and empty.labels.shape == (0, parts[0].classes)


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_batch_is_the_clips_of_the_dataset_and_the_labels_of_the_mode(demo: Path, settings: dict[str, Any]) -> None:
    birds = l48.open(demo)
    stream = Stream(birds, **settings)
    labels = numbered(birds, birds.labels().to_pylist())
    priors = {prior["asset_id"]: prior for prior in numbered(birds, birds.priors().to_pylist())}
    mode = settings.get("mode", "target")
    for batch in itertools.islice(stream, 5):
        for place, row in enumerate(batch.rows):
            clip, label = birds[row], labels[row]
            assert (batch.clips[place, 0] == clip.image).all()
            assert (batch.asset_id[place], batch.clip_index[place]) == (clip.asset_id, clip.clip_index)
            assert batch.ref_db[place] == np.float32(clip.ref_db)
            assert label["split"] == settings.get("split", "train")
            known = expected(mode, label, priors[clip.asset_id], stream.classes)
            assert (batch.mask[place] == known).all()
            present = np.isin(np.arange(stream.classes), label["present"])
            assert (batch.labels[place] == present * known).all()
    assert all(array.flags.writeable for array in fields(batch)) and batch.clips.ctypes.data % 64 == 0


def numbered(birds: l48.Dataset, table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a table with numbers for classes."""
    numbers = {code: number for number, code in enumerate(birds.taxa["species_code"].to_pylist())}

    def number(value: Any) -> Any:
        if isinstance(value, list):
            return [number(one) for one in value]
        return numbers.get(value, value) if isinstance(value, str) else value

    return [{name: number(value) for name, value in row.items()} for row in table]


def expected(mode: str | None, label: dict[str, Any], prior: dict[str, Any], classes: int) -> np.ndarray[Any, Any]:
    """Which classes a mode shows, from the sidecars: docs/training.md, Modes and rows."""
    known = np.zeros(classes, bool)
    if mode in (None, "full"):
        known[label["present"] + label["absent"]] = True
        return known
    if mode in ("geo", "checklist") and prior["geo_possible"] is not None:
        modelled = prior["geo_modelled"]
        known[range(classes) if modelled is None else modelled] = True
        known[prior["geo_possible"]] = False
    if mode == "checklist" and prior["checklist_observed"] is not None and prior["checklist_complete"]:
        known |= ~np.isin(np.arange(classes), prior["checklist_observed"])
    if label["target"] is not None:
        known[label["target"]] = label["target"] in label["present"]
    return known


def fields(batch: Batch) -> list[np.ndarray[Any, Any]]:
    return [getattr(batch, name) for name in Batch.__slots__]


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_resume_after_every_batch_loses_and_repeats_nothing(demo: Path, settings: dict[str, Any]) -> None:
    whole = Stream(demo, **settings)
    sequence = rows(whole) + rows(whole)
    saving = [Stream(demo, rank=rank, ranks=3, **settings) for rank in range(3)]
    passes = [itertools.chain.from_iterable(itertools.repeat(stream, 2)) for stream in saving]
    for done in range(len(whole) + 2):
        states = [stream.state_dict() for stream in saving]
        assert states[0] == states[1] == states[2]
        if done % 3 == 0 or done >= len(whole) - 1:
            other = Stream(demo, threads=1 + done % 3, **settings)
            other.load_state_dict(json.loads(json.dumps(states[done % 3])))
            assert other.state_dict() == states[0]
            rest = rows(other)
            if done < len(whole):
                rest += rows(other)
            assert rest == sequence[done:], f"after {done}"
        for one in passes:
            next(one)


def test_states_of_something_else_are_refused(demo: Path) -> None:
    state = Stream(demo, mode="checklist").state_dict()
    for other in ({"mode": "target"}, {"seed": 1}, {"clips_per_asset": 2}, {"order": "window"}):
        with pytest.raises(ValueError):
            Stream(demo, **{"mode": "checklist", **other}).load_state_dict(state)
    with pytest.raises(ValueError, match="not the state of an order"):
        Stream(demo).load_state_dict({"epoch": 1})
    for wrong, named in [
        ({"batch": 0}, "batch"),
        ({"threads": 0}, "threads"),
        ({"buffers": 0}, "buffers"),
        ({"rank": 2, "ranks": 2}, "rank"),
        ({"order": "sorted"}, "sorted"),
        ({"window_shards": 2}, "window_shards"),
        ({"order": "window", "class_balanced": True}, "class_balanced"),
        ({"block_mean": (100, 100)}, "block_mean"),
        ({"mode": "ful"}, "ful"),
        ({"drop_last": True, "batch": 100_000}, "drop_last"),
    ]:
        with pytest.raises(ValueError, match=named):
            Stream(demo, **wrong)  # type: ignore[arg-type]


def test_each_loop_is_an_epoch_and_one_that_is_left_early_ends(demo: Path) -> None:
    stream = Stream(demo, batch=100, mode="checklist")
    reference = Stream(demo, batch=100, mode="checklist")
    epochs = [rows(reference) for _ in range(3)]
    assert threads() == 1, "those of the reference, which have begun with its next epoch"
    del reference
    assert threads() == 0
    for batch in stream:
        break
    assert threads() == 0 and batch.rows.tolist() == epochs[0][0]
    assert (stream.epoch, stream.state_dict()["rows_consumed"]) == (1, 100)
    assert rows(stream) == epochs[1] and stream.epoch == 2
    stream.set_epoch(0)
    assert rows(stream) == epochs[0]
    first, second = iter(stream), iter(stream)
    next(first)
    assert rows(second) == epochs[2]
    with pytest.raises(RuntimeError, match="later pass"):
        next(first)
    del stream, first, second
    assert threads() == 0


def test_kept_arrays_are_never_written_to_again(demo: Path) -> None:
    stream = Stream(demo, batch=8, mode="checklist", buffers=3)
    birds = l48.open(demo)
    kept = [(batch.clips, batch.rows) for _ in range(2) for batch in stream]
    assert len({clips.ctypes.data for clips, _ in kept}) == len(kept) == 2 * len(stream)
    for clips, numbers in kept:
        assert all((clip[0] == birds[row].image).all() for clip, row in zip(clips, numbers, strict=True))
    # A view is enough to keep it, and a change stays.
    line = kept[0][0][1, 0, 3:4]
    line[:] = 7
    del kept, clips, numbers
    gc.collect()
    for _ in stream:
        pass
    assert (line == 7).all()


def test_memory_is_used_again_and_may_be_the_callers(demo: Path) -> None:
    given: list[np.ndarray[Any, Any]] = []

    def allocate(size: int) -> np.ndarray[Any, Any]:
        memory = np.full(size + 64, 255, np.uint8)
        begin = -memory.ctypes.data % 64
        given.append(memory[begin : begin + size])
        return given[-1]

    stream = Stream(demo, batch=8, mode="checklist", buffers=4, allocate=allocate)
    plain = Stream(demo, batch=8, mode="checklist")
    for _ in range(2):
        for batch, same in zip(stream, plain, strict=True):
            assert all((one == other).all() for one, other in zip(fields(batch), fields(same), strict=True))
            assert any(memory.ctypes.data == batch.clips.ctypes.data for memory in given)
    assert len(given) == 4, "two batches in hand at most"
    for bad in (lambda size: np.zeros(size - 1, np.uint8), lambda size: bytes(size), lambda size: None):
        with pytest.raises((ValueError, TypeError, BufferError)):
            next(iter(Stream(demo, allocate=bad)))  # type: ignore[arg-type, return-value]
    odd = lambda size: np.zeros(size + 65, np.uint8)  # noqa: E731
    with pytest.raises(ValueError, match="aligned to 64"):
        next(iter(Stream(demo, allocate=lambda size: (memory := odd(size))[(-memory.ctypes.data) % 64 + 1 :])))


def test_means_over_blocks(demo: Path) -> None:
    plain = next(iter(Stream(demo, mode="checklist")))
    means = next(iter(Stream(demo, mode="checklist", block_mean=(112, 56))))
    expected = plain.clips.reshape(-1, 1, 112, 4, 56, 8).mean((3, 5), np.float32)
    assert means.clips.dtype == np.float32 and np.allclose(means.clips, expected, rtol=1e-6)


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_other_processes_have_threads_of_their_own(demo: Path, method: str) -> None:
    stream = Stream(l48.open(demo), mode="checklist", batch=20)
    expected = list(Stream(demo, mode="checklist", batch=20))
    with multiprocessing.get_context(method).Pool(2) as pool:
        # What other processes can call: the first of the batches that are as large as any, and the last, smaller one.
        calls = [pool.apply_async(choose, (stream,), {"key": len}) for choose in (max, min, max)]
        for call, batch in zip(calls, (expected[0], expected[-1], expected[0]), strict=True):
            found = call.get(60)
            assert all((one == other).all() for one, other in zip(fields(found), fields(batch), strict=True))


def test_a_fork_in_the_middle_of_an_epoch(demo: Path) -> None:
    sequence = rows(Stream(demo, mode="checklist"))
    stream = Stream(demo, mode="checklist", threads=4)
    running = iter(stream)
    held = [next(running), next(running)]
    found: list[str] = []
    for _ in range(8):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            # What is held of the parent's memory goes, the pass goes on, and so does another.
            held.clear()
            ours = rows(running) == sequence[2:] and len(rows(stream)) == len(sequence)
            os.write(write, b"same" if ours else b"other")
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as answer:
            found.append(answer.read())
        os.waitpid(child, 0)
    assert found == ["same"] * 8
    assert [batch.rows.tolist() for batch in held] == sequence[:2]
    assert rows(running) == sequence[2:]


def test_a_pickled_stream_continues_from_its_state(demo: Path) -> None:
    stream = Stream(l48.open(demo), mode="checklist", batch=30, clips_per_asset=3)
    running = iter(stream)
    next(running)
    again = pickle.loads(pickle.dumps(stream))
    assert again.state_dict() == stream.state_dict()
    assert rows(again) == rows(running)


def damage(folder: Path, shard: int, row: int) -> Path:
    path = sorted(folder.glob("shards/*.safetensors"))[shard]
    data = bytearray(path.read_bytes())
    data[4096 + row * 448 * 448 + 17] ^= 4
    path.write_bytes(data)
    return path


def named(stream: Stream) -> tuple[str, Any, Any, int]:
    taken = 0
    try:
        for _ in stream:
            taken += 1
    except l48.ChecksumError as error:
        return str(error.path), error.asset_id, error.row, taken
    return "", None, None, taken


@pytest.mark.parametrize("mode", ["target", "geo", "checklist", "full"])
def test_a_flipped_bit_is_named_in_its_turn(copy: Path, mode: str) -> None:
    sequence = rows(Stream(copy, mode=mode, batch=16))  # type: ignore[arg-type]
    birds = l48.open(copy)
    row = sequence[3][5]
    clip, (shard, place) = birds[row], birds._native.locate(row)
    path = damage(copy, shard, place)
    expected = (str(path), clip.asset_id, place, 3)
    stream = Stream(copy, mode=mode, batch=16)  # type: ignore[arg-type]
    assert named(stream) == expected
    assert threads() == 0 and stream.state_dict()["rows_consumed"] == 48
    stream.load_state_dict(stream.state_dict())
    assert named(stream) == (*expected[:3], 0), "it is not passed over"
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(named, [Stream(copy, mode=mode, batch=16)]).get(60) == expected  # type: ignore[arg-type]


def test_ctrl_c_ends_the_wait_for_a_batch_and_nothing_is_lost(demo: Path) -> None:
    sequence = rows(Stream(demo, mode="checklist"))
    stream = Stream(demo, mode="checklist")
    running, found = iter(stream), []
    # Whoever starts tests in the background may have them ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupt = threading.Timer(0.2, signal.raise_signal, [signal.SIGINT])
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        for batch in running:
            found.append(batch.rows.tolist())
            time.sleep(0.05)
    interrupt.join()
    running.close()
    assert threads() == 0
    stream.load_state_dict(stream.state_dict())
    consumed = stream.state_dict()["rows_consumed"] // 16
    assert found == sequence[: len(found)] and consumed - len(found) in (0, 1)
    assert rows(stream) == sequence[consumed:]


def test_other_threads_of_python_run_while_a_batch_is_waited_for(demo: Path) -> None:
    stream, counted, stop = Stream(demo, mode="checklist"), [0], threading.Event()

    def count() -> None:
        while not stop.is_set():
            counted[0] += 1

    busy = threading.Thread(target=count)
    busy.start()
    try:
        sizes = [len(batch) for _ in range(3) for batch in stream]
    finally:
        stop.set()
        busy.join()
    assert len(sizes) == 3 * len(stream) and counted[0] > 0


CONSUMER = """
import sys, l48
stream = l48.Stream(sys.argv[1], mode="checklist", threads=3)
print("ready", flush=True)
while True:
    for batch in stream:
        print(len(batch), flush=True)
"""


def test_a_consumer_that_is_killed_leaves_nothing(copy: Path) -> None:
    before = sorted(path.name for path in copy.rglob("*"))
    for reads in (0, 1, 5, 40):
        consumer = subprocess.Popen([sys.executable, "-c", CONSUMER, copy], stdout=subprocess.PIPE, text=True)
        assert consumer.stdout is not None
        for _ in range(reads + 1):
            consumer.stdout.readline()
        tasks = list(Path(f"/proc/{consumer.pid}/task").iterdir())
        consumer.kill()
        assert consumer.wait(timeout=10) == -signal.SIGKILL
        consumer.stdout.close()
        until(lambda: not any(task.exists() for task in tasks))
    assert sorted(path.name for path in copy.rglob("*")) == before


@pytest.fixture(scope="module")
def runs(demo: Path, trainer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Path]]:
    folder = tmp_path_factory.mktemp("runs")

    def train(name: str, *settings: str) -> Path:
        usual = ["--arch", "tiny", "--epochs", "2", "--lr", "3e-3", "--no-test", "--checkpoint-every", "3"]
        run = folder / name
        subprocess.run([trainer, "fit", demo, "--out", run, *usual, *settings], check=True, capture_output=True)
        return run

    yield train


@pytest.mark.parametrize(
    ("flags", "settings"),
    [
        ([], {}),
        (["--mode", "checklist", "--clips-per-asset", "4"], {"mode": "checklist", "clips_per_asset": 4}),
        (["--mode", "full", "--class-balanced"], {"mode": "full", "class_balanced": True}),
        (["--order", "window", "--window-shards", "1"], {"order": "window", "window_shards": 1}),
    ],
)
def test_it_continues_a_run_of_l48_train(
    demo: Path, runs: Callable[..., Path], flags: list[str], settings: dict[str, Any]
) -> None:
    run = runs("-".join(["run", *flags]), "--batch", "32", "--seed", "5", *flags)
    state = l48.run_state(run)
    stream = Stream(demo, batch=32, seed=5, **settings)
    # The hash is over dataset, rows and order: the same numbers, or it is refused.
    assert state["epoch"] == 3 and state["dataset_hash"] == stream.state_dict()["dataset_hash"]
    passes = [rows(stream) for _ in range(3)]
    stream.load_state_dict(state)
    assert rows(stream) == passes[2]
    checkpoint = run / "checkpoints" / (run / "checkpoints/last").read_text().strip()
    assert l48.run_state(checkpoint) == state
    stream.load_state_dict(json.loads((checkpoint / "state.json").read_text()))
    assert rows(stream) == passes[2]
    with pytest.raises(l48.DatasetError, match="no best checkpoint"):
        l48.run_state(demo, "best")


def test_examples(demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/birds").symlink_to(demo)
    found = doctest.testmod(importlib.import_module("l48.stream"))
    assert found.failed == 0 and found.attempted > 3
