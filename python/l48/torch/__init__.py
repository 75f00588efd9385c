"""What training with PyTorch needs: images of a batch, loaders' datasets and samplers, the asset regulariser, and
networks that `l48-train` has trained. Importing `l48` does not import this, nor torch.
"""

from .asset_reg import AssetRegulariser
from .clips import Batch, BatchSampler, Clips, collate
from .convnext import ConvNeXt
from .images import IMAGENET_MEAN, IMAGENET_STD, images
from .networks import ResNet, Tiny
from .run import RunError, TrainedNetwork, load_run

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "AssetRegulariser",
    "Batch",
    "BatchSampler",
    "Clips",
    "ConvNeXt",
    "ResNet",
    "RunError",
    "Tiny",
    "TrainedNetwork",
    "collate",
    "images",
    "load_run",
]
