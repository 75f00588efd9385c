"""Networks that `l48-train` has trained, loaded: its own scores, torch's formats, and folders that hold no run."""

import io
import shutil
import subprocess
from pathlib import Path

import l48
import numpy as np
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch")

from l48.torch import Clips, ResNet, RunError, Tiny, TrainedNetwork, collate, load_run  # noqa: E402

TOLERANCE = 1e-5
"""How far scores may be apart: kernels of another build round differently."""


@pytest.fixture(scope="module", params=["tiny", "resnet18"])
def run(request: pytest.FixtureRequest, trainer: str, demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs; of the residual network only the first weights, since a step takes long on a CPU."""
    folder = tmp_path_factory.mktemp("run") / request.param
    dataset = demo if request.param == "tiny" else _few(demo, folder.parent, request.getfixturevalue("program"))
    settings = ["--arch", request.param, "--epochs", "2", "--batch", "16", "--lr", "3e-3"]
    subprocess.run([trainer, "fit", dataset, "--out", folder, *settings], check=True)
    return folder


def _few(demo: Path, folder: Path, program: str) -> Path:
    """A dataset of small images, which a residual network learns from in seconds."""
    manifest = demo.parent / "recordings/manifest.toml"
    text = manifest.read_text()
    settings = folder / "small.toml"
    settings.write_text(text)
    raise NotImplementedError(text + program)


def scores(model: TrainedNetwork, folder: Path) -> np.ndarray:
    birds = l48.open(folder)
    found = []
    with torch.no_grad():
        for first in range(0, len(birds), 64):
            clips = [birds[number].image for number in range(first, min(first + 64, len(birds)))]
            found.append(model(torch.from_numpy(np.stack(clips)[:, None])).sigmoid().numpy())
    return np.concatenate(found)
