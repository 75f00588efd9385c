"""Compares a training step of each backbone with PyTorch's, on the processor.

The same network, batch of 16 images, threads, number type (f32) and optimiser (AdamW) on one batch that stays in memory: `l48-train
bench`, and torchvision's networks (for the tiny one `l48.torch.Tiny`, the same network as a module, with images pooled as ours are
while they load). The two take turns, and a ratio is that of one round. Processor time is of the steps alone: PyTorch's is read around
them, ours is what more steps cost more, so that start, weights and loading drop out. It says more than the clock where others use the
machine. `backbones.py ARCH ...` measures some; ROUNDS=N measures N times.
"""
import os, re, statistics, subprocess, sys, tempfile, time
from pathlib import Path

import torch
from l48.torch import Tiny
from l48.torch.networks import POOLED
from torchvision import models

from measure import L48, ROOT, load, run, target

TRAIN = ROOT / "target/release/l48-train"
BATCH, CLASSES, ROUNDS = 16, 14, int(os.environ.get("ROUNDS", 5))
THREADS = torch.get_num_threads()
# Side of the images as stored, images as PyTorch gets them, and steps, so that a round takes it seconds.
BACKBONES = {
    "tiny": (448, (1, *POOLED), 40, lambda: Tiny(1, CLASSES)),
    "resnet18": (224, (3, 224, 224), 3, lambda: models.resnet18(num_classes=CLASSES)),
    "resnet50": (224, (3, 224, 224), 2, lambda: models.resnet50(num_classes=CLASSES)),
    "convnext-tiny": (224, (3, 224, 224), 2, lambda: models.convnext_tiny(num_classes=CLASSES)),
}


def build(folder, side):
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([L48, "demo", folder / f"recordings-{side}"], **quiet)
    manifest = folder / f"recordings-{side}/manifest.toml"
    size = f"[spectrogram]\nn_mels = {side}\nframes = {side}\nhop_length = {147 * 448 // side}\n"
    manifest.write_text(manifest.read_text().replace("[spectrogram]\n", size))
    subprocess.run([L48, "build", manifest, "--out", folder / f"dataset-{side}"], **quiet)
    return folder / f"dataset-{side}"


def ours(dataset, arch, steps):
    """Seconds of a clip, and of a processor for all steps together."""
    command = [TRAIN, "bench", dataset, "--arch", arch, "--threads", THREADS, "--batch", BATCH, "--optimiser", "adamw"]
    done = run([*command, "--device", "cpu", "--rounds", 1, "--steps", steps])
    training = re.search(r"\| training [^|]*\|[^|]*\| *([\d.]+) *\|", done["out"])
    return 1 / float(training[1]), done["cpu_s"]


def peer(make, shape):
    """A closure that takes so many steps, and says seconds of a clip by the clock and of a processor."""
    torch.manual_seed(48)
    model = make().train()
    images = torch.rand(BATCH, *shape)
    labels = (torch.rand(BATCH, CLASSES) < 0.1).float()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0)

    def steps(count):
        clock, processor = time.perf_counter(), time.process_time()
        for _ in range(count):
            optimiser.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(model(images), labels)
            loss.backward()
            optimiser.step()
            loss.item()
        return [(now - then) / (count * BATCH) for now, then in ((time.perf_counter(), clock), (time.process_time(), processor))]

    steps(1)
    return steps


def main(archs):
    print(f"batches of {BATCH}, {THREADS} threads, {ROUNDS} rounds in turn; medians, and of ratios the range too\n")
    print("| | ms a clip by the clock, ours | PyTorch | of a processor, ours | PyTorch | ratio by the clock | of a processor |\n|---|---|---|---|---|---|---|")
    ratios = {}
    with tempfile.TemporaryDirectory(prefix="l48-backbones-") as folder:
        sides = {BACKBONES[arch][0] for arch in archs}
        datasets = {side: build(Path(folder), side) for side in sorted(sides)}
        for arch in archs:
            side, shape, steps, make = BACKBONES[arch]
            theirs, rounds = peer(make, shape), []
            _, start_s = ours(datasets[side], arch, 1)
            for _ in range(ROUNDS):
                clock_s, cpu_s = ours(datasets[side], arch, 1 + steps)
                # A round to warm up and a measured one, each on batches from the shards and on the resident one.
                rounds.append((clock_s, (cpu_s - start_s) / (4 * steps * BATCH), *theirs(1 + steps)))
            clock, processor = ([row[i + 2] / row[i] for row in rounds] for i in (0, 1))
            ratios[arch] = statistics.median(processor)
            ms = [f"{1000 * statistics.median(column):.3g}" for column in zip(*rounds)]
            said = [f"{statistics.median(of):.2f} x ({min(of):.2f}-{max(of):.2f})" for of in (clock, processor)]
            print(f"| {arch}, {' x '.join(map(str, shape[1:]))} | {ms[0]} | {ms[2]} | {ms[1]} | {ms[3]} | {said[0]} | {said[1]} |", flush=True)
    print(f"\nload {load()}\n")
    for arch, ratio in ratios.items():
        target(f"{arch}: a step on the processor, against PyTorch, processor time", f"{ratio:.2f} x", ">= 1.0 x", ratio >= 1.0)


main(sys.argv[1:] or list(BACKBONES))
