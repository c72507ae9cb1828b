"""A closer look at pictures of which only hashes are known (`--model none`): those that may be copies of each other.

Which of several copies is the best one to keep, and whether two files hold the same pixels, takes the whole picture.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from curate.features.cores import one_core_a_thread
from curate.features.embed.nothing import Nothing
from curate.features.hashes import near_pairs
from curate.features.measure import Kept
from curate.features.memory import Store
from curate.features.workers import Tools, Workers, processes
from curate.pictures import Source
from curate.records import Catalog, Features

if TYPE_CHECKING:
    from curate.features.thumbnails import Thumbnails
    from curate.settings import ScanSettings


def look_closer(
    catalog: Catalog,
    measured: Features,
    thumbnails: Thumbnails,
    store: Store,
    settings: ScanSettings,
    progress: Callable[[int, int], None] | None = None,
) -> Features:
    """The features, with facts and checks of the whole picture where the hashes of two are near.

    Hashes stay what they are, so that the same pictures are compared whatever the store knows. A picture that can no
    longer be decoded stays as it is; the comparison will say so. `progress(done, total)` counts these pictures.
    """
    near = sorted({row for pair in near_pairs(measured.hashes) for row in pair[:2]})
    nobody = Nothing()
    kept = Kept(settings.background, nobody, None, whole=True)
    pictures = {catalog.pictures[row].digest: catalog.pictures[row] for row in near}
    known = kept.recall(store, list(pictures))
    unknown = [picture for digest, picture in pictures.items() if digest not in known.seen]
    tools = Tools(
        source=Source(catalog.folder, catalog.outside),
        embedder=nobody,
        eyes=None,
        unseen=frozenset(),
        thumbnails=thumbnails,
        settings=settings,
        engine=processes(settings),
    )
    done = 0
    with one_core_a_thread() if unknown else nullcontext():
        for batch in Workers(tools, known).measure(unknown):
            kept.keep(store, batch)
            known.add(batch)
            done += len(batch.broken) + len(batch.seen)
            if progress is not None:
                progress(done, len(unknown))
    facts, checks = list(measured.facts), list(measured.checks)
    for row in near:
        seen = known.seen.get(catalog.pictures[row].digest)
        if seen is not None:
            facts[row], checks[row] = seen.facts, seen.checks
    return replace(measured, facts=tuple(facts), checks=tuple(checks))
