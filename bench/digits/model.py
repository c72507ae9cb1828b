"""A flow-matching U-Net of 0.17 million parameters for pictures of 16 px, and LoRA for it.

Flow matching (Lipman et al. 2023, arXiv 2210.02747): x_t = (1 - t) picture + t noise, and the model predicts
noise - picture, as Flux and SD3 do. LoRA (Hu et al. 2021, arXiv 2106.09685) stands on every convolution and linear.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrize

if TYPE_CHECKING:
    from torch import Tensor

WIDTH = 24  # channels at 8x8; twice that at 4x4
NULL = 10  # the label of "any digit"
RANK = 8


class Block(nn.Module):
    """Two convolutions around the conditioning, with a way past them."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(4, inside), nn.Conv2d(inside, outside, 3, padding=1)
        self.condition = nn.Linear(4 * WIDTH, outside)
        self.norm2, self.conv2 = nn.GroupNorm(4, outside), nn.Conv2d(outside, outside, 3, padding=1)
        self.past = nn.Identity() if inside == outside else nn.Conv2d(inside, outside, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        y = self.conv1(functional.silu(self.norm1(x))) + self.condition(condition)[:, :, None, None]
        result: Tensor = self.past(x) + self.conv2(functional.silu(self.norm2(y)))
        return result


class Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.qkv, self.out = nn.GroupNorm(4, width), nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.norm(x).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(tokens).chunk(3, dim=-1)
        mixed = self.out(functional.scaled_dot_product_attention(q, k, v))
        result: Tensor = x + mixed.transpose(1, 2).reshape(x.shape)
        return result


class UNet(nn.Module):
    """Noisy pictures [n, 1, 16, 16], times [n] in 0-1, labels [n] -> velocity [n, 1, 16, 16]."""

    def __init__(self) -> None:
        super().__init__()
        wide = 2 * WIDTH
        self.label = nn.Embedding(NULL + 1, 4 * WIDTH)
        self.time = nn.Linear(4 * WIDTH, 4 * WIDTH)
        self.stem = nn.Conv2d(4, WIDTH, 3, padding=1)
        self.down1, self.shrink = Block(WIDTH, WIDTH), nn.Conv2d(WIDTH, wide, 3, stride=2, padding=1)
        self.down2, self.attention, self.middle = Block(wide, wide), Attention(wide), Block(wide, wide)
        self.grow, self.up = nn.Conv2d(wide, WIDTH, 3, padding=1), Block(2 * WIDTH, WIDTH)
        self.norm, self.head = nn.GroupNorm(4, WIDTH), nn.Conv2d(WIDTH, 4, 3, padding=1)

    def forward(self, x: Tensor, t: Tensor, label: Tensor) -> Tensor:
        condition = self._condition(t, label)
        fine, coarse = self._encode(x, condition)
        grown = self.grow(functional.interpolate(self.middle(coarse, condition), scale_factor=2.0))
        y = self.up(torch.cat([grown, fine], dim=1), condition)
        return functional.pixel_shuffle(self.head(functional.silu(self.norm(y))), 2)

    def features(self, pictures: Tensor) -> Tensor:
        """What stands at 4x4 for clean pictures (t = 0) under the null label: [n, 768]."""
        label = torch.full((len(pictures),), NULL)
        _, coarse = self._encode(pictures, self._condition(torch.zeros(len(pictures)), label))
        return coarse.flatten(1)

    def _condition(self, t: Tensor, label: Tensor) -> Tensor:
        frequencies = torch.exp(torch.linspace(0, math.log(100), 2 * WIDTH))
        angles = t[:, None] * frequencies
        return functional.silu(self.time(torch.cat([angles.sin(), angles.cos()], dim=1)) + self.label(label))

    def _encode(self, x: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.down1(self.stem(functional.pixel_unshuffle(x, 2)), condition)
        return fine, self.attention(self.down2(self.shrink(fine), condition))


class LowRank(nn.Module):
    """weight -> weight + alpha / rank * up @ down, with up = 0 at first."""

    def __init__(self, weight: Tensor, alpha: float, rng: torch.Generator) -> None:
        super().__init__()
        inside = weight[0].numel()
        bound = 1 / math.sqrt(inside)  # kaiming_uniform with a = sqrt(5), as peft and kohya start it
        self.down = nn.Parameter((torch.rand(RANK, inside, generator=rng) * 2 - 1) * bound)
        self.up = nn.Parameter(torch.zeros(len(weight), RANK))
        self.scale = alpha / RANK

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.scale * (self.up @ self.down).view_as(weight)


def add_lora(model: UNet, alpha: float, rng: torch.Generator) -> list[nn.Parameter]:
    """Freeze `model`, put LoRA on every convolution and linear, and give what is left to train."""
    model.requires_grad_(False)
    added = []
    for module in list(model.modules()):
        if isinstance(module, nn.Conv2d | nn.Linear):
            low_rank = LowRank(module.weight, alpha, rng)
            parametrize.register_parametrization(module, "weight", low_rank)
            added += [low_rank.down, low_rank.up]
    return added


def flow_loss(model: UNet, pictures: Tensor, label: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    """Mean squared error of the velocity: a scalar."""
    at = t[:, None, None, None]
    return functional.mse_loss(model((1 - at) * pictures + at * noise, t, label), noise - pictures)
