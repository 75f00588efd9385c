"""Provides the demo dataset, built once by the program that the wheel has installed, and numbers to compare with."""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest


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
