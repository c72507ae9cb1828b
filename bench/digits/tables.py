"""The study's answers, one table a question, in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from digits.pictures import SETS
from digits.prediction import prediction, read
from digits.results import Results, geometric, mean, table
from digits.study import CHANGED_SET, CHANGES, TOTALS, USUAL

if TYPE_CHECKING:
    from digits.curves import Curve
    from digits.results import Key

FIXED = 50  # exposures: what stopping there costs at every size
SOME = 0.05  # of the drawn pictures: from here on a run counts as having memorised


def report(study: Results) -> Iterator[str]:
    """All tables. Says so if there is too little to compare."""
    runs, world, curves = study.runs, study.world, study.curves
    if not curves.get((CHANGED_SET, USUAL)):
        yield "No run on 20 different pictures is finished yet: nothing to compare with."
        return
    keys = sorted({(run.digit, run.seed) for run in runs})
    yield f"{len(runs)} runs; (digit, seed): {', '.join(map(str, keys))}; {sum(run.seconds for run in runs):.0f} s"
    scales = ", ".join(f"{name} u = {ruler.u:.4f}" for name, ruler in world.rulers.items())
    yield f"Scale at which 15 different pictures of a known digit count as .95 x 15: {scales}"
    for digit in sorted({run.digit for run in runs}):
        yield from ("", f"### Equal totals, digit {digit}", "", *_equal_totals(study, digit))
    yield from ("", "### The optimum and the number of different pictures", "", *_optimum(study))
    yield from ("", "### Copies, near-copies, shifts, skew", "", *_sets(study))
    yield from ("", f"### Changes to the training of {CHANGED_SET}", "", *_changes(study))
    yield from ("", "### What foretells the optimum", "", *prediction(study))
    yield from ("", "### Memorised pictures", "", *_memorised(study))


def _equal_totals(study: Results, digit: int) -> Iterator[str]:
    """Kept: share of the largest gain of any of these sets. Worse: seeds in which the next larger one did better."""
    rows = []
    sizes = {n: {k: c for k, c in found.items() if k[0] == digit} for n, found in study.different().items()}
    keys = {key for found in sizes.values() for key in found}
    most = {key: min(found[key].best for found in sizes.values() if key in found) for key in keys}
    for total in TOTALS:
        for count, found in sizes.items():
            loss = {key: c.at(total) for key, c in found.items()}
            kept = [(c.base - loss[key]) / (c.base - most[key]) for key, c in found.items()]
            larger = sizes.get(min((n for n in sizes if n > count), default=0), {})
            shared = [key for key in loss if key in larger]
            worse = sum(loss[key] > larger[key].at(total) for key in shared)
            row = (f"{total:,}", f"{count} x {total / count:g}", f"{mean(loss.values()):.4f}", f"{mean(kept):.0%}")
            rows.append((*row, f"{worse} of {len(shared)}" if shared else "-"))
    return table(("samples", "N x exposures", "loss", "gain kept", "worse than the next N"), rows)


def _optimum(study: Results) -> Iterator[str]:
    rows = [_optimum_row(count, list(found.values())) for count, found in study.different().items()]
    head = ("N", "T_opt", "exposures at it", "within 1 % from", "2 % worse again at")
    yield from table((*head, f"cost of stopping at {FIXED}", "gain at the optimum"), rows)
    yield ""
    yield "Geometric means over digits and seeds, lowest and highest in brackets; > where a run was stopped first."
    yield f"T_opt in proportion to N to the power {_growth(study)}, over the sizes of which every optimum is known."


def _optimum_row(count: int, curves: list[Curve]) -> tuple[str, ...]:
    past = [c.past() / count for c in curves]
    return (
        str(count),
        _spread(curves, lambda c: c.optimum),
        _spread(curves, lambda c: c.optimum / count),
        _spread(curves, lambda c: c.nearly() / count),
        f"{geometric(past):.0f} ({np.isfinite(past).sum()} of {len(past)} runs)",
        f"{mean(c.at(FIXED * count) / c.best - 1 for c in curves):.1%}",
        f"{mean(1 - c.best / c.base for c in curves):.1%}",
    )


def _growth(study: Results) -> str:
    """Slope of log T_opt against log N: of all runs, then lowest and highest of single (digit, seed)."""
    known = {n: found for n, found in study.different().items() if all(c.known for c in found.values())}
    if len(known) < 2:
        return "(not known)"
    points = [(key, np.log(n), np.log(c.optimum)) for n, found in known.items() for key, c in found.items()]
    slopes = []
    for key in {key for key, _, _ in points}:
        x, y = zip(*((x, y) for k, x, y in points if k == key), strict=True)
        if len(x) == len(known):
            slopes.append(float(np.polyfit(x, y, 1)[0]))
    return f"{mean(slopes):.2f} [{min(slopes):.2f}, {max(slopes):.2f}] (N = {min(known)} to {max(known)})"


def _sets(study: Results) -> Iterator[str]:
    rows = []
    for name in SETS:
        found = study.curves.get((name, USUAL), {})
        if not found:
            continue
        reading = read(study, name, "features", 1.0)
        rows.append(
            (
                name,
                f"{reading.files:.0f}",
                f"{reading.effective:.1f}",
                f"{reading.sampled:.1f}",
                f"{reading.shannon:.1f}",
                _spread(list(found.values()), lambda c: c.optimum),
                _ratio(study, (name, USUAL)),
                f"{mean([1 - c.best / c.base for c in found.values()]):.1%}",
                _worth(study, found),
            )
        )
    head = ("set", "files", "N_eff", "D_sampled", "order 1", "T_opt", "ratio to 20 different", "gain", "worth")
    yield from table(head, rows)
    yield ""
    yield "Worth: N of different pictures with the same lowest loss. 20 different = each copied set after cleaning."


def _worth(study: Results, found: dict[Key, Curve]) -> str:
    """Read off the losses of the sets of different pictures, in log N, digit and seed by digit and seed."""
    values = []
    for key, mine in found.items():
        losses = [(c[key].best, np.log(n)) for n, c in study.different().items() if key in c]
        if len(losses) < 2:
            continue
        x, y = zip(*sorted(losses), strict=True)
        values.append(float(np.exp(np.interp(mine.best, x, y))))
    if not values:
        return "-"
    low, high = min(study.different()), max(study.different())
    mark = "<= " if max(values) <= 1.001 * low else ">= " if min(values) >= 0.999 * high else ""
    return f"{mark}{geometric(values):.0f}"


def _changes(study: Results) -> Iterator[str]:
    """The change of the lowest loss is in shares of what tuning gains with the usual settings."""
    tried = [(change, (CHANGED_SET, change)) for change in CHANGES if change != USUAL]
    larger = [count for count in study.different() if count > int(CHANGED_SET.split()[0])]
    tried += [(f"({count} different pictures instead)", (f"{count} different", USUAL)) for count in larger]
    usual = study.curves[(CHANGED_SET, USUAL)]
    rows = []
    for title, what in tried:
        found = study.curves.get(what, {})
        better = [(usual[k].best - c.best) / (usual[k].base - usual[k].best) for k, c in found.items() if k in usual]
        if better:
            row = (title, _ratio(study, what), f"{mean(better):+.1%}", f"{min(better):+.1%} to {max(better):+.1%}")
            rows.append((*row, str(len(better))))
    return table(("change", "ratio of T_opt", "gain", "its range", "runs"), rows)


def _memorised(study: Results) -> Iterator[str]:
    rows = []
    for count, found in study.different().items():
        watched = [run for run in study.runs if run.watch and run.pictures == f"{count} different"]
        if not watched:
            continue
        firsts = []
        for run in watched:
            first = next((samples for samples, share in run.memorised if share >= SOME), None)
            if first is not None:
                firsts.append(first / found[(run.digit, run.seed)].optimum)
        last = [run.memorised[-1][1] for run in watched]
        seen = [run.samples[-1] / found[(run.digit, run.seed)].optimum for run in watched]
        when = f"{min(firsts):.1f} to {max(firsts):.1f}" if firsts else "-"
        row = (str(count), f"{len(firsts)} of {len(watched)}", when)
        rows.append((*row, f"{mean(last):.0%}", f"{geometric(seen):.1f}"))
    head = ("N", "runs that memorised", "first at (times T_opt)", "share of drawn pictures at the end")
    return table((*head, "end of the runs (times T_opt)"), rows)


def _ratio(study: Results, what: tuple[str, str]) -> str:
    """T_opt against that of the usual run of the same digit and seed."""
    usual = study.curves[(CHANGED_SET, USUAL)]
    pairs = [(c, usual[key]) for key, c in study.curves[what].items() if key in usual]
    if not pairs:
        return "-"
    ratios = [mine.optimum / other.optimum for mine, other in pairs]
    mark = "" if all(mine.known for mine, _ in pairs) else "> "
    return f"{mark}{geometric(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"


def _spread(curves: Sequence[Curve], value: Callable[[Curve], float]) -> str:
    values = [value(c) for c in curves]
    mark = "" if all(c.known for c in curves) else "> "
    return f"{mark}{geometric(values):,.0f} [{min(values):,.0f}, {max(values):,.0f}]"
