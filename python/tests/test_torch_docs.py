"""The recipes of docs/pytorch.md, run as they are written, and the examples of the modules."""

import doctest
import importlib
import re
import subprocess
from pathlib import Path
from typing import Any

import l48
import numpy as np
import pytest

torch = pytest.importorskip("torch")

OPTIONAL = ("lightning", "accelerate", "torchdata", "onnxscript")
"""Packages that a block may need and that need not be there."""

MODULES = ("metrics", "torch.asset_reg", "torch.clips", "torch.images", "torch.networks", "torch.run")


@pytest.fixture
def place(demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a dataset where the examples have theirs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/birds").symlink_to(demo)
    return tmp_path


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("name", MODULES)
def test_examples_of_the_modules(name: str) -> None:
    module = importlib.import_module(f"l48.{name}")
    found = doctest.testmod(module, extraglobs={"np": np, "torch": torch}, optionflags=doctest.ELLIPSIS)
    assert found.failed == 0 and (found.attempted > 0 or name == "torch.run")


def blocks(document: Path) -> list[tuple[int, str]]:
    """The blocks of Python in a document, each with its line."""
    text = document.read_text()
    found = re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text[: match.start()].count("\n") + 2, match[1]) for match in found]


def run(document: Path, names: dict[str, Any]) -> list[str]:
    """Runs the blocks one after another, and returns the packages for want of which some were left out."""
    missing = []
    for line, block in blocks(document):
        absent = [name for name in OPTIONAL if name in block and not importlib.util.find_spec(name)]
        if "onnx.export" in block and not importlib.util.find_spec("onnxscript"):
            absent.append("onnxscript")
        missing += absent
        if not absent:
            exec(compile("\n" * (line - 1) + block, document, "exec"), names)
    return missing


@pytest.mark.skipif(not hasattr(l48, "Stream"), reason="this build of the package has no stream")
@pytest.mark.usefixtures("place")
def test_recipes(trainer: str) -> None:
    document = Path(__file__).parents[2] / "docs/pytorch.md"
    if not document.is_file():
        pytest.skip(f"{document} is not there: the tests run without the repository")
    settings = ["--arch", "tiny", "--epochs", "1", "--lr", "3e-3", "--no-test"]
    subprocess.run([trainer, "fit", "data/birds", "--out", "runs/demo", *settings], check=True)
    names: dict[str, Any] = {"device": "cuda" if torch.cuda.is_available() else "cpu", "__name__": "recipes"}
    missing = run(document, names)
    assert len(blocks(document)) >= 11
    assert names["evaluation"].map > 0
    if missing:
        pytest.skip(f"some recipes were not run, for want of {', '.join(missing)}")
