"""The views that more pictures should show, in words."""

from __future__ import annotations

from collections.abc import Sequence

from curate.records import Gap

NAMED = 3  # gaps named; they come in order of worth


def wanted(gaps: Sequence[Gap]) -> str:
    """The worst gaps with what there is of them: "rear left (none), full body (0.4 of 2 effective images)"."""
    return ", ".join(f"{gap.name} ({_has(gap)})" for gap in gaps[:NAMED])


def _has(gap: Gap) -> str:
    return "none" if gap.missing else f"{gap.has:.1f} of {gap.wants:.2g} effective images"
