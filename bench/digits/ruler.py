"""curate's own numbers for a set of digits: effective images, weights, and the diversity that a trainer samples."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import torch

from curate import diversity
from curate.diversity.scale import scale_of
from digits.pictures import BASE_DIGITS, Digits, TrainingSet, small

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from digits.model import UNet

REFERENCE = 15  # pictures of each digit that the base model knows; no study set holds any of them
WHOLE = 0.95  # of them: what curate wants a hand-picked set of different pictures to count as


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What could foretell the optimum."""

    files: float
    photographs: float  # different pictures, every version counted as the picture that it was made from
    effective: float  # effective images: what the files contain
    sampled: float  # D_sampled: the diversity of order 2 as the trainer draws it
    shannon: float  # the same of order 1, which makes less of what is drawn most


@dataclass(frozen=True, slots=True)
class Ruler:
    """An embedding of digits with its scale: u = 1 - cosine at which two pictures count as 1.33."""

    embed: Callable[[Tensor], Tensor]
    u: float

    def vectors(self, pictures: Tensor) -> NDArray[np.float32]:
        with torch.no_grad():
            return self.embed(pictures).flatten(1).numpy().astype(np.float32)

    def draws(self, chosen: TrainingSet) -> Tensor | None:
        """How often each file is drawn: curate's weights where the set asks for them, else None (all alike)."""
        if not chosen.by_weight:
            return None
        vectors = self.vectors(chosen.files)
        return torch.from_numpy(diversity.measure(vectors, np.arange(len(vectors)), self.u).weights)

    def read(self, chosen: TrainingSet, factor: float = 1.0) -> Reading:
        """The set's numbers at `factor` times the scale; equal files are proved copies, versions are not."""
        vectors = self.vectors(chosen.files)
        draws = self.draws(chosen)
        weights = np.ones(len(vectors)) if draws is None else draws.numpy()
        keepers = _keepers(chosen.files)
        u = factor * self.u
        return Reading(
            files=len(vectors),
            photographs=len(set(chosen.photograph)),
            effective=diversity.measure(vectors, keepers, u).effective_images,
            sampled=diversity.sampled_diversity(vectors, keepers, weights, u),
            shannon=_shannon(vectors, weights / weights.sum(), u),
        )


def rulers(base: UNet, digits: Digits) -> dict[str, Ruler]:
    """The base model's own features, and the bare pixels, each with its scale."""
    embeddings = {"features": base.features, "pixels": lambda pictures: pictures + 1}  # black is 0
    return {name: Ruler(embed, _scale(Ruler(embed, 1.0), digits)) for name, embed in embeddings.items()}


def _scale(ruler: Ruler, digits: Digits) -> float:
    """The u at which fifteen different pictures of one known digit count as .95 x 15: the median of eight digits.

    The rule that curate follows for any embedder, on digits that no set of the study holds: what comes out cannot have
    been fitted to the optima.
    """
    found = []
    for digit in BASE_DIGITS:
        vectors = ruler.vectors(small(digits.of(digit, held_out=False)[:REFERENCE])).astype(np.float64)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        found.append(scale_of(vectors @ vectors.T, WHOLE))
    return median(found)


def _shannon(vectors: NDArray[np.float32], p: NDArray[np.float64], u: float) -> float:
    """exp(-sum p ln Kp): similarity-sensitive diversity of order 1 (Leinster and Cobbold 2012, Ecology 93:477)."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return float(np.exp(-p @ np.log(diversity.kernel(unit @ unit.T, u) @ p)))


def _keepers(files: Tensor) -> NDArray[np.intp]:
    """For each file the first that equals it."""
    first: dict[bytes, int] = {}
    rows = [first.setdefault(picture.numpy().tobytes(), row) for row, picture in enumerate(files)]
    return np.asarray(rows, dtype=np.intp)
