"""The finished runs as curves, and how several of them are put into one cell of a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digits.curves import Curve, curve
from digits.pictures import DIFFERENT
from digits.study import USUAL

if TYPE_CHECKING:
    from digits.study import World
    from digits.training import Run

Key = tuple[int, int]  # digit, seed


@dataclass(frozen=True, slots=True)
class Results:
    runs: Sequence[Run]
    curves: dict[tuple[str, str], dict[Key, Curve]]  # (set, change) -> its runs
    world: World

    def different(self) -> dict[int, dict[Key, Curve]]:
        """N -> the usual runs on N different pictures."""
        found = {count: self.curves.get((f"{count} different", USUAL), {}) for count in DIFFERENT}
        return {count: curves for count, curves in found.items() if curves}


def gather(runs: Sequence[Run], world: World) -> Results:
    curves: dict[tuple[str, str], dict[Key, Curve]] = {}
    for run in runs:
        curves.setdefault((run.pictures, run.change), {})[(run.digit, run.seed)] = curve(run)
    return Results(runs, curves, world)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of a Markdown table."""
    yield "|" + "|".join(head) + "|"
    yield "|" + "-|" * len(head)
    for row in rows:
        yield "|" + "|".join(row) + "|"


def mean(values: Iterable[float]) -> float:
    """Mean; NaN of nothing."""
    found = list(values)
    return float(np.mean(found)) if found else float("nan")


def geometric(values: Sequence[float]) -> float:
    """Geometric mean of those that are known."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.exp(np.mean(np.log(finite)))) if finite else float("nan")
