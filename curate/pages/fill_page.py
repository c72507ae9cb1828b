"""What `curate fill` and `curate gaps` print, and their JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from curate import diversity
from curate.diversity import coverage
from curate.pages.lines import FEW, Line, clean, entry, plural, wrap
from curate.pages.views_section import LEAST_UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from curate.diversity import Pick
    from curate.records import Analysis, LeftOut

DIGITS = 4
BY_YOU = "left out by you"
PATH, IMAGES, VIEWS = 30, 10, 9  # columns of the table of picks


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What was picked from a pool for a set."""

    before: Analysis  # the set
    after: Analysis  # the set with the picks
    pool: Analysis
    picks: Sequence[tuple[str, Pick]]  # (path below the pool, pick), best first
    refused: Sequence[LeftOut]  # files of the pool that may not be picked; paths below the pool

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to know of both scans, each line once."""
        return tuple(dict.fromkeys((*self.before.notes, *self.pool.notes)))


def gaps_page(analysis: Analysis) -> list[Line]:
    """The shot list: what to photograph or search for, in order of worth."""
    return list(_gaps(analysis))


def gaps_json(analysis: Analysis) -> str:
    """The coverage with its gaps, as in the JSON of a scan."""
    assert analysis.coverage is not None  # every scan says what it covers
    return json.dumps(coverage.as_json(analysis.coverage), indent=1, ensure_ascii=True)


def fill_page(found: Filling) -> list[Line]:
    """The picks in order, each with what the set holds after it; then what may not be picked."""
    return list(_fill(found))


def fill_json(found: Filling) -> str:
    """One object; `picks[].path` and `refused[].path` are relative to the pool."""
    before, after = found.before, found.after
    assert before.coverage is not None
    assert after.coverage is not None
    whole: dict[str, Any] = {
        "before": {
            "effective_images": round(before.diversity.effective_images, DIGITS),
            "coverage": coverage.as_json(before.coverage),
        },
        "picks": [
            {
                "path": path,
                "effective_images_after": round(pick.effective_images_after, DIGITS),
                "views_seen_after": pick.views_seen_after,
                "closes": list(pick.closes),
                "worth": round(pick.gain, DIGITS),
            }
            for path, pick in found.picks
        ],
        "after": {
            "effective_images": round(after.diversity.effective_images, DIGITS),
            "coverage": coverage.as_json(after.coverage),
        },
        "refused": [{"path": one.path, "reason": one.reason} for one in found.refused],
        "notes": list(found.notes),
    }
    return json.dumps(whole, indent=1, ensure_ascii=True)


def _gaps(analysis: Analysis) -> Iterator[Line]:
    found = analysis.coverage
    assert found is not None
    yield from wrap(f"curate gaps {analysis.catalog.folder}", 0, "title")
    yield from wrap(f"{found.headline[:1].upper()}{found.headline[1:]}", 0, "name")
    yield from wrap(f"Asked for by the preset {found.preset}: {diversity.TARGETS[found.preset].source}.", 0, "dim")
    if found.measured and found.views_wanted and found.unknown >= LEAST_UNKNOWN:
        yield from wrap(f"{100 * found.unknown:.0f} % of the set shows no view that can be told.", 0, "dim")
    for note in analysis.notes:
        yield from wrap(f"Note: {note}", 0, "warn", hanging=6)
    yield Line(text="")
    if found.gaps:
        yield Line(text="TO PHOTOGRAPH OR SEARCH FOR, most wanted first; one picture each, or as said", style="head")
        for number, shot in enumerate(diversity.shot_list(found), start=1):
            yield from wrap(f"{number:>2}. {shot}", 2, hanging=6)
    elif found.measured:
        nothing = diversity.shot_list(found)[0]
        yield from wrap(f"{nothing[:1].upper()}{nothing[1:]}.", 2)
    for finding in found.findings:
        yield from wrap(f"{finding[:1].upper()}{finding[1:]}.", 2)
    yield Line(text="")
    yield Line(text="  curate fill POOL picks them from a folder of other pictures", style="dim")


def _fill(found: Filling) -> Iterator[Line]:
    before, after, picks = found.before, found.after, found.picks
    yield from wrap(f"curate fill {found.pool.catalog.folder} {before.catalog.folder}", 0, "title")
    for note in found.notes:
        yield from wrap(f"Note: {note}", 0, "warn", hanging=6)
    views = before.coverage is not None and before.coverage.measured and before.coverage.views_wanted
    yield Line(text="")
    yield Line(text="PICKS, best first: what the set holds after each", style="head")
    wanted = before.coverage.views_wanted if before.coverage else 0
    yield Line(text=f"  {'':<{PATH}}{'effective':>{IMAGES}}" + (f"{'views':>{VIEWS}}" if views else ""), style="dim")
    seen = f"{before.coverage.views_seen} of {wanted}" if before.coverage and views else ""
    yield Line(text=_row("the set as it is", before.diversity.effective_images, seen, ""))
    for path, pick in picks:
        name = clean(path)
        seen = f"{pick.views_seen_after} of {wanted}" if views else ""
        if len(name) >= PATH:
            yield from wrap(name, 2)
            name = ""
        room = 2 + PATH + IMAGES + (VIEWS if views else 0) + 2
        closes = list(wrap("closes " + "; ".join(pick.closes), room)) if pick.closes else [Line(text="")]
        first = _row(name, pick.effective_images_after, seen, closes[0].text.strip())
        yield Line(text=first)
        yield from closes[1:]
    if not picks:
        yield Line(text="  none: nothing in the pool adds anything", style="warn")
    else:
        yield from wrap(_summary(before, after, len(picks)), 2)
    yield from _refused(found.refused)


def _row(name: str, images: float, seen: str, closes: str) -> str:
    views = f"{seen:>{VIEWS}}" if seen else ""
    return f"  {name:<{PATH}}{images:>{IMAGES}.1f}{views}  {closes}".rstrip()


def _summary(before: Analysis, after: Analysis, count: int) -> str:
    gained = after.diversity.effective_images - before.diversity.effective_images
    text = f"{plural(count, 'picture')} {'adds' if count == 1 else 'add'} {gained:.1f} effective images"
    if after.coverage is not None and after.coverage.measured:
        text += f"; afterwards {after.coverage.headline}"
    return text + "."


def _refused(refused: Sequence[LeftOut]) -> Iterator[Line]:
    if not refused:
        return
    yield Line(text="")
    kinds = Counter(_kind(one.reason) for one in refused)
    counts = ", ".join(f"{number:,} {kind}" for kind, number in sorted(kinds.items()))
    yield Line(text=f"NOT PICKED FROM: {counts}", style="head")
    for one in refused[:FEW]:
        yield from entry(one.path, one.reason, 2, 28)
    if len(refused) > FEW:
        yield Line(text=f"  and {len(refused) - FEW} more (--json names them)", style="dim")


def _kind(reason: str) -> str:
    if reason.startswith("copy of"):
        return "copies"
    return reason if reason == BY_YOU else "poor or broken"
