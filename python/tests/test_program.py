"""The program as pip installs it: the exit codes, streams and signals of the one that cargo builds."""

import signal
import subprocess
import sys
import time
from pathlib import Path


def test_exit_codes_and_streams(program: str, demo: Path, tmp_path: Path) -> None:
    for command in ([program], [sys.executable, "-m", "l48"]):
        ended = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
        assert ended.stdout.startswith("l48 ") and not ended.stderr
        ended = subprocess.run([*command, "verify", demo], capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        ended = subprocess.run([*command, "verify", tmp_path], capture_output=True, text=True)
        assert ended.returncode == 2 and "dataset.json" in ended.stderr and not ended.stdout
        ended = subprocess.run([*command, "no-such-command"], capture_output=True, text=True)
        assert ended.returncode == 2 and "Usage: l48" in ended.stderr


def test_it_starts_without_numpy(program: str) -> None:
    script = "import sys, l48.__main__; sys.exit(any(name in sys.modules for name in ('numpy', 'pyarrow')))"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_ctrl_c_ends_a_build_that_can_be_resumed(program: str, demo: Path, tmp_path: Path) -> None:
    manifest, out = demo.parent / "recordings/manifest.toml", tmp_path / "out"
    command = [program, "build", manifest, "--out", out]
    build = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(2000):
        if (out / ".build").exists():
            break
        time.sleep(0.005)
    build.send_signal(signal.SIGINT)
    assert build.wait(timeout=30) in (-signal.SIGINT, 0)
    subprocess.run([*command, "--resume"], check=True)
    for file in ("dataset.json", "shards/00000.safetensors"):
        assert (out / file).read_bytes() == (demo / file).read_bytes()
