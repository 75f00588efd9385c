"""Compares the trainer with PyTorch in one run: loading, a training step, mAP.

    loading   `l48-train`'s loader at batches of 4, 16 and 64 beside two copies of the same rows by as many threads, one from where
              they lie in the order asked for, one from where they are mapped; and beside a PyTorch DataLoader over the published
              way (JPEG of 750 x 236, decode, resize to 448 x 448, normalise) with two workers
    step      the same network (torchvision's ResNet-18), batch, precision and optimiser on one resident batch
    mAP       31,365 clips x 100 classes beside scikit-learn

On a machine with a GPU, ResNet-50 at 448 in bf16 is measured there too. Prints figures beside their targets.
"""
import json, os, statistics, subprocess, sys, tempfile, time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.metrics import average_precision_score
from torch.utils.data import DataLoader, Dataset
from torchvision import models, transforms

from measure import L48, ROOT, load, target

TRAIN = ROOT / "target/release/l48-train"
ROUNDS, JPEGS, WORKERS = 3, 512, 2
THREADS = min(2, os.cpu_count())
LOADER_BATCHES, LOADER_ROUNDS = (4, 16, 64), 7
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def build(folder):
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([L48, "demo", folder / "recordings"], **quiet)
    subprocess.run([L48, "build", folder / "recordings/manifest.toml", "--out", folder / "dataset"], **quiet)
    return folder / "dataset"


def ours(dataset, arch, batch, steps, rounds=1):
    """Clips a second: {what: (ours, bound, ratio)}."""
    command = [TRAIN, "bench", dataset, "--arch", arch, "--threads", THREADS, "--batch", batch, "--steps", steps, "--rounds", rounds]
    out = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    rows = [line.strip("|").split("|") for line in out.splitlines()[2:]]
    return {row[0].split()[0]: tuple(float(value) for value in row[1:4]) for row in rows}


class Jpegs(Dataset):
    """The published input: a JPEG a clip."""

    def __init__(self, folder):
        self.paths = sorted(folder.iterdir())
        self.change = transforms.Compose([transforms.Resize((448, 448)), transforms.ToTensor(), transforms.Normalize(MEAN, DEVIATION)])

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, number):
        return self.change(Image.open(self.paths[number]).convert("RGB"))


def write_jpegs(folder):
    folder.mkdir()
    random = np.random.default_rng(48)
    sweep = np.linspace(0, 9, 750)
    for number in range(JPEGS):
        rows = np.arange(236)[:, None]
        song = 120 * np.exp(-((rows - 118 - 80 * np.sin(sweep + number)) ** 2) / 30)
        noise = random.normal(60, 15, (236, 750))
        Image.fromarray(np.clip(song + noise, 0, 255).astype(np.uint8)).save(folder / f"{number:05}.jpg", quality=90)


def data_loader(folder):
    batches = DataLoader(Jpegs(folder), batch_size=16, shuffle=True, num_workers=WORKERS)
    begin = time.perf_counter()
    for _ in batches:
        pass
    return JPEGS / (time.perf_counter() - begin)


def torch_step(make, batch, steps, device, dtype):
    """Clips a second of training steps on one resident batch; a closure, so that rounds can be interleaved."""
    torch.manual_seed(48)
    model = make(num_classes=14).to(device)
    images = torch.rand(batch, 1, 448, 448, device=device).expand(-1, 3, -1, -1).contiguous()
    if device == "cuda":
        model, images = model.to(memory_format=torch.channels_last), images.to(memory_format=torch.channels_last)
    labels = (torch.rand(batch, 14, device=device) < 0.1).float()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4)

    def run():
        if device == "cuda":
            torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(steps):
            optimiser.zero_grad()
            with torch.autocast(device, dtype=torch.bfloat16, enabled=dtype is torch.bfloat16):
                logits = model(images)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), labels)
            loss.backward()
            optimiser.step()
            loss.item()
        return batch * steps / (time.perf_counter() - begin)

    run()
    return run


def mean_average_precision():
    """Seconds of ours (criterion's mean of the same size) and of scikit-learn."""
    subprocess.run(["cargo", "bench", "--locked", "-p", "trainer", "--bench", "map"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    found = [path for path in (ROOT / "target/criterion").rglob("new/estimates.json") if "31365" in str(path)]
    if not found:
        sys.exit("the bench of mAP left no figure for 31,365 clips")
    our_s = json.loads(found[0].read_text())["median"]["point_estimate"] / 1e9
    random = np.random.default_rng(48)
    scores, labels = random.random((31365, 100), dtype=np.float32), random.random((31365, 100)) < 0.02
    begin = time.perf_counter()
    np.mean([average_precision_score(labels[:, column], scores[:, column]) for column in range(100)])
    return our_s, time.perf_counter() - begin


def loader(dataset):
    """Clips a second of the loader and its two bounds at each batch: {batch: {bound: (ours, bound, ratio)}}."""
    return {batch: ours(dataset, "tiny", batch, 1, LOADER_ROUNDS) for batch in LOADER_BATCHES}


def main():
    torch.set_num_threads(THREADS)
    # As ours: images of one shape all along, so the fastest convolution is worth a search.
    torch.backends.cudnn.benchmark = True
    with tempfile.TemporaryDirectory(prefix="l48-train-") as folder:
        folder = Path(folder)
        dataset = build(folder)
        write_jpegs(folder / "jpegs")
        batch, steps = 4, 2
        peer = torch_step(models.resnet18, batch, steps, "cpu", torch.float32)
        rates = {"DataLoader": [], "shards": [], "resident": [], "PyTorch": []}
        loading = loader(dataset)
        for _ in range(ROUNDS):
            found = ours(dataset, "resnet18", batch, steps)
            rates["shards"].append(found["training"][0])
            rates["resident"].append(found["training"][1])
            rates["DataLoader"].append(data_loader(folder / "jpegs"))
            rates["PyTorch"].append(peer())
        middle = {name: statistics.median(found) for name, found in rates.items()}
        print(f"{THREADS} threads, {ROUNDS} rounds in turn, load {load()}\n\n| clips/s | median | range |\n|---|---|---|")
        for name, found in rates.items():
            print(f"| {name} | {middle[name]:.1f} | {min(found):.1f}-{max(found):.1f} |")
        print(f"\nmedians of {LOADER_ROUNDS} rounds\n\n| batch | loader | memcpy, in order | ratio | memcpy, from the map | ratio |\n|---|---|---|---|---|---|")
        for size, found in loading.items():
            (own, memory, ratio), (_, mapped, of_mapped) = found["loader"], found["loader-mapped"]
            print(f"| {size} | {own:.0f} | {memory:.0f} | {ratio:.2f} | {mapped:.0f} | {of_mapped:.2f} |")
        print()
        for size, found in loading.items():
            ratio = found["loader"][2]
            target(f"loader against memcpy, batches of {size}", f"{ratio:.2f} x", ">= 0.9 x", ratio >= 0.9)
        print(f"        loader against the DataLoader, batches of 16: {loading[16]['loader'][0] / middle['DataLoader']:.0f} x")
        ratio = statistics.median(a / b for a, b in zip(rates["resident"], rates["PyTorch"]))
        target("ResNet-18 step on the CPU against PyTorch", f"{ratio:.2f} x", ">= 1.0 x", ratio >= 1.0)
        if torch.cuda.is_available():
            gpu(dataset)
        else:
            print("        no GPU here: ResNet-50 from shards and against PyTorch wait for one")
    our_s, peer_s = mean_average_precision()
    target("mAP of 31,365 x 100", f"{our_s:.3f} s (scikit-learn {peer_s:.2f} s)", "< 0.5 s", our_s < 0.5)


def gpu(dataset, batch=64, steps=30):
    peer = torch_step(models.resnet50, batch, steps, "cuda", torch.bfloat16)
    pairs = [(ours(dataset, "resnet50", batch, steps)["training"], peer()) for _ in range(ROUNDS)]
    shards, torch_ratio = (statistics.median(values) for values in zip(*[(found[2], found[1] / other) for found, other in pairs]))
    target("ResNet-50 on the GPU, shards against a resident batch", f"{shards:.3f}", ">= 0.95", shards >= 0.95)
    target("ResNet-50 on the GPU against PyTorch", f"{torch_ratio:.2f} x", ">= 1.0 x", torch_ratio >= 1.0)


main()
