"""What is read off one run's held-out loss: its optimum, and how wide the room around it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from digits.training import Run

    Floats = NDArray[np.float64]

REACH = 1.0  # octaves either way over which the loss is smoothed: single looks jump by up to 1 % (batches of ten)
PASSED = 2.0  # times its optimum that a run must have gone to be sure of it


@dataclass(frozen=True, slots=True)
class Curve:
    """Held-out loss against samples, smoothed by a parabola through the looks within an octave either way."""

    samples: Floats  # [looks], without the one at 0
    loss: Floats  # [looks], smoothed
    base: float  # loss of the untuned model

    @property
    def best(self) -> float:
        return float(self.loss.min())

    @property
    def optimum(self) -> float:
        """Samples at the lowest loss."""
        return float(self.samples[self.loss.argmin()])

    @property
    def known(self) -> bool:
        """Whether the run went on for long enough past the optimum; if not, it may lie later."""
        return bool(self.samples[-1] >= PASSED * self.optimum)

    def at(self, samples: float) -> float:
        """Loss at so many samples; NaN past the end of the run."""
        return float(np.interp(np.log(samples), np.log(self.samples), self.loss, right=np.nan))

    def nearly(self, share: float = 0.01) -> float:
        """Samples from which on the loss is within `share` of its lowest."""
        return float(self.samples[np.flatnonzero(self.loss <= (1 + share) * self.best)[0]])

    def past(self, share: float = 0.02) -> float:
        """Samples past the optimum at which the loss is `share` worse again; NaN if the run ended before."""
        worse = np.flatnonzero((self.loss >= (1 + share) * self.best) & (self.samples > self.optimum))
        return float(self.samples[worse[0]]) if len(worse) else float("nan")


def curve(run: Run) -> Curve:
    samples, loss = np.asarray(run.samples[1:], dtype=np.float64), np.asarray(run.loss[1:])
    x = np.log2(samples)
    smooth = np.empty_like(loss)
    for i, here in enumerate(x):
        near = np.abs(x - here) <= REACH
        smooth[i] = np.polyval(np.polyfit(x[near] - here, loss[near], 2), 0.0)
    return Curve(samples, smooth, run.loss[0])
