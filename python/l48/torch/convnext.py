"""Defines ConvNeXt-Tiny as `l48-train` trains it, with torchvision's names, shapes and start.

Source: Liu et al. 2022 (arXiv 2201.03545) and `torchvision.models.convnext`; stochastic depth is that of Huang et al.
2016 (arXiv 1603.09382).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_STAGES = ((96, 3), (192, 3), (384, 9), (768, 3))
"""Width and blocks of each stage."""
_DEPTH_DROPPED = 0.1
"""Probability that the last block's path is left out of a clip; it grows evenly from 0 for the first block."""
_LAYER_SCALE = 1e-6
_NORM_EPS = 1e-6


class ConvNeXt(nn.Module):
    """ConvNeXt-Tiny, with the names and shapes of `torchvision.models.convnext_tiny`.

    Its last layer is `classifier[2]`. In training, paths of blocks are left out of clips at random (stochastic depth).

    >>> ConvNeXt(classes=30)(torch.zeros(2, 3, 64, 64)).shape
    torch.Size([2, 30])
    """

    def __init__(self, classes: int) -> None:
        """A network for so many classes; weights are drawn from torch's generator."""
        super().__init__()
        (inputs, _), blocks = _STAGES[0], sum(count for _, count in _STAGES)
        self.features = nn.Sequential(nn.Sequential(_Conv(3, inputs, 4, 4), nn.LayerNorm(inputs, _NORM_EPS)))
        number = 0
        for width, count in _STAGES:
            if width != inputs:
                self.features.append(nn.Sequential(nn.LayerNorm(inputs, _NORM_EPS), _Conv(inputs, width, 2, 2)))
            stage = nn.Sequential()
            for _ in range(count):
                stage.append(_Block(width, dropped=_DEPTH_DROPPED * number / (blocks - 1)))
                number += 1
            self.features.append(stage)
            inputs = width
        self.classifier = nn.Sequential(nn.LayerNorm(inputs, _NORM_EPS), nn.Flatten(1), nn.Linear(inputs, classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [B, classes] of images [B, 3, H, W], normalised as ImageNet's; both sides are at least 32."""
        x = self.features(images.permute(0, 2, 3, 1))
        logits: Tensor = self.classifier(x.mean((1, 2)))
        return logits


class _Conv(nn.Conv2d):
    """A square convolution of [B, H, W, C], padded to keep the size of images unless it has a stride.

    Layer norms and fully connected layers want channels last, so that only convolutions see [B, C, H, W].
    """

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, size, stride, size // 2 if stride == 1 else 0, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class _Block(nn.Module):
    """A path of a 7 x 7 convolution a channel, a norm and two fully connected layers, to which its input is added."""

    def __init__(self, width: int, dropped: float) -> None:
        super().__init__()
        self.kept = 1 - dropped
        self.layer_scale = nn.Parameter(torch.full((width, 1, 1), _LAYER_SCALE))
        # torchvision permutes at 1; the names of the others count it.
        self.block = nn.Sequential(
            _Conv(width, width, 7, groups=width),
            nn.Identity(),
            nn.LayerNorm(width, _NORM_EPS),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        path: Tensor = self.block(x) * self.layer_scale.flatten()
        if self.training and self.kept < 1:
            path = path * (torch.rand(x.shape[0], 1, 1, 1, dtype=x.dtype, device=x.device) < self.kept) / self.kept
        return x + path
