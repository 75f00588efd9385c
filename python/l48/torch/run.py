"""Defines `load_run`, which makes a module of what `l48-train` has trained."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from .._native import unseal
from ..info import ValueScale
from .convnext import ConvNeXt
from .images import IMAGENET_MEAN, IMAGENET_STD, scaling
from .networks import POOLED, ResNet, Tiny

_SCHEMA_VERSION = 1
_DTYPES = {"U8": torch.uint8, "F16": torch.float16, "F32": torch.float32}


class RunError(Exception):
    """A run that cannot be loaded; `path` is the file it is about."""

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


class TrainedNetwork(nn.Module):
    """A network that takes clips as they are stored; made by `load_run`."""

    classes: tuple[str, ...]
    """Species codes, in the order of the logits."""
    factor: Tensor
    """What stored values are multiplied by, f32 [1, channels, 1, 1]."""
    shift: Tensor
    """What is added then."""
    network: Tiny | ResNet | ConvNeXt
    """The network itself, which takes normalised images: what to train further, with torchvision's names."""

    def __init__(self, arch: str, dataset: dict[str, Any]) -> None:
        """A network with random weights for the dataset that a run's record describes."""
        super().__init__()
        self.classes = tuple(taxon["species_code"] for taxon in dataset["taxa"])
        spec = dataset["clips"]
        channels, dtype = spec["channels"] or 1, _DTYPES[spec["dtype"]]
        self._blocks: tuple[int, int] | None = None
        statistics: tuple[tuple[float, ...], tuple[float, ...]] = (IMAGENET_MEAN, IMAGENET_STD)
        if arch == "tiny":
            self.network = Tiny(channels, len(self.classes))
            statistics = ((0.5,) * channels, (0.5,) * channels)
            size = (spec["height"], spec["width"])
            if dtype == torch.uint8 and all(s > to and s % to == 0 for s, to in zip(size, POOLED, strict=True)):
                self._blocks = (size[0] // POOLED[0], size[1] // POOLED[1])
        elif arch in ("resnet18", "resnet50"):
            self.network = ResNet(int(arch.removeprefix("resnet")), len(self.classes))
        elif arch == "convnext-tiny":
            self.network = ConvNeXt(len(self.classes))
        else:
            known = "tiny, resnet18, resnet50 and convnext-tiny"
            raise ValueError(f"l48.torch has no network {arch!r}, only {known}; score clips with `l48-train predict`")
        values = ValueScale(**{name: dataset["values"][name] for name in ValueScale.__dataclass_fields__})
        factor, shift = scaling(dtype, *statistics, values)
        self.register_buffer("factor", factor)
        self.register_buffer("shift", shift)

    def forward(self, clips: Tensor) -> Tensor:
        """Logits f32 [B, classes] of stored values [B, channels, H, W]; their sigmoids are the scores."""
        x = clips.float()
        if self._blocks is not None:
            # Bytes add up exactly, so the tiny network is given its means as `l48-train` makes them while it loads.
            x = F.avg_pool2d(x, self._blocks)
        logits: Tensor = self.network(x * self.factor + self.shift)
        return logits


def load_run(run: str | os.PathLike[str], checkpoint: str = "best") -> TrainedNetwork:
    """The network of a run of `l48-train`, on the CPU and in eval mode; all weights f32.

    It takes clips as they are stored, `batch.clips`, and the sigmoids of its logits are the scores of `l48-train
    predict`, up to the rounding of the kernels of another device. `checkpoint` is "best", the epoch with the highest
    mAP on val, or "last".

    >>> model = load_run("runs/demo")                                   # doctest: +SKIP
    >>> scores = model(torch.from_numpy(batch.clips)).sigmoid()         # doctest: +SKIP

    Raises RunError for a folder without a run, a damaged record, and weights that are not those of its network, which
    it names.
    """
    folder = Path(run)
    record = _record(folder / "run.json")
    config = tomllib.loads(_text(folder / "config.toml"))
    pointer = folder / "checkpoints" / checkpoint
    if checkpoint not in ("best", "last"):
        raise ValueError(f"checkpoint is {checkpoint!r}, but must be 'best' or 'last'")
    if not pointer.is_file():
        raise RunError(f"{pointer}: no epoch has finished yet; resume the run with `l48-train fit --resume`", pointer)
    weights = folder / "checkpoints" / _text(pointer).strip() / "model.safetensors"
    model = TrainedNetwork(config["model"]["arch"], record["dataset"])
    try:
        model.network.load_state_dict(load_file(weights))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise RunError(f"{weights}: {error}", weights) from error
    return model.eval()


def _record(path: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(unseal(path))
    except FileNotFoundError as error:
        raise RunError(f"{path}: no such file; there is no run in this folder", path) from error
    form = (record["format"], record["schema_version"])
    if form != ("l48-run", _SCHEMA_VERSION):
        reason = f"is {form[0]} version {form[1]}, but this package reads l48-run version {_SCHEMA_VERSION}"
        raise RunError(f"{path}: {reason}; use the package of the program that wrote the run", path)
    return record


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}", path) from error
