"""Writes resnet.safetensors and resnet*.txt: outputs and names of torchvision's residual networks (torchvision 0.26, safetensors).

Weights come from a formula in exact integers, so that only outputs need to be kept: element i of tensor t in the order of the state dict is
scaled from u(t, i) = ((2654435761 i + 40503 t + 12345) mod 2^32) / 2^32 - 1/2.
"""

import pathlib

import torch
import torchvision
from safetensors.torch import save_file

HERE, CLASSES = pathlib.Path(__file__).parent, 5


def u(t, n):
    i = torch.arange(n, dtype=torch.int64)
    return ((2654435761 * i + 40503 * t + 12345) % 2**32).double() / 2**32 - 0.5


def fill(state):
    for t, (name, tensor) in enumerate(state.items()):
        if name.endswith("num_batches_tracked"):
            continue
        value = u(t, tensor.numel())
        if tensor.dim() == 4:
            value = value * (24.0 / (tensor.shape[0] * tensor.shape[2] * tensor.shape[3])) ** 0.5
        elif name.endswith(".running_var") or (name.endswith(".weight") and tensor.dim() == 1):
            value = 1.0 + 0.5 * value
        else:
            value = 0.2 * value
        tensor.copy_(value.float().reshape(tensor.shape))


tensors = {}
for name in ("resnet18", "resnet50"):
    make = getattr(torchvision.models, name)
    shapes = ((key, "x".join(map(str, value.shape)) or "scalar") for key, value in make().state_dict().items())
    (HERE / f"{name}.txt").write_text("".join(f"{key} {shape}\n" for key, shape in shapes))
    model = make(num_classes=CLASSES)
    with torch.no_grad():
        fill(model.state_dict())
    x = (4.0 * u(1000, 2 * 3 * 64 * 64)).float().reshape(2, 3, 64, 64)
    model.eval()
    with torch.no_grad():
        tensors[f"{name}.eval"] = model(x)
    model.train()
    logits = model(x)
    (logits * u(2000, logits.numel()).float().reshape(logits.shape)).sum().backward()
    tensors[f"{name}.train"] = logits.detach()
    tensors[f"{name}.running_mean"] = model.layer4[1].bn2.running_mean.clone()
    tensors[f"{name}.running_var"] = model.layer4[1].bn2.running_var.clone()
    tensors[f"{name}.grad_conv1"] = model.conv1.weight.grad[:4].clone()
    tensors[f"{name}.grad_fc"] = model.fc.weight.grad[:, :64].clone()
save_file(tensors, HERE / "resnet.safetensors")
