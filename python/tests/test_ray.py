"""Builds on a Ray cluster of two nodes, both this machine: the bytes of `l48 build`, whatever is killed on the way.

L48_TORTURE=N kills in N builds, at most 100, instead of a few.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

# Read when Ray is imported, or starts: nodes here are not those of another system, tests are no usage, and workers,
# which Ray makes very nice, get their share of a machine that does other things as well; no token is left in the home.
os.environ |= {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_worker_niceness": "0",
}

import ray  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402

import l48.ray  # noqa: E402
from l48.ray.parts import build_parts, number_of_parts  # noqa: E402
from l48.ray.program import Ended, run  # noqa: E402

KILLS = ("program", "worker", "raylet", "driver", "any", "any")
ROUNDS = min(int(os.environ.get("L48_TORTURE", len(KILLS))), 100)
FLAT = ("[spectrogram]", "[spectrogram]\nn_mels = 64")
# Long enough for a machine that is busy, and for Ray to notice that a node is gone.
LONG_S = 240
NODE = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}


def add_node(cluster: Cluster) -> None:
    """Starts a node; Ray gives one half a minute, which is too short on a machine that is very busy."""
    for left in range(3, -1, -1):
        try:
            cluster.add_node(**NODE)
            return
        except Exception:
            if left == 0:
                raise


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    # A spare processor on the first node: what a lost node had is built there while what is left of it still works.
    cluster = Cluster(initialize_head=True, head_node_args=NODE | {"num_cpus": 2})
    add_node(cluster)
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def many(program: str, demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of the demo for more and flatter clips in many shards; beside it `whole`, which `l48 build`
    has made of it."""
    recordings = demo.parent / "recordings"
    folder = tmp_path_factory.mktemp("many")
    for name in recordings.iterdir():
        (folder / name.name).symlink_to(name)
    manifest = folder / "many.toml"
    text = (recordings / "manifest.toml").read_text()
    for old, new in (("hop_s = 3.0", "hop_s = 1.5"), ("clips = 512", "clips = 128"), FLAT):
        assert text.count(old) == 1
        text = text.replace(old, new)
    manifest.write_text(text)
    begun = time.monotonic()
    subprocess.run([program, "build", manifest, "--out", folder / "whole"], check=True, stdout=subprocess.DEVNULL)
    (folder / "seconds").write_text(str(time.monotonic() - begun))
    return manifest


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder, with the hash of what is in it."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def command(manifest: Path, out: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "l48.ray", "build", str(manifest), "--out", str(out), *options]


def programs(out: Path) -> dict[int, int]:
    """Processes of `l48` that work on a dataset, by number, with the number of the one that started each."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if b"l48" in words and b"l48.ray" not in words and os.fsencode(out) in words:
            found[int(folder.name)] = parent
    return found


def none_is_left(out: Path) -> bool:
    """Whether all programs that work on a dataset end soon."""
    begun = time.monotonic()
    while programs(out) and time.monotonic() - begun < 30:
        time.sleep(0.1)
    return not programs(out)


def test_the_demo_has_the_bytes_of_one_build(
    cluster: Cluster, demo: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "birds"
    manifest = demo.parent / "recordings/manifest.toml"
    built = l48.ray.build(manifest, out, address=cluster.address)
    assert tree(out) == tree(demo)
    assert (built.clips, built.rejects) == (len(l48.open(out)), 0)
    assert built.summary.startswith(f"Committed {out}: ")
    assert "room for 3 at a time on 2 nodes" in capfd.readouterr().err
    # Once more there is nothing to do, nor to tell.
    again = l48.ray.build(manifest, str(out), address=cluster.address, quiet=True)
    assert again.clips == built.clips and "is already committed" in again.summary


def test_this_machine_alone_will_do(many: Path, tmp_path: Path) -> None:
    manifest = Path(os.path.relpath(many, tmp_path))
    words = command(manifest, Path("out"), "--address", "local", "--parts", "2")
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=LONG_S)
    assert ended.returncode == 0, ended.stderr
    assert tree(tmp_path / "out") == tree(many.parent / "whole")
    assert ended.stdout.startswith(f"Committed {tmp_path}/out: ") and "in 2 parts" in ended.stderr


def test_rejected_recordings_are_counted_and_no_failure(cluster: Cluster, many: Path, tmp_path: Path) -> None:
    table = (many.parent / "recordings.csv").read_text().splitlines()
    for file in many.parent.iterdir():
        if file.name not in ("recordings.csv", "many.toml", "whole"):
            (tmp_path / file.name).symlink_to(file)
    column = table[0].split(",").index("path")
    path = table[1].split(",")[column]
    (tmp_path / "recordings.csv").write_text("\n".join(table).replace(path, "broken.wav") + "\n")
    (tmp_path / "broken.wav").write_bytes(b"RIFF, but no more than that")
    (tmp_path / "many.toml").write_text(many.read_text())
    words = command(tmp_path / "many.toml", tmp_path / "out", "--address", cluster.address, "--parts", "3")
    ended = subprocess.run([*words, "--max-rejects", "0"], capture_output=True, text=True, timeout=LONG_S)
    assert ended.returncode == 2 and "commit" in ended.stderr, ended.stderr
    ended = subprocess.run(words, capture_output=True, text=True, timeout=LONG_S)
    assert ended.returncode == 1 and "1 recording was rejected" in ended.stdout, ended.stderr


def test_what_a_retry_does_not_mend_ends_the_build_at_once(cluster: Cluster, many: Path, tmp_path: Path) -> None:
    with pytest.raises(l48.ray.BuildError, match="aarch64-neon") as failure:
        l48.ray.build(many, tmp_path / "out", address=cluster.address, instruction_set="aarch64-neon", quiet=True)
    assert failure.value.code == 2 and "retry does not mend" in str(failure.value)
    assert none_is_left(tmp_path / "out")
    with pytest.raises(l48.ray.BuildError, match="(?s)l48 plan: .*missing.toml"):
        l48.ray.build(tmp_path / "missing.toml", tmp_path / "other", address=cluster.address, quiet=True)
    ended = subprocess.run(
        command(many, tmp_path / "out", "--address", "127.0.0.1:1"), capture_output=True, text=True, timeout=LONG_S
    )
    assert ended.returncode == 75 and "there is no Ray cluster" in ended.stderr, ended.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_driver_that_is_stopped_leaves_nothing_that_blocks(
    cluster: Cluster, many: Path, tmp_path: Path, how: signal.Signals
) -> None:
    out = tmp_path / "out"
    words = command(many, out, "--address", cluster.address, "--cpus", "1", "--parts", "8")
    driver = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while not any(parent != driver.pid for parent in programs(out).values()):
        assert driver.poll() is None
        time.sleep(0.02)
    driver.send_signal(how)
    assert driver.wait(LONG_S) != 0
    assert none_is_left(out)
    subprocess.run(words, check=True, timeout=LONG_S, capture_output=True)
    assert tree(out) == tree(many.parent / "whole")


class Victims:
    """What can be killed of a build: programs, the workers that started them, a node's raylet, the driver."""

    def __init__(self, cluster: Cluster, out: Path, chance: random.Random) -> None:
        self.cluster, self.out, self.chance = cluster, out, chance
        self.nodes = [node for node in cluster.list_all_nodes() if node is not cluster.head_node]

    def kill(self, kind: str, driver: subprocess.Popen[bytes]) -> bool:
        """Kills one of a kind, if there is one now."""
        if kind == "any":
            kind = self.chance.choice(KILLS[:4])
        here = programs(self.out)
        if kind == "driver":
            victims = [driver.pid]
        elif kind == "program":
            victims = list(here)
        elif kind == "worker":
            victims = [parent for parent in here.values() if parent not in (driver.pid, 1)]
        else:
            victims = [node.all_processes["raylet"][0].process.pid for node in self.nodes if node.any_processes_alive()]
        if not victims:
            return False
        try:
            os.kill(self.chance.choice(victims), signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def replace(self) -> None:
        """Brings up a node for each that has lost its raylet."""
        for node in self.nodes:
            if node.dead_processes():
                self.cluster.remove_node(node, allow_graceful=False)
                add_node(self.cluster)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_kills_leave_the_bytes_of_one_build(cluster: Cluster, many: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    kind, out, kills = KILLS[seed % len(KILLS)], tmp_path / "out", 0
    victims = Victims(cluster, out, chance)
    words = command(many, out, "--address", cluster.address, "--cpus", "1", "--parts", "8")
    # About as long as its programs will work, however busy the machine is.
    seconds, log = float((many.parent / "seconds").read_text()), tmp_path / "log"
    for _ in range(4):
        with log.open("ab") as said:
            driver = subprocess.Popen(words, stdout=said, stderr=said)
        while driver.poll() is None and not programs(out):
            time.sleep(0.02)
        until = time.monotonic() + chance.uniform(0.0, seconds)
        begun = time.monotonic()
        while driver.poll() is None:
            assert time.monotonic() - begun < LONG_S, log.read_text()
            if kills < 3 and time.monotonic() >= until and victims.kill(kind, driver):
                kills += 1
                until += chance.uniform(0.0, seconds)
            time.sleep(0.02)
        victims.replace()
        if driver.returncode == 0:
            break
        # Killed, or an error that says to run it again.
        assert driver.returncode in (-signal.SIGKILL, 75), log.read_text()
    assert driver.returncode == 0, log.read_text()
    assert tree(out) == tree(many.parent / "whole")
    assert none_is_left(out)
    shutil.rmtree(out)


class Script:
    """Stands in for a cluster: runs a part at once, with the next exit code that is written for it."""

    def __init__(self, codes: dict[int, list[int]]) -> None:
        self.codes, self.started, self.ended = codes, [], []  # type: ignore[var-annotated]

    def __len__(self) -> int:
        return len(self.ended)

    def start(self, part: int) -> None:
        self.started.append(part)
        code = self.codes.get(part, [0]).pop(0)
        self.ended.append((part, Ended(code, "", "as it is written", "here")))

    def wait(self, timeout_s: float) -> list[tuple[int, Ended]]:
        return [self.ended.pop(0)]


def test_parts_are_tried_again_where_it_may_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("l48.ray.parts.MOST_PAUSE_S", 0.0)
    script = Script({1: [-9, 75, 0], 2: [1], 3: [137, 0]})
    build_parts(script, 4, 2, lambda: None)
    assert sorted(script.started) == [0, 1, 1, 1, 2, 3, 3]
    script = Script({1: [75, -9, 75], 2: [-9, 0]})
    with pytest.raises(l48.ray.BuildError, match="1 of 4 parts .* 3 times each.*\n.*1/4: exit code 75") as failure:
        build_parts(script, 4, 2, lambda: None)
    assert failure.value.code == 75 and script.started.count(2) == 2, "the others are built"
    script = Script({1: [2, 0]})
    with pytest.raises(l48.ray.BuildError, match="part 1/4 failed.*as it is written") as failure:
        build_parts(script, 4, 2, lambda: None)
    assert failure.value.code == 2 and script.started.count(1) == 1


def test_parts_take_minutes_and_every_place_gets_some() -> None:
    # A survey: 5 minutes each.
    assert number_of_parts(shards=20_000, planned_clips=60_000_000, cpus=8, slots=4) == 62
    assert number_of_parts(shards=20_000, planned_clips=60_000_000, cpus=8, slots=40) == 160
    # Forty hours: not four short ones a place.
    assert number_of_parts(shards=100, planned_clips=48_000, cpus=1, slots=3) == 6
    assert number_of_parts(shards=100, planned_clips=12_000, cpus=1, slots=3) == 3
    assert number_of_parts(shards=100, planned_clips=980, cpus=1, slots=3) == 3
    assert number_of_parts(shards=2, planned_clips=1_000_000, cpus=1, slots=3) == 2
    # Nodes that an autoscaler has yet to start.
    assert number_of_parts(shards=100, planned_clips=100, cpus=1, slots=0) == 1
    assert number_of_parts(shards=0, planned_clips=0, cpus=1, slots=3) == 1


def test_the_plan_need_not_wait_for_what_takes_long_to_load() -> None:
    loaded = "import sys, l48.ray.__main__; print(*{'ray', 'numpy', 'pyarrow', 'torch'} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-P", "-c", loaded], check=True, capture_output=True, text=True)
    assert ended.stdout.split() == []


def test_a_failure_says_why_and_where() -> None:
    ended = run(["status", "/no/such/folder"])
    assert ended.code == 2 and not ended.may_succeed_later() and "/no/such/folder" in ended.reason()
    killed = Ended(-9, "", "", "node7")
    assert killed.may_succeed_later() and killed.reason() == "killed by SIGKILL on node7"
