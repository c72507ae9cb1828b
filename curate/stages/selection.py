"""What an export trains on: a part that keeps the most, pictures held out to validate on, exposures shared.

First the limit, then what is held out of it, then the plan for what is left: its steps are those of the exported set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from curate.errors import ExportError
from curate.output.selection import HeldOut, Kept, Limited, Selection
from curate.records import Analysis, View
from curate.stages import inputs

if TYPE_CHECKING:
    from curate.diversity import HeldOutRows, Limit
    from curate.output import Export, Settings
    from curate.stages.exposures import Drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """The rows of an analysis by what becomes of them."""

    analysis: Analysis  # as it was scanned and decided
    training: Analysis  # its `kept` are the pictures that are trained on, its diversity is theirs
    beyond: frozenset[int] = frozenset()  # that the limit leaves out
    held_out: frozenset[int] = frozenset()
    record: Selection = field(default_factory=Selection)


def select(analysis: Analysis, settings: Settings) -> Selected:
    """The limit and the held-out pictures. Raises ExportError for numbers that the set cannot give."""
    rows = _rows(analysis, settings)
    limited, beyond = None, frozenset[int]()
    if settings.limit is not None:
        inputs.require_embeddings(analysis, "--limit")
        limited, chosen = _limited(analysis, settings.limit, rows)
        beyond = frozenset(rows) - chosen
        rows = [row for row in rows if row in chosen]
    training = _narrowed(analysis, rows)
    held, out = None, frozenset[int]()
    if settings.validation:
        inputs.require_embeddings(analysis, "--validation")
        found = _hold_out(analysis, settings.validation, rows)
        out = frozenset(rows[at] for at in found.rows)
        whole, training = training, _narrowed(analysis, [row for row in rows if row not in out])
        held = HeldOut(
            asked=settings.validation,
            pictures=len(out),
            of=len(rows),
            effective_before=whole.diversity.effective_images,
            effective_after=training.diversity.effective_images,
            views=found.views,
            together=found.linked,
        )
    return Selected(
        analysis=analysis,
        training=training,
        beyond=beyond,
        held_out=out,
        record=Selection(limited=limited, held_out=held),
    )


def export_of(selected: Selected, settings: Settings, drawn: Drawn) -> Export:
    """The export of what was selected, drawn as planned."""
    from curate import output

    wanted = output.export_of(selected.analysis, settings, drawn.values)
    left = f"beyond --limit {settings.limit}"
    weights = selected.training.diversity.weights
    items = []
    for row, item in enumerate(wanted.items):
        if row in selected.beyond:
            items.append(replace(item, kept=False, reason=left, evidence=None))
        elif row in selected.held_out:
            items.append(replace(item, held_out=True))
        else:
            weight = float(weights[row]) if selected.training.diversity.measured else None
            items.append(replace(item, repeats=drawn.repeats.get(row), weight=weight))
    return replace(wanted, items=tuple(items), selection=replace(selected.record, weighted=drawn.weighted))


def _rows(analysis: Analysis, settings: Settings) -> list[int]:
    """The rows that can be trained on, in an order that does not depend on how files are listed."""
    from curate import output

    pictures, facts = analysis.catalog.pictures, analysis.features.facts
    skipped = frozenset[str]()
    if settings.no_caption == "skip":
        skipped = output.uncaptioned(output.export_of(analysis, settings).items)
    return [
        int(row)
        for row in inputs.order(analysis.catalog)
        if analysis.kept[row]
        and pictures[row].role == "subject"
        and min(facts[row].width, facts[row].height) >= output.SMALLEST
        and pictures[row].path not in skipped
    ]


def _narrowed(analysis: Analysis, rows: Sequence[int]) -> Analysis:
    """The analysis of a part of the set: only `rows` of the subject are kept, and diversity is counted anew."""
    from curate import diversity, features

    pictures = analysis.catalog.pictures
    chosen = set(rows)
    kept = tuple(
        analysis.kept[row] and (row in chosen or pictures[row].role == "regularisation") for row in range(len(pictures))
    )
    if kept == analysis.kept:
        return analysis
    standing = inputs.keeper_of_row(analysis.catalog, analysis.groups, [row in chosen for row in range(len(pictures))])
    with features.one_core_a_thread():
        held = diversity.measure(
            analysis.features.embeddings, standing, 1 - analysis.model.half_similarity, inputs.order(analysis.catalog)
        )
    return replace(analysis, kept=kept, diversity=held)


def _views(analysis: Analysis, rows: Sequence[int]) -> list[View | None]:
    if not analysis.views:
        return [None] * len(rows)
    return [analysis.views[row] if analysis.views[row].sources else None for row in rows]


def _limited(analysis: Analysis, asked: int, rows: Sequence[int]) -> tuple[Limited, frozenset[int]]:
    from curate import diversity

    if not 1 <= asked <= len(rows):
        raise ExportError(
            f"--limit {asked} does not fit a set that would export {len(rows)} pictures", f"Give 1 to {len(rows)}"
        )
    coverage = analysis.coverage
    held = _narrowed(analysis, rows).diversity
    found: Limit = diversity.limit(
        diversity.LimitInputs(
            embeddings=analysis.features.embeddings[list(rows)],
            views=_views(analysis, rows),
            u=1 - analysis.model.half_similarity,
            preset=coverage.preset if coverage else "character",
            folded=coverage.folded if coverage else False,
            weights=held.weights[list(rows)],
            effective_images=held.effective_images,
        ),
        asked,
    )
    curve = tuple(
        Kept(pictures=size.pictures, effective_images=size.effective_images, views=size.views_seen)
        for size in found.curve
    )
    record = Limited(asked=asked, curve=curve, views_wanted=found.views_wanted)
    return record, frozenset(rows[at] for at in found.rows)


def _hold_out(analysis: Analysis, asked: float, rows: Sequence[int]) -> HeldOutRows:
    """The held-out pictures as places in `rows`."""
    from curate import diversity

    count = pictures_of(asked, len(rows))
    at = {row: index for index, row in enumerate(rows)}
    found: HeldOutRows = diversity.hold_out(
        diversity.HoldOutInputs(
            embeddings=analysis.features.embeddings[list(rows)],
            views=_views(analysis, rows),
            together=[[at[row] for row in one if row in at] for one in _together(analysis)],
            u=1 - analysis.model.half_similarity,
            folded=analysis.coverage.folded if analysis.coverage else False,
        ),
        count,
    )
    if not found.rows:
        raise ExportError(
            f"No {count} of the {len(rows)} pictures can be held out: each is nearly the same as more than that, which "
            "would be trained on",
            "Leave --validation out, or give a larger number",
        )
    return found


def share_of(text: str) -> float:
    """What is asked for by "4" pictures, "0.1" or "10%" of them: a number from 1 on, or a share below 1.

    Raises ExportError.
    """
    plain = text.strip()
    advice = "Give 0.1, 10% or 4"
    try:
        if plain.endswith("%"):
            found, is_share = float(plain[:-1]) / 100, True
        elif plain.isascii() and plain.isdigit():
            found, is_share = float(plain), False
        else:
            found, is_share = float(plain), True
    except ValueError:
        raise ExportError(f"--validation {text!r} is neither a share nor a number of pictures", advice) from None
    if is_share and not 0 < found < 1:
        raise ExportError(f"--validation {text} is no share between 0 and 1", advice)
    if found < 1 and not is_share:
        raise ExportError("--validation 0 holds nothing out", advice)
    return found


def pictures_of(asked: float, count: int) -> int:
    """Pictures to hold out of `count`: `asked` itself, or below 1 that share of them. Raises ExportError."""
    if not 0 < asked < 1 and asked != int(asked):
        raise ExportError(f"--validation {asked:g} is neither a share nor a number of pictures", "Give 0.1, 10% or 4")
    number = max(1, round(asked * count)) if 0 < asked < 1 else int(asked)
    if number < 1:
        raise ExportError(f"--validation {asked:g} holds nothing out", "Give 0.1, 10% or 4")
    if number >= count:
        raise ExportError(
            f"--validation {asked:g} would leave nothing to train on: the set exports {count} pictures",
            f"Give less than {count}; a tenth is usual",
        )
    return number


def _together(analysis: Analysis) -> Iterator[list[int]]:
    """The rows of each photograph and of each group of look-alikes."""
    standing = inputs.keeper_of_row(analysis.catalog, analysis.groups)
    files = Counter(int(row) for row in standing if row >= 0)
    by_photograph: dict[int, list[int]] = {row: [] for row, number in files.items() if number > 1}
    for row, keeper in enumerate(standing):
        if int(keeper) in by_photograph:
            by_photograph[int(keeper)].append(row)
    yield from by_photograph.values()
    for group in analysis.groups:
        if group.kind == "lookalike":
            yield [group.keeper, *(member.row for member in group.members)]
