"""Datasets that are built in object stores: by parts, by several at once, through cuts and kills, always the bytes of one
`l48 build`, or no dataset."""

import json
import random
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import stores
from stores import SHARDS, Plan, Run, content

URL = "s3://lab/sets/birds"

@pytest.fixture
def same(run: Run, bucket: str, plan: Plan, tmp_path: Path) -> Callable[[], None]:
    """Compares what is in the store with the dataset of one build; nothing else may be left there."""

    def compare() -> None:
        run("copy", URL, tmp_path / "back", s3=bucket)
        assert content(tmp_path / "back") == plan.built
        assert {key.removeprefix("sets/birds/") for key in stores.keys(bucket)} == set(plan.built)
        shutil.rmtree(tmp_path / "back")

    return compare


def left(scratch: Path) -> list[str]:
    """Files in scratch, but for locks."""
    return [name for name in content(scratch) if not name.endswith("lock")] if scratch.exists() else []


def test_one_build_to_a_store_is_that_of_a_folder(run: Run, bucket: str, plan: Plan, same: Callable[[], None], tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    told = run("build", plan.manifest, "--out", URL, "--scratch", scratch, s3=bucket).stdout
    assert f"Committed {URL}: " in told
    same()
    assert not left(scratch)
    again = run("build", plan.manifest, "--out", URL, "--resume", s3=bucket).stdout
    assert "already committed" in again and f"its {len(plan.built) - 1} files are there" in again
    assert "is not empty (a committed dataset)" in run("build", plan.manifest, "--out", URL, s3=bucket, code=2).stderr
    assert "at another address" in run("build", plan.manifest, "--out", URL, "--overwrite", s3=bucket, code=2).stderr
    stores.delete(bucket, "sets/birds/labels/00003.parquet")
    assert "labels/00003.parquet" in run("build", plan.manifest, "--out", URL, "--resume", s3=bucket, code=2).stderr


def test_parts_are_built_by_machines_that_share_nothing(
    run: Run, bucket: str, plan: Plan, same: Callable[[], None], tmp_path: Path
) -> None:
    def l48(*command: object, code: int = 0, scratch: str = "0") -> subprocess.CompletedProcess[str]:
        return run(*command, "--scratch", tmp_path / scratch, s3=bucket, code=code)

    def status() -> dict[str, object]:
        found: dict[str, object] = json.loads(run("status", URL, "--json", s3=bucket).stdout)
        return found

    assert "has no unfinished build" in run("status", URL, s3=bucket, code=2).stderr
    assert "has no unfinished build" in l48("build", plan.manifest, "--out", URL, "--part", "0/2", code=2).stderr
    assert f"Planned {URL}" in l48("plan", plan.manifest, "--out", URL, "--resume").stdout
    assert "an unfinished build" in l48("plan", plan.manifest, "--out", URL, code=2).stderr
    assert "Already planned" in l48("plan", plan.manifest, "--out", URL, "--resume", scratch="1").stdout
    assert status()["stage"] == "building" and status()["missing"] == list(range(SHARDS))
    l48("build", plan.manifest, "--out", URL, "--part", "0/2")
    done = status()["done"]
    assert isinstance(done, list) and 0 < len(done) < SHARDS
    told = l48("commit", URL, code=2).stderr
    assert f"{SHARDS - len(done)} of {SHARDS} shards are not built yet" in told
    l48("build", plan.manifest, "--out", URL, "--part", "1/2", scratch="1")
    assert status()["stage"] == "built"
    assert not left(tmp_path / "0") and not left(tmp_path / "1")
    l48("commit", URL)
    same()
    assert status()["stage"] == "committed"
    assert "already committed" in l48("commit", URL, code=2).stderr
    assert "already committed" in l48("commit", URL, "--resume").stdout
    assert "already committed" in l48("build", plan.manifest, "--out", URL, "--part", "0/2", "--resume").stdout
    assert "already committed" in l48("plan", plan.manifest, "--out", URL, "--resume").stdout
    assert not left(tmp_path / "0")


def test_recordings_and_dataset_may_both_be_in_a_store(
    run: Run, bucket: str, plan: Plan, same: Callable[[], None], demo: Path, tmp_path: Path
) -> None:
    recordings = demo.parent / "recordings"
    audio = [path for path in recordings.rglob("*") if path.suffix in (".wav", ".flac")]
    assert audio
    for path in audio:
        stores.put(bucket, f"audio/{path.relative_to(recordings)}", path.read_bytes())
    shutil.copytree(recordings, tmp_path / "tables", ignore=shutil.ignore_patterns("*.wav", "*.flac"))
    far = tmp_path / "tables/shards.toml"
    far.write_text(far.read_text().replace("[tables]\n", '[tables]\nrecordings_at = "s3://lab/audio"\n'))
    run("build", far, "--out", URL, "--scratch", tmp_path / "scratch", s3=bucket)
    for path in audio:
        stores.delete(bucket, f"audio/{path.relative_to(recordings)}")
    same()


@pytest.mark.parametrize("fault", ["reset", "close", "500", "half", "slow", "503"])
def test_what_goes_wrong_on_the_way_changes_nothing(
    fault: str, run: Run, bucket: str, plan: Plan, same: Callable[[], None], tmp_path: Path
) -> None:
    often = 3 if fault != "slow" else 1
    with stores.serve(stores.proxy(bucket, lambda *asked: fault if asked[2] % often == 0 else None)) as proxy:
        run("build", plan.manifest, "--out", URL, "--scratch", tmp_path / "scratch", s3=proxy)
    same()


@pytest.mark.parametrize("fault", ["close", "500"])
def test_answers_that_were_lost_are_settled_by_reading_back(
    fault: str, run: Run, bucket: str, plan: Plan, same: Callable[[], None], tmp_path: Path
) -> None:
    lost: list[str] = []

    def first(method: str, path: str, _: int) -> str | None:
        if method in ("GET", "HEAD") or path in lost:
            return None
        lost.append(path)
        return fault

    with stores.serve(stores.proxy(bucket, first)) as proxy:
        run("build", plan.manifest, "--out", URL, "--scratch", tmp_path / "scratch", s3=proxy)
    assert all(any(name in path for path in lost) for name in ("plan.json", "00007.json", "dataset.json", "uploadId"))
    same()


def test_a_store_that_goes_away_is_told_from_one_that_refuses(
    run: Run, bucket: str, plan: Plan, same: Callable[[], None], tmp_path: Path
) -> None:
    def build(*more: object, **how: object) -> str:
        command = ("build", plan.manifest, "--out", URL, "--scratch", tmp_path / "scratch", "--resume", *more)
        return run(*command, **how).stderr  # type: ignore[arg-type]

    assert f"cannot find {URL}/dataset.json" in build(s3="http://127.0.0.1:9", seconds=1, code=75)
    with stores.serve(stores.proxy(bucket, lambda *_: "403")) as proxy:
        assert "refused to us" in build(s3=proxy, code=2)
    missing = run("build", plan.manifest, "--out", "s3://nowhere/birds", "--scratch", tmp_path / "scratch", s3=bucket, code=2)
    assert 'no bucket "nowhere"' in missing.stderr

    # Once the first record is there, nothing can be written any more.
    def later(method: str, path: str, _: int) -> str | None:
        return "503" if method in ("PUT", "POST") and any("00" in key and "json" in key for key in stores.keys(bucket)) else None

    with stores.serve(stores.proxy(bucket, later)) as proxy:
        told = build(s3=proxy, seconds=1, code=75)
    assert "cannot write" in told and "dataset.json" not in stores.keys(bucket)
    finished = [name for name in left(tmp_path / "scratch") if re.search(r"\.build/\d+\.json$", name)]
    assert finished, "a shard waits to be published"
    # What has been finished is sent, not built again: its file is the same one until then.
    told = build(s3=bucket)
    same()
    assert not left(tmp_path / "scratch")


def test_two_workers_of_the_same_shards(
    run: Run, bucket: str, plan: Plan, same: Callable[[], None], program: str, tmp_path: Path
) -> None:
    run("plan", plan.manifest, "--out", URL, s3=bucket)
    environment = stores.environment(tmp_path, bucket)
    both = [
        subprocess.Popen(
            [program, "build", plan.manifest, "--out", URL, "--part", "0/1", "--threads", "1", "--scratch", tmp_path / name],
            env=environment,
        )
        for name in ("a", "b")
    ]
    assert [worker.wait(120) for worker in both] == [0, 0]
    commits = [
        subprocess.Popen([program, "commit", URL, "--resume", "--scratch", tmp_path / name], env=environment) for name in ("a", "b")
    ]
    assert [commit.wait(120) for commit in commits] == [0, 0]
    same()


def test_builders_that_are_killed_at_any_moment(
    bucket: str, plan: Plan, same: Callable[[], None], program: str, tmp_path: Path
) -> None:
    chance = random.Random(48)
    command = [program, "build", plan.manifest, "--out", URL, "--resume", "--wait", "20", "--threads", "1", "--scratch"]
    environment = stores.environment(tmp_path, bucket)
    # Two machines; the time grows so that every step is met.
    for number in range(10):
        builder = subprocess.Popen([*command, tmp_path / f"{number % 2}"], env=environment, stdout=subprocess.DEVNULL)
        try:
            ended = builder.wait(chance.uniform(0.05, 0.3 + 0.35 * number))
        except subprocess.TimeoutExpired:
            builder.kill()
            ended = builder.wait()
        assert ended in (0, -9)
        if "sets/birds/dataset.json" in stores.keys(bucket):
            break
    subprocess.run([*command, tmp_path / "0"], env=environment, check=True)
    same()


def test_a_shard_that_is_not_whole_is_built_again(
    run: Run, bucket: str, plan: Plan, same: Callable[[], None], tmp_path: Path
) -> None:
    run("plan", plan.manifest, "--out", URL, s3=bucket)
    part = ("build", plan.manifest, "--out", URL, "--part", "0/1", "--scratch", tmp_path / "scratch")
    run(*part, s3=bucket)
    stores.delete(bucket, "sets/birds/assets/00002.parquet")
    stores.put(bucket, "sets/birds/shards/00005.safetensors", b"torn")
    stores.put(bucket, "sets/birds/.build/00006.json", b'{"torn')
    told = run("commit", URL, s3=bucket, code=2).stderr
    assert "00006.json is damaged" in told
    run(*part, s3=bucket)
    told = run("commit", URL, s3=bucket, code=2).stderr
    assert f"2 of {SHARDS} shards are not built yet: 2..3, 5..6" in told
    run(*part, s3=bucket)
    run("commit", URL, s3=bucket)
    same()


def test_what_is_there_is_left_as_it_is(run: Run, bucket: str, plan: Plan, demo: Path, tmp_path: Path) -> None:
    stores.put(bucket, "sets/birds/notes.txt", b"mine")
    for command in ("plan", "build"):
        assert "(notes.txt) and is not a dataset" in run(command, plan.manifest, "--out", URL, s3=bucket, code=2).stderr
    stores.delete(bucket, "sets/birds/notes.txt")
    run("plan", plan.manifest, "--out", URL, s3=bucket)
    other = demo.parent / "recordings/manifest.toml"
    for command in (("plan", other), ("build", other, "--part", "0/2")):
        told = run(*command, "--out", URL, "--resume", s3=bucket, code=2).stderr
        assert "was planned differently" in told, told
    assert stores.keys(bucket) == ["sets/birds/.build/plan.json"]
    told = run("plan", plan.manifest, "--out", "https://example.org/birds", code=2).stderr
    assert "only read" in told


def test_disk_holds_a_few_shards_only(bucket: str, plan: Plan, program: str, tmp_path: Path) -> None:
    command = [program, "build", plan.manifest, "--out", URL, "--threads", "1", "--scratch", tmp_path / "scratch"]
    builder = subprocess.Popen(command, env=stores.environment(tmp_path, bucket), stdout=subprocess.DEVNULL)
    shard = max(len(bytes_) for bytes_ in plan.built.values())
    most = 0
    while builder.poll() is None:
        used = 0
        for path in (tmp_path / "scratch").rglob("*"):
            try:
                used += path.stat().st_blocks * 512 if path.is_file() else 0
            except FileNotFoundError:
                pass
        most = max(most, used)
        time.sleep(0.02)
    assert builder.returncode == 0
    assert shard / 2 < most < 3 * shard, (most, shard)
