"""Writes convnext.safetensors and convnext_tiny.txt: outputs and names of torchvision's ConvNeXt-Tiny (torchvision 0.26, safetensors).

Weights come from the formula of resnet.py, each scaled by what it is. In training mode, the paths of two blocks are left out of one
clip each; what the others weigh is torchvision's own probability.
"""

import pathlib

import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

HERE, CLASSES = pathlib.Path(__file__).parent, 5
LEFT_OUT = {(5, 0), (17, 1)}  # block, clip


def u(t, n):
    i = torch.arange(n, dtype=torch.int64)
    return ((2654435761 * i + 40503 * t + 12345) % 2**32).double() / 2**32 - 0.5


def fill(state):
    for t, (name, tensor) in enumerate(state.items()):
        value = u(t, tensor.numel())
        if tensor.dim() > 1 and not name.endswith("layer_scale"):
            value = value * (12.0 / tensor[0].numel()) ** 0.5
        elif name.endswith("layer_scale") or (name.endswith(".weight")):
            value = 1.0 + 0.5 * value
        else:
            value = 0.2 * value
        tensor.copy_(value.float().reshape(tensor.shape))


class Path(nn.Module):
    def __init__(self, block, probability):
        super().__init__()
        self.block, self.probability = block, probability

    def forward(self, x):
        weights = [0.0 if (self.block, clip) in LEFT_OUT else 1.0 / (1.0 - self.probability) for clip in range(len(x))]
        return x * torch.tensor(weights).reshape(-1, 1, 1, 1) if self.training else x


make = torchvision.models.convnext_tiny
shapes = ((key, "x".join(map(str, value.shape))) for key, value in make().state_dict().items())
(HERE / "convnext_tiny.txt").write_text("".join(f"{key} {shape}\n" for key, shape in shapes))
torch.manual_seed(0)
model = make(num_classes=CLASSES)
start = model.state_dict()
tensors = {"start.layer_scale": start["features.7.2.layer_scale"].clone()}
for name in ("features.3.1.block.0", "features.4.1", "features.5.2.block.3", "classifier.2"):
    tensors[f"start.{name}"] = torch.stack([start[f"{name}.weight"].std(), start[f"{name}.bias"].abs().max()])
with torch.no_grad():
    fill(start)
paths = [module for module in model.modules() if isinstance(module, torchvision.ops.StochasticDepth)]
blocks = [module for module in model.modules() if isinstance(module, torchvision.models.convnext.CNBlock)]
for number, (block, path) in enumerate(zip(blocks, paths, strict=True)):
    block.stochastic_depth = Path(number, path.p)
x = (4.0 * u(1000, 2 * 3 * 64 * 96)).float().reshape(2, 3, 64, 96)
model.eval()
with torch.no_grad():
    tensors["eval"] = model(x)
    tensors["features"] = model.classifier[:2](model.avgpool(model.features(x)))
model.train()
logits = model(x)
(logits * u(2000, logits.numel()).float().reshape(logits.shape)).sum().backward()
tensors["train"] = logits.detach()
tensors["grad.features.0.0.weight"] = model.features[0][0].weight.grad.clone()
tensors["grad.features.5.4.layer_scale"] = model.features[5][4].layer_scale.grad.clone()
tensors["grad.features.7.1.block.0.bias"] = model.features[7][1].block[0].bias.grad.clone()
tensors["grad.classifier.2.weight"] = model.classifier[2].weight.grad.clone()
save_file(tensors, HERE / "convnext.safetensors")
