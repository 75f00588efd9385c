"""Batches of datasets in object stores and on web servers: those of a dataset here, whatever the cache holds."""

import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import l48
import numpy as np
import pytest
import stores
from stores import Run

FIELDS = ("clips", "labels", "mask", "asset_id", "clip_index", "ref_db", "rows")
LARGE = 1 << 30


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("L48_STORE_SECONDS", "20")


@pytest.fixture
def at_s3(bucket: str, plan: stores.Plan, run: Run, monkeypatch: pytest.MonkeyPatch) -> str:
    run("copy", plan.folder, "s3://lab/birds", s3=bucket)
    for name, value in stores.environment(Path("/nowhere"), bucket).items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    return "s3://lab/birds"


def stream(dataset: Any, order: Any = "shuffled", **settings: Any) -> l48.Stream:
    windows = {"window_shards": 2} if order == "window" else {}
    return l48.Stream(dataset, "train", "geo", batch=16, seed=3, order=order, buffers=3, **windows, **settings)


def same(mine: Any, theirs: Any) -> bool:
    return all((np.asarray(getattr(mine, name)) == np.asarray(getattr(theirs, name))).all() for name in FIELDS)


def shards_bytes(plan: stores.Plan) -> list[int]:
    return [path.stat().st_size for path in sorted((plan.folder / "shards").iterdir())]


def shards_asked(handler: Any) -> set[str]:
    return {path for _, path, _ in handler.asked if "shards/" in path}


def held(cache: Path) -> int:
    total = 0
    for folder, _, names in os.walk(cache):
        for name in names:
            try:
                total += os.stat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                pass
    return total


@contextmanager
def bounded(cache: Path, limit: int) -> Iterator[None]:
    """Looks at the cache all the time."""
    most, ended = [0], threading.Event()

    def look() -> None:
        while not ended.wait(0.02):
            most[0] = max(most[0], held(cache))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    assert 0 < most[0] <= limit


@pytest.mark.parametrize("order", ["shuffled", "window", "stored"])
def test_batches_from_s3_are_those_of_the_folder(order: str, at_s3: str, plan: stores.Plan, tmp_path: Path) -> None:
    far, near = stream(l48.open(at_s3, tmp_path / "cache"), order), stream(plan.folder, order)
    for _ in range(2):
        pairs = list(zip(far, near, strict=True))
        assert len(pairs) == len(near) and all(same(*pair) for pair in pairs)


@pytest.mark.parametrize("order", ["shuffled", "window", "stored"])
def test_a_cache_that_is_smaller_than_the_dataset_does(order: str, plan: stores.Plan, tmp_path: Path) -> None:
    limit = sum(sorted(shards_bytes(plan))[-4:]) + (2 << 20)
    handler = stores.files(plan.folder)
    with stores.serve(handler) as server:
        dataset = l48.open(server, tmp_path / "cache", limit)
        if order == "shuffled":
            with pytest.warns(RuntimeWarning, match='order="window"'):
                far = stream(dataset, order)
        else:
            far = stream(dataset, order)
        assert not shards_asked(handler), "clips come when they are touched"
        with bounded(tmp_path / "cache", limit):
            # A shuffle fetches every shard for every batch.
            steps = 3 if order == "shuffled" else len(far)
            for step, (mine, theirs) in enumerate(zip(far, stream(plan.folder, order))):
                assert same(mine, theirs)
                if step + 1 == steps:
                    break
    if order != "shuffled":
        often = Counter(path for _, path, given in handler.asked if "shards/" in path and (given or "").startswith("bytes=0-8"))
        # The next epoch has begun.
        assert len(often) == stores.SHARDS and often.total() <= stores.SHARDS + 4


def test_a_sampler_that_shuffles_over_more_than_the_cache_holds_warns(plan: stores.Plan, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from l48.torch import BatchSampler, Clips

    limit = sum(sorted(shards_bytes(plan))[-4:]) + (2 << 20)
    with stores.serve(stores.files(plan.folder)) as server:
        clips = Clips(l48.open(server, tmp_path / "cache", limit), mode="geo")
        with pytest.warns(RuntimeWarning, match='order="window"') as told:
            BatchSampler(clips, batch=8)
        assert [Path(warning.filename) for warning in told] == [Path(__file__)]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            BatchSampler(Clips(l48.open(server, tmp_path / "cache"), mode="geo"), batch=8)
            BatchSampler(Clips(plan.folder, mode="geo"), batch=8)


def test_the_next_window_comes_while_one_is_used(plan: stores.Plan, tmp_path: Path) -> None:
    handler = stores.files(plan.folder)
    with stores.serve(handler) as server:
        batches = iter(stream(l48.open(server, tmp_path / "cache"), "window"))
        next(batches)
        for _ in range(100):
            if len(shards_asked(handler)) >= 6:
                break
            time.sleep(0.1)
        time.sleep(1)
        # A window of two, and the next two windows.
        assert len(shards_asked(handler)) == 6
    with stores.serve(handler) as server:
        handler.asked.clear()
        next(iter(stream(l48.open(server, tmp_path / "other"), "shuffled")))
        for _ in range(100):
            if len(shards_asked(handler)) == stores.SHARDS:
                break
            time.sleep(0.1)
        assert len(shards_asked(handler)) == stores.SHARDS


def test_a_cache_smaller_than_a_shard_says_what_to_do(plan: stores.Plan, tmp_path: Path) -> None:
    with stores.serve(stores.files(plan.folder)) as server:
        far = stream(l48.open(server, tmp_path / "cache", 5 << 20), "window")
        with pytest.raises(l48.DatasetError, match="cache_bytes|--cache-bytes"):
            next(iter(far))


def test_a_store_that_goes_away_is_named(plan: stores.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("L48_STORE_SECONDS", "1")
    gone = threading.Event()
    with stores.serve(stores.files(plan.folder)) as server:
        with stores.serve(stores.proxy(server, lambda *_: "reset" if gone.is_set() else None)) as proxy:
            far = l48.Stream(l48.open(proxy, tmp_path / "cache"), "train", "geo", order="window", window_shards=1, buffers=2)
            batches = iter(far)
            next(batches)
            gone.set()
            with pytest.raises(l48.DatasetError, match=rf"{proxy}/shards/0000\d\.safetensors"):
                list(batches)
            gone.clear()
            # What failed is asked for again.
            state = far.state_dict()
            again = l48.Stream(l48.open(proxy, tmp_path / "cache"), "train", "geo", order="window", window_shards=1, buffers=2)
            again.load_state_dict(state)
            near = l48.Stream(plan.folder, "train", "geo", order="window", window_shards=1)
            near.load_state_dict(state)
            assert all(same(*pair) for pair in zip(again, near, strict=True))


def test_bits_that_flip_in_the_cache_are_not_used(plan: stores.Plan, tmp_path: Path) -> None:
    def flip(from_: float) -> None:
        for path in (tmp_path / "cache").rglob("*.safetensors"):
            with path.open("r+b") as file:
                for place in range(int(path.stat().st_size * from_), path.stat().st_size, 40_000):
                    file.seek(place)
                    value = file.read(1)[0]
                    file.seek(place)
                    file.write(bytes([value ^ 1]))

    with stores.serve(stores.files(plan.folder)) as server:
        far, near = stream(l48.open(server, tmp_path / "cache"), "stored"), stream(plan.folder, "stored")
        assert all(same(*pair) for pair in zip(far, near, strict=True))
        flip(0.01)
        fresh = stream(l48.open(server, tmp_path / "cache"), "stored")
        assert all(same(*pair) for pair in zip(fresh, near, strict=True)), "fetched again"
        # While it is mapped.
        fresh = stream(l48.open(server, tmp_path / "cache"), "stored")
        batches = iter(fresh)
        next(batches)
        flip(0.8)
        with pytest.raises(l48.ChecksumError, match=r"shards/0000\d\.safetensors"):
            list(batches)


READ = """
import sys, hashlib, l48
birds = l48.open(sys.argv[1], sys.argv[2], int(sys.argv[3]))
sum_ = hashlib.sha256()
for batch in l48.Stream(birds, "train", "geo", batch=16, seed=3, order=sys.argv[4], window_shards=2 if sys.argv[4] == "window" else None):
    sum_.update(batch.clips.tobytes())
print(sum_.hexdigest())
"""


def read(*arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", READ, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def test_processes_share_a_cache(plan: stores.Plan, tmp_path: Path) -> None:
    handler = stores.files(plan.folder)
    ours = read(plan.folder, "", 0, "shuffled").communicate(timeout=120)[0]
    with stores.serve(handler) as server:
        processes = [read(server, tmp_path / "cache", LARGE, "shuffled") for _ in range(2)]
        assert [process.communicate(timeout=300)[0] for process in processes] == [ours] * 2
        pieces = Counter((path, given) for _, path, given in handler.asked if "shards/" in path and given not in (None, "bytes=0-0"))
        assert set(pieces.values()) == {1}, "each piece came once"
        # One is killed while it brings a shard: nobody waits for it, and nothing of it is used or left.
        handler.asked.clear()
        killed = read(server, tmp_path / "again", LARGE, "shuffled")
        while not shards_asked(handler):
            time.sleep(0.01)
        killed.kill()
        killed.communicate()
        assert read(server, tmp_path / "again", LARGE, "shuffled").communicate(timeout=300)[0] == ours
        assert not [path for path in (tmp_path / "again").rglob("*.tmp*")]


def test_processes_share_a_cache_that_is_smaller_than_the_dataset(plan: stores.Plan, tmp_path: Path) -> None:
    limit = sum(sorted(shards_bytes(plan))[-4:]) + (2 << 20)
    ours = read(plan.folder, "", 0, "window").communicate(timeout=120)[0]
    with stores.serve(stores.files(plan.folder)) as server, bounded(tmp_path / "cache", limit):
        processes = [read(server, tmp_path / "cache", limit, "window") for _ in range(2)]
        assert [process.communicate(timeout=300)[0] for process in processes] == [ours] * 2


def test_a_stream_goes_to_other_processes(plan: stores.Plan, tmp_path: Path) -> None:
    near = list(stream(plan.folder))
    with stores.serve(stores.files(plan.folder)) as server:
        far = stream(l48.open(server, tmp_path / "cache"))
        first = next(iter(far))
        again = pickle.loads(pickle.dumps(stream(l48.open(server, tmp_path / "cache"))))
        assert same(first, near[0]) and same(next(iter(again)), near[0])
        # Forked while threads bring shards: it has threads and locks of its own.
        other = stream(l48.open(server, tmp_path / "other"), "window")
        running = iter(other)
        next(running)
        child = os.fork()
        if child == 0:
            rest = list(stream(plan.folder, "window"))[1:]
            os._exit(0 if all(same(*pair) for pair in zip(running, rest, strict=True)) else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert len(list(running)) == len(other) - 1


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_clips_from_an_address_in_workers(method: str, plan: stores.Plan, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from l48.torch import BatchSampler, Clips, collate
    from torch.utils.data import DataLoader

    def loader(dataset: Any, workers: int) -> Any:
        clips = Clips(dataset, "train", mode="geo")
        context = multiprocessing.get_context(method) if workers else None
        sampler = BatchSampler(clips, batch=16, seed=3)
        return DataLoader(clips, batch_sampler=sampler, num_workers=workers, collate_fn=collate, multiprocessing_context=context)

    near = list(loader(plan.folder, 0))
    limit = sum(sorted(shards_bytes(plan))[-4:]) + (2 << 20)
    with stores.serve(stores.files(plan.folder)) as server:
        assert all(same(*pair) for pair in zip(loader(l48.open(server, tmp_path / "cache"), 2), near, strict=True))
        few = zip(loader(l48.open(server, tmp_path / "small", limit), 0), near)
        assert all(same(*next(few)) for _ in range(2))


def test_l48_train_takes_an_address(trainer: str, plan: stores.Plan, tmp_path: Path) -> None:
    settings = Path(__file__).parents[2] / "manifests/train-demo.toml"
    # Room for two windows of two shards.
    limit = sum(sorted(shards_bytes(plan))[-4:]) + (2 << 20)
    told = stores.environment(tmp_path, "", seconds=2) | {"L48_CACHE_BYTES": str(limit)}

    def train(*command: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([trainer, *map(str, command)], capture_output=True, text=True, env=told, timeout=300)

    with stores.serve(stores.files(plan.folder)) as server:
        small = ("--config", settings, "--epochs", 1, "--device", "cpu", "--order", "window", "--window-shards", 2)
        far = train("fit", server, "--out", tmp_path / "far", *small)
        if "reads files of this machine only" in far.stderr:
            pytest.skip("l48-train was built without the feature cloud")
        near = train("fit", plan.folder, "--out", tmp_path / "near", *small)
        assert (far.returncode, near.returncode) == (0, 0), far.stderr + near.stderr
        result = [told.stdout.splitlines()[0].split("mAP")[1] for told in (far, near)]
        assert result[0] == result[1], "the same batches"
        assert train("eval", tmp_path / "far", "--device", "cpu").returncode == 0, "the run remembers the address"
        for name, place in [("far", server), ("near", plan.folder)]:
            train("predict", tmp_path / "far", place, "--out", tmp_path / f"{name}.parquet", "--device", "cpu")
        assert (tmp_path / "far.parquet").read_bytes() == (tmp_path / "near.parquet").read_bytes()
    gone = train("eval", tmp_path / "far", "--device", "cpu")
    assert gone.returncode == 75 and server in gone.stderr
