"""What a scan found -> what an export is made from."""

from __future__ import annotations

from curate.output.records import Evidence, Export, Item, Settings, Values
from curate.records import Analysis


def export_of(analysis: Analysis, settings: Settings, values: Values | None = None) -> Export:
    """The set with its keepers and look-alikes kept, and the evidence for every copy that is not."""
    pictures = analysis.catalog.pictures
    evidence = {
        member.row: Evidence(
            keeper=pictures[group.keeper].path,
            kind=member.kind,
            edit=member.edit,
            correlation=member.correlation,
        )
        for group in analysis.groups
        for member in group.members
        if not analysis.kept[member.row]
    }
    items = tuple(
        Item(
            picture=picture,
            facts=analysis.features.facts[row],
            kept=analysis.kept[row],
            evidence=evidence.get(row),
            weight=float(analysis.diversity.weights[row]),
        )
        for row, picture in enumerate(pictures)
    )
    return Export(
        folder=analysis.catalog.folder,
        items=items,
        broken=analysis.catalog.broken,
        ignored=analysis.catalog.ignored,
        values=values or Values(),
        settings=settings,
    )
