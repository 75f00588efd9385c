"""Writes recipe.safetensors: learning rates and weights under PyTorch's schedules and clipping (torch 2.11, safetensors).

The layer of optim.py, 50 steps of AdamW or SGD. Keys: <schedule>.<warm-up>.lr, a rate a step over that of the run, and
<algorithm>.<schedule>.<warm-up>.<clip norm>.<tensor>, after the last step.
"""

import torch
from safetensors.torch import save_file
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LinearLR, SequentialLR

STEPS, LR = 50, 0.01


def schedule(optimizer, name, warmup):
    after = CosineAnnealingLR(optimizer, STEPS - warmup) if name == "cosine" else ConstantLR(optimizer, 1.0)
    if not warmup:
        return after
    return SequentialLR(optimizer, [LinearLR(optimizer, 1 / warmup, 1.0, warmup - 1), after], [warmup])


def run(make, name, warmup, norm):
    wave = lambda n, a, b: torch.sin(a * torch.arange(n, dtype=torch.float64) + b)
    weight = wave(12, 0.7, 0.3).reshape(4, 3).requires_grad_()
    bias = wave(4, 1.1, 0.2).requires_grad_()
    optimizer = make([{"params": [weight]}, {"params": [bias], "lr": 10 * LR}])
    scheduler, rates, clipped = schedule(optimizer, name, warmup), [], 0
    for step in range(1, STEPS + 1):
        rates.append(optimizer.param_groups[0]["lr"] / LR)
        x, y = wave(15, 0.5, 1.3 * step).reshape(5, 3), wave(20, 0.9, 0.4 * step).reshape(5, 4)
        optimizer.zero_grad()
        ((x @ weight.T + bias - y) ** 2).mean().backward()
        if norm:
            clipped += torch.nn.utils.clip_grad_norm_([weight, bias], norm) > norm
        optimizer.step()
        scheduler.step()
    assert not norm or 0 < clipped < STEPS, clipped
    return torch.tensor(rates, dtype=torch.float64), weight.detach(), bias.detach()


tensors = {}
algorithms = {
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=LR, weight_decay=0.1),
    "sgd": lambda groups: torch.optim.SGD(groups, lr=LR),
}
for algorithm, make in algorithms.items():
    for name, warmup in (("constant", 0), ("constant", 10), ("cosine", 0), ("cosine", 10)):
        for norm in (0.0, 1.2):
            rates, weight, bias = run(make, name, warmup, norm)
            key = f"{algorithm}.{name}.{warmup}.{norm}"
            tensors[f"{key}.weight"], tensors[f"{key}.bias"] = weight.clone(), bias.clone()
            tensors[f"{name}.{warmup}.lr"] = rates
save_file(tensors, __file__.replace(".py", ".safetensors"))
