"""Trains the tiny network on a dataset in plain PyTorch, with the settings of manifests/train-demo.toml.

    python train.py data/demo --out model.pt
    torchrun --nproc_per_node=2 train.py data/demo --out model.pt       # the same batches, shared by two processes

A run that was ended continues from its last epoch, on any number of processes. It takes a GPU if there is one.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import l48
import numpy as np
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

parser = argparse.ArgumentParser(description="Train the tiny network on a dataset.")
parser.add_argument("dataset")
parser.add_argument("--out", type=Path, default="model.pt")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--batch", type=int, default=16, help="of all processes together")
parser.add_argument("--seed", type=int, default=48)


def assume_negative(logits: torch.Tensor, labels: torch.Tensor, eps: float = 1e-5) -> torch.Tensor:
    """The published loss: what is not known to be present is taken as absent."""
    p = logits.sigmoid()
    return -(labels * (p + eps).log() + (1 - labels) * (1 - p + eps).log()).mean()


def stored(batch: l48.Batch | l48.torch.Batch, device: str) -> torch.Tensor:
    """The images that the tiny network takes: one channel, from -1 to 1."""
    return l48.torch.images(batch, device, mean=[0.5], std=[0.5])


@torch.no_grad()
def measure(model: nn.Module, dataset: l48.Dataset, split: str, device: str) -> float:
    """mAP on the clips of a split of which every class is known."""
    clips = l48.torch.Clips(dataset, split, mode=None)
    loader = torch.utils.data.DataLoader(clips, batch_size=64, collate_fn=l48.torch.collate)
    model.eval()
    scores = [(model(stored(batch, device)).sigmoid().cpu(), batch.labels) for batch in loader]
    model.train()
    return l48.metrics.map(*(np.concatenate(part) for part in zip(*scores)))


def main() -> None:
    args = parser.parse_args()
    rank, ranks = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    device = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu"
    if ranks > 1:
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    torch.manual_seed(args.seed)
    dataset = l48.open(args.dataset)
    stream = l48.Stream(dataset, split="train", mode="target", batch=args.batch, seed=args.seed, rank=rank, ranks=ranks)
    network = l48.torch.Tiny(channels=1, classes=len(dataset.taxa)).to(device)
    model = DistributedDataParallel(network) if ranks > 1 else network
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    first, best = 1, (0.0, 0, network.state_dict())
    if args.out.exists():
        saved = torch.load(args.out, map_location=device)
        network.load_state_dict(saved["network"])
        optimiser.load_state_dict(saved["optimiser"])
        stream.load_state_dict(saved["stream"])
        first, best = saved["epoch"] + 1, saved["best"]
    for epoch in range(first, args.epochs + 1):
        for batch in stream:
            loss = assume_negative(model(stored(batch, device)), torch.as_tensor(batch.labels).to(device))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        if rank == 0:
            val = measure(network, dataset, "val", device)
            print(f"epoch {epoch}: loss of the last batch {loss.item():.4f}, val mAP {val:.4f}", flush=True)
            if val > best[0]:
                best = (val, epoch, {name: tensor.clone() for name, tensor in network.state_dict().items()})
            parts = {"network": network, "optimiser": optimiser, "stream": stream}
            state = {name: part.state_dict() for name, part in parts.items()}
            torch.save({**state, "epoch": epoch, "best": best}, args.out.with_suffix(".tmp"))
            args.out.with_suffix(".tmp").replace(args.out)
    if rank == 0:
        network.load_state_dict(best[2])
        print(f"test mAP {measure(network, dataset, 'test', device):.4f}, of epoch {best[1]}")
    if ranks > 1:
        distributed.destroy_process_group()


if __name__ == "__main__":
    main()
