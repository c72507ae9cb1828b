"""Which views and framings a set holds, for the page of a scan: the headline, a table, what is missing."""

from __future__ import annotations

from collections.abc import Iterator

from curate.diversity import targets
from curate.pages.lines import Line, clean, entry, plural, wrap
from curate.records import Analysis, Coverage

COLUMNS = ("close-up", "upper body", "3/4 body", "full body", "all")  # as records.FRAMINGS; all: with unknown framing
NAMES = 20  # columns of the names of views
CELL = 11  # columns of a number
LEAST_UNKNOWN = 0.005  # share of the set from which it is said that its views are not known: it reads as 1 %
WORST = 3  # gaps that the page names; `curate gaps` has them all


def views_section(analysis: Analysis, few: int) -> Iterator[Line]:
    """Nothing where views were not asked for and nothing else is to say."""
    coverage = analysis.coverage
    if coverage is None:
        return
    noted = list(_notes(analysis))
    if coverage.measured:
        yield from wrap(f"VIEWS: {coverage.headline.removeprefix('views ')}", 0, "head")
        if coverage.views_wanted:
            yield from _table(coverage)
            if coverage.unknown >= LEAST_UNKNOWN:
                yield from wrap(f"{100 * coverage.unknown:.0f} % of the set shows no view that can be told.", 2)
        yield from _missing(coverage)
    elif analysis.views:
        yield from wrap(f"VIEWS: {coverage.headline.removeprefix('views ')}", 0, "head")
    elif coverage.findings:
        yield Line(text="WHAT REPEATS", style="head")
    for finding in coverage.findings:
        yield from wrap(finding[:1].upper() + finding[1:] + ".", 2)
    for path, note in noted[:few]:
        yield from entry(path, note, 2, 28)
    if len(noted) > few:
        yield Line(text=f"  and {len(noted) - few} more (--all shows them)", style="dim")


def _table(coverage: Coverage) -> Iterator[Line]:
    """Effective images by view and framing; a dot where there is none."""
    yield Line(text=f"  {'effective images':<{NAMES}}" + "".join(f"{name:>{CELL}}" for name in COLUMNS), style="dim")
    for at, name in enumerate(targets.names(folded=coverage.folded)):
        whole = float(coverage.yaw[at])
        wanted = at in targets.wanted(targets.TARGETS[coverage.preset], folded=coverage.folded)
        cells = [*(float(one) for one in coverage.matrix[at]), whole]
        row = "".join(f"{'·' if cell < 0.05 else f'{cell:.1f}':>{CELL}}" for cell in cells)
        yield Line(text=f"  {name:<{NAMES}}{row}", style="warn" if wanted and whole < 0.05 else "plain")


def _missing(coverage: Coverage) -> Iterator[Line]:
    if not coverage.gaps:
        return
    worst = [f"{gap.name}{'' if gap.missing else ' (thin)'}" for gap in coverage.gaps[:WORST]]
    more = len(coverage.gaps) - len(worst)
    rest = f" and {plural(more, 'lesser gap')}" if more else ""
    yield from wrap(f"Missing most: {', '.join(worst)}{rest}; `curate gaps` is the list to photograph by.", 2)


def _notes(analysis: Analysis) -> Iterator[tuple[str, str]]:
    """What there is to say of single pictures' views: captions that disagree, several people, tiny faces."""
    for row, view in enumerate(analysis.views):
        for note in view.notes:
            if analysis.kept[row]:
                yield clean(analysis.catalog.pictures[row].path), note
