"""Writes optim.safetensors: weights after 1, 10 and 50 steps of PyTorch's optimisers (torch 2.11, safetensors).

A linear layer [4, 3] with bias fits y from x, inputs by formula, loss = mean squared error; the bias is a group of its own
with ten times the learning rate. Keys: <algorithm>.<weight decay>.<kind>.<step>.<tensor>.
"""

import torch
from safetensors.torch import save_file

STEPS, KEPT, LR = 50, (1, 10, 50), 0.01


def run(make, kind):
    wave = lambda n, a, b: torch.sin(a * torch.arange(n, dtype=torch.float64) + b).to(kind)
    weight = wave(12, 0.7, 0.3).reshape(4, 3).requires_grad_()
    bias = wave(4, 1.1, 0.2).requires_grad_()
    optimizer = make([{"params": [weight]}, {"params": [bias], "lr": 10 * LR}])
    kept = {}
    for step in range(1, STEPS + 1):
        x, y = wave(15, 0.5, 1.3 * step).reshape(5, 3), wave(20, 0.9, 0.4 * step).reshape(5, 4)
        optimizer.zero_grad()
        ((x @ weight.T + bias - y) ** 2).mean().backward()
        optimizer.step()
        if step in KEPT:
            kept[f"{step}.weight"], kept[f"{step}.bias"] = weight.detach().clone(), bias.detach().clone()
    return kept


tensors = {}
for decay in (0.0, 0.1):
    algorithms = {
        "adam": lambda groups: torch.optim.Adam(groups, lr=LR, weight_decay=decay),
        "adamw": lambda groups: torch.optim.AdamW(groups, lr=LR, weight_decay=decay),
        "sgd": lambda groups: torch.optim.SGD(groups, lr=LR, weight_decay=decay),
        "momentum": lambda groups: torch.optim.SGD(groups, lr=LR, momentum=0.9, weight_decay=decay),
    }
    for name, make in algorithms.items():
        for kind, label in ((torch.float64, "f64"), (torch.float32, "f32")):
            for key, value in run(make, kind).items():
                tensors[f"{name}.{decay}.{label}.{key}"] = value
save_file(tensors, __file__.replace(".py", ".safetensors"))
