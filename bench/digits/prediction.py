"""Which number foretells the optimum: N, N_eff or D_sampled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from curate.diversity.effective import RANGE
from digits.pictures import SETS, build
from digits.results import Results, geometric, mean, table
from digits.ruler import Reading
from digits.study import USUAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from digits.curves import Curve

    Floats = NDArray[np.float64]

TITLES = {
    "files": "N (files)",
    "photographs": "different pictures",
    "effective": "N_eff",
    "sampled": "D_sampled",
    "shannon": "D_sampled, order 1",
}
SEED, RESAMPLES = 0, 2_000  # of the bootstrap over sets
EXPOSURES = tuple(round(5 * 2 ** (k / 4), 1) for k in range(27))  # 5 to 453: rules that are tried


def prediction(study: Results) -> Iterator[str]:
    """Spearman's rank correlation over the sets, each the mean of its digits and seeds."""
    names = [name for name in SETS if (name, USUAL) in study.curves]
    curves = [list(study.curves[(name, USUAL)].values()) for name in names]
    optimum = np.array([geometric([c.optimum for c in each]) for each in curves])
    gain = np.array([mean([1 - c.best / c.base for c in each]) for each in curves])
    rows = []
    for title, where, values in _candidates(study, names):
        power, off = _law(values, optimum)
        row = (title, where, _rank(values, optimum), f"{spearman(values, gain):.2f}")
        exposures, cost, worst = _rule(values, curves)
        rows.append((*row, f"{power:.2f}", f"{off:.1f}", f"{exposures:.0f}", f"{cost:.1%}", f"{worst:.1%}"))
    rule = ("best rule (exposures)", "its cost", "worst set")
    head = ("number", "by", "rank correlation with T_opt", "with the gain", "power", "off by (octaves)", *rule)
    yield from table(head, rows)
    stopped = [name for name, each in zip(names, curves, strict=True) if not all(c.known for c in each)]
    yield ""
    yield (
        f"{len(names)} sets; in brackets 5 to 95 % of {RESAMPLES:,} resamplings of the sets. Power: T_opt goes with "
        "the number to this power, fitted over all sets; off by: root mean square distance from that line. "
        "Best rule: stop at so many exposures of each, the same for all sets, chosen for the least mean cost; cost: "
        "how much higher the loss is there than at its lowest."
    )
    yield f"Stopped before the optimum, so that T_opt is the cap: {', '.join(stopped) or 'none'}."


def read(study: Results, name: str, embedding: str, factor: float) -> Reading:
    """The set's numbers, geometric means over the digits and seeds that were run."""
    ruler = study.world.rulers[embedding]
    pools = {digit: study.world.digits.of(digit, held_out=False) for digit, _ in study.curves[(name, USUAL)]}
    each = [ruler.read(build(name, pools[digit], seed), factor) for digit, seed in study.curves[(name, USUAL)]]
    return Reading(**{title: geometric([getattr(reading, title) for reading in each]) for title in TITLES})


def spearman(x: Floats, y: Floats) -> float:
    """Rank correlation, ties at their mean rank; NaN where one side is constant."""
    from scipy.stats import rankdata

    # sums of kernel values of equal sets differ in their last bits
    a, b = rankdata(np.round(x, 6)), rankdata(np.round(y, 6))
    if a.std() == 0 or b.std() == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def _candidates(study: Results, names: list[str]) -> Iterator[tuple[str, str, Floats]]:
    """(what, measured how, its value for each set)."""
    counts = [read(study, name, "features", 1.0) for name in names]
    for title in ("files", "photographs"):
        yield TITLES[title], "-", np.array([getattr(reading, title) for reading in counts])
    for embedding in study.world.rulers:
        for factor in (1 / RANGE, 1.0, RANGE):
            readings = [read(study, name, embedding, factor) for name in names]
            for title in ("effective", "sampled", "shannon"):
                values = np.array([getattr(reading, title) for reading in readings])
                yield TITLES[title], f"{embedding}, u x {factor:.2f}", values


def _law(values: Floats, optimum: Floats) -> tuple[float, float]:
    """Slope of log T_opt against log value, and root mean square distance from the line in octaves."""
    x, y = np.log2(values), np.log2(optimum)
    line = np.polyfit(x, y, 1)
    return float(line[0]), float(np.sqrt(np.mean((np.polyval(line, x) - y) ** 2)))


def _rule(values: Floats, curves: list[list[Curve]]) -> tuple[float, float, float]:
    """(exposures of each that suit all sets best, mean cost, cost for the worst set), cost as a share of the loss.

    A rule that goes past the end of a run is charged the loss at its end, which is too little.
    """
    found = []
    for exposures in EXPOSURES:
        costs = [
            mean(c.at(float(np.clip(exposures * value, c.samples[0], c.samples[-1]))) / c.best - 1 for c in each)
            for value, each in zip(values, curves, strict=True)
        ]
        found.append((mean(costs), exposures, max(costs)))
    cost, exposures, worst = min(found)
    return exposures, cost, worst


def _rank(values: Floats, optimum: Floats) -> str:
    rng = np.random.default_rng(SEED)
    drawn = (rng.integers(len(values), size=len(values)) for _ in range(RESAMPLES))
    found = [spearman(values[rows], optimum[rows]) for rows in drawn]
    low, high = np.nanquantile(found, (0.05, 0.95))
    return f"{spearman(values, optimum):.2f} [{low:.2f}, {high:.2f}]"
