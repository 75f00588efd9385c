"""Provides the demo dataset, built once by the program that the wheel has installed, and numbers to compare with."""

import os
import re
import shutil
import subprocess
import sysconfig
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import stores


@pytest.fixture(scope="session")
def program() -> str:
    installed = Path(sysconfig.get_path("scripts")) / "l48"
    assert installed.is_file(), "the wheel puts l48 beside Python"
    return str(installed)


@pytest.fixture(scope="session")
def demo(program: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    subprocess.run([program, "demo", folder / "recordings"], check=True)
    subprocess.run([program, "build", folder / "recordings/manifest.toml", "--out", folder / "birds"], check=True)
    return folder / "birds"


@pytest.fixture
def copy(demo: Path, tmp_path: Path) -> Path:
    """A copy of the demo that a test may damage."""
    shutil.copytree(demo, tmp_path / "birds")
    return tmp_path / "birds"


@pytest.fixture(scope="session")
def plan(program: str, demo: Path, tmp_path_factory: pytest.TempPathFactory) -> stores.Plan:
    place = tmp_path_factory.mktemp("plan")
    manifest = demo.parent / "recordings/shards.toml"
    text = (demo.parent / "recordings/manifest.toml").read_text()
    manifest.write_text(re.sub(r"\[shards\]\n(.+\n)*", "", text) + "\n[shards]\nclips = 128\n")
    subprocess.run([program, "build", manifest, "--out", place / "birds"], check=True)
    assert len(list((place / "birds/shards").iterdir())) == stores.SHARDS
    return stores.Plan(manifest, place / "birds", stores.content(place / "birds"))


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with stores.s3() as address:
        yield address


@pytest.fixture
def bucket(moto: str) -> str:
    """The address of S3, with an empty bucket `lab`."""
    urllib.request.urlopen(urllib.request.Request(f"{moto}/moto-api/reset", method="POST"))
    stores.make_bucket(moto, "lab")
    return moto


@pytest.fixture
def run(program: str, tmp_path: Path) -> stores.Run:
    """Runs l48 with a cache of its own."""

    def run(*command: object, code: int = 0, s3: str = "", seconds: int = 60, **more: str) -> subprocess.CompletedProcess[str]:
        environment = stores.environment(tmp_path, s3, seconds)
        ended = subprocess.run([program, *map(str, command)], capture_output=True, text=True, env=environment | more, timeout=300)
        assert ended.returncode == code, ended.stdout + ended.stderr
        assert stores.SECRET not in ended.stdout + ended.stderr
        return ended

    return run


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """Folder of numbers that reference code computed: the committed ones, or those in L48_FIXTURES."""
    committed = Path(__file__).parents[2] / "trainer/tests/fixtures"
    folder = Path(os.environ.get("L48_FIXTURES", committed))
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: the tests run without the repository")
    return folder


@pytest.fixture(scope="session")
def trainer() -> str:
    """The program `l48-train` of the repository, or that in L48_TRAIN; tests that need one are skipped without."""
    target = Path(__file__).parents[2] / "target"
    usual = [target / profile / "l48-train" for profile in ("release", "debug")]
    asked = os.environ.get("L48_TRAIN")
    found = [path for path in ([Path(asked)] if asked else usual) if path.is_file()]
    if not found:
        pytest.skip("there is no l48-train: `make l48-train` builds it")
    return str(found[0])
