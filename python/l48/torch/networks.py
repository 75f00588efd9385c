"""Defines the tiny and the residual networks as `l48-train` trains them, with its weights' names (torchvision's) and
starts.

Source of the residual networks: He et al. 2016 (arXiv 1512.03385), with the stride of a bottleneck in its 3 x 3
convolution.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

POOLED = (112, 56)
"""Rows and columns that the tiny network pools images to, if they have more."""

_WIDTHS = (16, 24, 32, 64)
_BANDS = 7


class Tiny(nn.Module):
    """A small network for the CPU: about 50,000 weights.

    Images are pooled first, time more than frequency; a coordinate of frequency goes in beside them, and the head pools
    over time but keeps 7 bands of frequency apart.

    >>> Tiny(channels=1, classes=30)(torch.zeros(2, 1, 448, 448)).shape
    torch.Size([2, 30])
    """

    def __init__(self, channels: int, classes: int) -> None:
        """A network for images of so many channels; weights are drawn from torch's generator."""
        super().__init__()
        inputs = channels + 1
        for number, width in enumerate(_WIDTHS, 1):
            size, stride = (5, 2) if number == 1 else (3, 1)
            self.add_module(f"conv{number}", _conv(inputs, width, size, stride))
            self.add_module(f"bn{number}", nn.BatchNorm2d(width))
            inputs = width
        self.fc = nn.Linear(2 * _BANDS * inputs, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [B, classes] of images [B, channels, H, W], normalised with mean .5 and deviation .5."""
        height, width = min(images.shape[2], POOLED[0]), min(images.shape[3], POOLED[1])
        x = images
        if (height, width) != (images.shape[2], images.shape[3]):
            x = F.adaptive_avg_pool2d(x, (height, width))
        rows = torch.linspace(-1, 1, height, dtype=x.dtype, device=x.device)
        place = rows.reshape(1, 1, height, 1).expand(x.shape[0], 1, height, width)
        # On a CPU too, few channels are faster side by side.
        x = torch.cat([x, place], 1).contiguous(memory_format=torch.channels_last)
        for number in range(1, len(_WIDTHS) + 1):
            conv, norm = self.get_submodule(f"conv{number}"), self.get_submodule(f"bn{number}")
            x = F.relu(norm(conv(x)))
            if 1 < number < len(_WIDTHS) and x.shape[2] > 1 and x.shape[3] > 1:
                x = F.max_pool2d(x, 2)
        mean = F.adaptive_avg_pool2d(x.mean(3, keepdim=True), (_BANDS, 1))
        most = F.adaptive_avg_pool2d(x.amax(3, keepdim=True), (_BANDS, 1))
        logits: Tensor = self.fc(torch.cat([mean, most], 1).flatten(1))
        return logits


class ResNet(nn.Module):
    """ResNet-18 or ResNet-50, with the names and shapes of `torchvision.models.resnet18` and `resnet50`.

    >>> ResNet(18, classes=30)(torch.zeros(2, 3, 64, 64)).shape
    torch.Size([2, 30])
    """

    def __init__(self, depth: int, classes: int) -> None:
        """The network of 18 or 50 layers; weights are drawn from torch's generator."""
        super().__init__()
        blocks = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}.get(depth)
        if blocks is None:
            raise ValueError(f"no residual network of {depth} layers: 18 or 50")
        self.conv1, self.bn1 = _conv(3, 64, 7, 2), nn.BatchNorm2d(64)
        inputs = 64
        for layer, count in enumerate(blocks):
            width, chain = 64 << layer, nn.Sequential()
            for number in range(count):
                stride = 2 if layer > 0 and number == 0 else 1
                block = _Block(inputs, width, stride, bottleneck=depth == 50)
                chain.append(block)
                inputs = block.outputs
            self.add_module(f"layer{layer + 1}", chain)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [B, classes] of images [B, 3, H, W], normalised as ImageNet's."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(images))), 3, 2, 1)
        for layer in range(1, 5):
            x = self.get_submodule(f"layer{layer}")(x)
        logits: Tensor = self.fc(x.mean((2, 3)))
        return logits


class _Block(nn.Module):
    """Convolutions around which their input is added: two of 3 x 3, or 1 x 1, 3 x 3 and 1 x 1 (4 times as wide)."""

    def __init__(self, inputs: int, width: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        self.outputs = 4 * width if bottleneck else width
        plan = [(inputs, width, 3, stride), (width, width, 3, 1)]
        if bottleneck:
            plan = [(inputs, width, 1, 1), (width, width, 3, stride), (width, self.outputs, 1, 1)]
        self.steps = len(plan)
        for number, (ins, outs, size, step) in enumerate(plan, 1):
            self.add_module(f"conv{number}", _conv(ins, outs, size, step))
            self.add_module(f"bn{number}", nn.BatchNorm2d(outs))
        self.downsample: nn.Sequential | None = None
        if stride != 1 or inputs != self.outputs:
            self.downsample = nn.Sequential(_conv(inputs, self.outputs, 1, stride), nn.BatchNorm2d(self.outputs))

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for number in range(1, self.steps + 1):
            conv, norm = self.get_submodule(f"conv{number}"), self.get_submodule(f"bn{number}")
            out = norm(conv(out))
            if number < self.steps:
                out = F.relu(out)
        return F.relu(out + (x if self.downsample is None else self.downsample(x)))


def _conv(inputs: int, outputs: int, size: int, stride: int) -> nn.Conv2d:
    """A square convolution without bias, normal with deviation sqrt(2 / fan out), as torchvision starts its own."""
    conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv
