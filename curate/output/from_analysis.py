"""What a scan found -> what an export is made from."""

from __future__ import annotations

from curate.output.records import Evidence, Export, Item, Settings, Values
from curate.records import Analysis

BY_YOU = "left out by you"


def export_of(analysis: Analysis, settings: Settings, values: Values | None = None) -> Export:
    """The set with its keepers and look-alikes kept, and the evidence for every copy that is not."""
    pictures = analysis.catalog.pictures
    by_hand = _by_hand(analysis)
    evidence = {
        member.row: Evidence(
            keeper=pictures[group.keeper].path,
            kind=member.kind,
            edit=member.edit,
            correlation=member.correlation,
        )
        for group in analysis.groups
        for member in group.members
        if not analysis.kept[member.row] and member.row not in by_hand
    }
    gone = {pictures[row].path for row in by_hand}
    items = tuple(
        Item(
            picture=picture,
            facts=analysis.features.facts[row],
            kept=analysis.kept[row],
            reason=BY_YOU if row in by_hand else _with_its_keeper(evidence.get(row), gone),
            evidence=evidence.get(row),
            weight=float(analysis.diversity.weights[row]) if analysis.diversity.measured else None,
        )
        for row, picture in enumerate(pictures)
    )
    return Export(
        folder=analysis.catalog.folder,
        items=items,
        broken=analysis.catalog.broken,
        ignored=analysis.catalog.ignored,
        shared=analysis.shared,
        outside=analysis.catalog.outside,
        values=values or Values(),
        settings=settings,
    )


def _by_hand(analysis: Analysis) -> set[int]:
    """Rows that the user left out, other than copies that are folded anyway."""
    folded = {member.row for group in analysis.groups if group.kind != "lookalike" for member in group.members}
    return {row for row, kinds in enumerate(analysis.decided) if "leave_out" in kinds and row not in folded}


def _with_its_keeper(evidence: Evidence | None, gone: set[str]) -> str:
    """Why a copy stays out though nothing stands for it: "" where something does."""
    if evidence is None or evidence.keeper not in gone:
        return ""
    return f"copy of {evidence.keeper}, which you left out: {evidence.edit}"
