"""Networks that `l48-train` has trained, loaded: its own scores, torch's formats, and folders that hold no run."""

import io
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import l48
import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

torch = pytest.importorskip("torch")

from safetensors.torch import save_file as save_torch_file  # noqa: E402

from l48.torch import Clips, ConvNeXt, ResNet, RunError, Tiny, TrainedNetwork, collate, load_run  # noqa: E402

TOLERANCE = 1e-5
"""How far scores may be apart: kernels of another build of torch round differently. With the same build they are
equal."""

SMALL = """[spectrogram]
n_mels = 64
hop_length = 1000
frames = 64
dtype = "f16"
"""
"""Images that a large network learns from in seconds."""


@pytest.fixture(scope="module")
def small(demo: Path, program: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    recordings = tmp_path_factory.mktemp("small") / "recordings"
    shutil.copytree(demo.parent / "recordings", recordings)
    manifest = recordings / "manifest.toml"
    manifest.write_text(manifest.read_text().replace("[spectrogram]\n", SMALL))
    subprocess.run([program, "build", manifest, "--out", recordings.parent / "birds"], check=True)
    return recordings.parent / "birds"


@pytest.fixture(scope="module", params=["tiny", "resnet18", "resnet50", "convnext-tiny"])
def run(
    request: pytest.FixtureRequest, trainer: str, demo: Path, small: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A run of one epoch, and its dataset: bytes for the tiny network, decibels for the others."""
    folder = tmp_path_factory.mktemp("run") / request.param
    dataset = demo if request.param == "tiny" else small
    settings = ["--arch", request.param, "--epochs", "1", "--lr", "1e-4", "--max-clips-per-asset", "1", "--no-test"]
    if request.param == "convnext-tiny":
        settings += ["--weights", folder.with_suffix(".safetensors")]
        save_torch_file(blocks_that_count(), settings[-1])
    subprocess.run([trainer, "fit", dataset, "--out", folder, *settings], check=True)
    return folder, dataset


def blocks_that_count() -> dict[str, torch.Tensor]:
    """Weights of ConvNeXt-Tiny whose blocks weigh as much as their inputs do; at its start they weigh a millionth."""
    torch.manual_seed(48)
    weights = ConvNeXt(1000).state_dict()
    return {name: tensor.fill_(1) if name.endswith("layer_scale") else tensor for name, tensor in weights.items()}


def scores(model: TrainedNetwork, dataset: Path) -> np.ndarray[Any, Any]:
    birds = l48.open(dataset)
    found = []
    with torch.no_grad():
        for first in range(0, len(birds), 64):
            clips = [birds[number].image for number in range(first, min(first + 64, len(birds)))]
            found.append(model(torch.from_numpy(np.stack(clips)[:, None])).sigmoid().numpy())
    return np.concatenate(found)


def test_scores_are_those_of_the_trainer(trainer: str, run: tuple[Path, Path], tmp_path: Path) -> None:
    folder, dataset = run
    subprocess.run([trainer, "predict", folder, dataset, "--out", tmp_path / "scores.parquet"], check=True)
    table = pq.read_table(tmp_path / "scores.parquet")
    model = load_run(folder)
    assert not model.training and list(model.classes) == table.column_names[2:]
    expected = np.stack([table[code].to_numpy() for code in model.classes], 1)
    assert np.abs(scores(model, dataset) - expected).max() < TOLERANCE
    assert expected.std() > 0.01


def test_a_network_goes_into_other_formats_and_is_trained_further(run: tuple[Path, Path]) -> None:
    folder, dataset = run
    model = load_run(folder, "last")
    clips = collate(Clips(dataset).__getitems__(range(4))).clips
    with torch.no_grad():
        expected = model(clips)
        traced = torch.jit.trace(model, clips[:2])
        stored = io.BytesIO()
        torch.jit.save(traced, stored)
        stored.seek(0)
        assert torch.allclose(torch.jit.load(stored)(clips), expected, atol=1e-5)
        exported = torch.export.export(model, (clips,))
        assert torch.allclose(exported.module()(clips), expected, atol=1e-5)
    model.train()
    if isinstance(model.network, ConvNeXt):
        model.network.classifier[2] = torch.nn.Linear(model.network.classifier[2].in_features, 3)
    else:
        model.network.fc = torch.nn.Linear(model.network.fc.in_features, 3)
    model(clips).sum().backward()
    assert all(weight.grad is not None for weight in model.network.parameters())


def test_onnx_gives_the_same(run: tuple[Path, Path], tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    folder, dataset = run
    model, clips = load_run(folder), collate(Clips(dataset).__getitems__(range(4))).clips
    torch.onnx.export(model, (clips,), tmp_path / "model.onnx", dynamo=True)
    session = runtime.InferenceSession(tmp_path / "model.onnx")
    (found,) = session.run(None, {session.get_inputs()[0].name: clips.numpy()})
    assert np.abs(found - model(clips).detach().numpy()).max() < 1e-4


def test_what_is_no_run(run: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run in this folder"):
        load_run(tmp_path)
    copy = tmp_path / "run"
    shutil.copytree(run[0], copy)
    with pytest.raises(ValueError, match="best"):
        load_run(copy, "first")
    (weights,) = copy.glob("checkpoints/*/model.safetensors")
    tensors = load_file(weights)
    (last,) = {"fc.bias", "classifier.2.bias"} & tensors.keys()
    save_file({name: tensor for name, tensor in tensors.items() if name != last}, weights)
    with pytest.raises(RunError, match=re.escape(last)):
        load_run(copy)
    weights.write_bytes(b"no tensors")
    with pytest.raises(RunError, match=r"model\.safetensors"):
        load_run(copy)
    (copy / "checkpoints/best").unlink()
    with pytest.raises(RunError, match="--resume"):
        load_run(copy)
    record = copy / "run.json"
    record.write_text(record.read_text().replace("l48-train ", "l49-train ", 1))
    with pytest.raises(l48.ChecksumError, match="run.json"):
        load_run(copy)


def test_names_and_sizes_are_torchvisions(request: pytest.FixtureRequest) -> None:
    oracles = request.config.rootpath.parent / "trainer/tests/oracles"
    if not oracles.is_dir():
        pytest.skip(f"{oracles} is not there: the tests run without the repository")
    networks = {"resnet18": ResNet(18, 1000), "resnet50": ResNet(50, 1000), "convnext_tiny": ConvNeXt(1000)}
    for name, network in networks.items():
        expected = [line.split() for line in (oracles / f"{name}.txt").read_text().splitlines()]
        tensors = network.state_dict()
        assert [[name, "x".join(map(str, tensor.shape)) or "scalar"] for name, tensor in tensors.items()] == expected
    assert sum(weight.numel() for weight in Tiny(1, 30).parameters()) < 60_000
    with pytest.raises(ValueError, match="34"):
        ResNet(34, 10)


def test_convnext_starts_and_leaves_paths_out_as_torchvisions() -> None:
    torch.manual_seed(48)
    network = ConvNeXt(5)
    for name, tensor in network.state_dict().items():
        if name.endswith("layer_scale"):
            assert torch.equal(tensor, torch.full_like(tensor, 1e-6)), name
        elif tensor.dim() > 1:
            assert abs(tensor.std().item() / 0.02 - 1) < 0.1, name
        else:
            # The only vectors that are weights are scales of norms.
            assert torch.equal(tensor, torch.full_like(tensor, name.endswith(".weight"))), name
    blocks = [block for stage in network.features[1::2] for block in stage]
    assert len(blocks) == 18
    for number in (0, 8, 17):
        block, clips, dropped = blocks[number], 2000, 0.1 * number / 17
        block.layer_scale.data.fill_(1)
        x = torch.randn(1, 1, 1, len(block.layer_scale)).expand(clips, -1, -1, -1)
        with torch.no_grad():
            path = block.eval()(x) - x
            trained = block.train()(x) - x
        left_out = (trained == 0).flatten(1).all(1)
        # Five standard deviations.
        assert abs(left_out.float().mean().item() - dropped) <= 5 * (dropped * (1 - dropped) / clips) ** 0.5
        assert torch.allclose(trained[~left_out], path[~left_out] / (1 - dropped), atol=1e-5)
