"""What a set should take from a pool of other pictures: no copies, nothing poor, and what it lacks first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from curate import addresses
from curate.decisions import open_journal
from curate.errors import ModelError, PlanError
from curate.pictures import JoinedSource
from curate.pipeline import scan, with_coverage
from curate.records import Analysis, Catalog, Features, LeftOut
from curate.settings import ScanSettings
from curate.stages import inputs
from curate.stages.measured import Progress, prove, silent, stage

if TYPE_CHECKING:
    from curate.diversity import Pick

SET, POOL = "set", "pool"  # names of the two folders where they are joined
COPY_OF_SET = "copy of {} in the set"
COPY_IN_POOL = "copy of {} in the pool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """The picks from a pool, best first, and why the others were not picked."""

    set: Analysis
    pool: Analysis
    picks: tuple[Pick, ...]  # rows of the pool
    refused: tuple[LeftOut, ...]  # files of the pool that may not be picked: copies, poor and broken ones, by path
    after: Analysis  # the set with the picks; its coverage and effective images

    def path(self, pick: Pick) -> str:
        """The pick's path below the pool."""
        return self.pool.catalog.pictures[pick.row].path


def fill(
    pool: str | Path,
    folder: str | Path,
    count: int,
    settings: ScanSettings | None = None,
    *,
    progress: Progress | None = None,
) -> Filled:
    """Up to `count` pictures of `pool` that add the most effective images to `folder` and close its largest gaps.

    Both folders are only read. Copies of the set or of a better picture in the pool and poor pictures are never picked.
    Each pick is the best one after those before it, which reaches at least 1 - 1/e of the best choice of as many
    (Nemhauser, Wolsey and Fisher 1978). Raises what `scan` raises, ModelError for the model "none", and PlanError for a
    count below 1.
    """
    from curate import diversity

    if count < 1:
        raise PlanError(f"{count} pictures to pick", "Give -n a number from 1 on")
    chosen, told = settings or ScanSettings(), progress or silent
    if chosen.model == "none":
        raise ModelError("none", "what a picture adds rests on what a model sees", "Use --model auto, builtin or clip")
    if addresses.whole(pool) == addresses.whole(folder):
        raise PlanError("The pool is the set itself", "Name a folder of other pictures")
    offered = scan(pool, replace(chosen, regularisation=()), progress=told)
    held = scan(folder, chosen, progress=told)
    refused = _refused(held, offered, chosen, told)
    left = [LeftOut(path=path, reason=reason) for path, reason in refused.items()]
    rows = _photographs(held)
    assert held.coverage is not None  # every scan says what it covers
    picks = diversity.fill(
        diversity.FillInputs(
            embeddings=held.features.embeddings[rows],
            coverage=held.coverage,
            pool=offered.features.embeddings,
            pool_views=offered.views or [None] * len(offered.catalog.pictures),
            eligible=[
                picture.role == "subject" and picture.path not in refused for picture in offered.catalog.pictures
            ],
            u=1 - held.model.half_similarity,
        ),
        count,
        stage(told, "picking"),
    )
    return Filled(
        set=held,
        pool=offered,
        picks=picks,
        refused=tuple(sorted((*left, *offered.catalog.broken), key=lambda one: one.path)),
        after=_with(held, offered, [pick.row for pick in picks], chosen),
    )


def check_copy_to(destination: str | Path, pool: str | Path, folder: str | Path) -> None:
    """Raises DestinationError where the picks cannot go, before time is spent: only a new folder outside both takes
    them."""
    from curate import output

    output.check_new(destination, (pool, folder))


def copy_to(filled: Filled, destination: str | Path, progress: Progress | None = None) -> int:
    """The picks as they are, with their caption and mask files, in a new folder, whole or not at all; their number.

    Paths below it are those below the pool. Raises DestinationError and FolderError.
    """
    from curate import output

    offered = filled.pool.catalog
    check_copy_to(destination, offered.folder, filled.set.catalog.folder)
    picked = [offered.pictures[pick.row] for pick in filled.picks]
    output.copy_as_they_are(offered.folder, picked, destination, progress=stage(progress or silent, "copying"))
    return len(picked)


def _refused(held: Analysis, offered: Analysis, settings: ScanSettings, told: Progress) -> dict[str, str]:
    """Why a picture of the pool may not be picked, by its path."""
    found: dict[str, str] = {}
    for picture, checks in zip(offered.catalog.pictures, offered.checks, strict=True):
        said = [check.finding for name, check in checks.items() if check.finding and not name.startswith("caption")]
        if said:
            found[picture.path] = said[0]
    names = [picture.path for picture in offered.catalog.pictures]
    for group in offered.groups:
        if group.kind != "lookalike":
            found.update({names[one.row]: COPY_IN_POOL.format(names[group.keeper]) for one in group.members})
    found.update({names[row]: "left out by you" for row, kinds in enumerate(offered.decided) if "leave_out" in kinds})
    found.update(_copies(held, offered, settings, told))
    return found


def _copies(held: Analysis, offered: Analysis, settings: ScanSettings, told: Progress) -> dict[str, str]:
    """Pictures of the pool that are proved copies of one in the set, by their path."""
    mine, theirs = _photographs(held, left_out=True), _photographs(offered)  # what was left out is not offered again
    source = JoinedSource({SET: held.catalog.folder, POOL: offered.catalog.folder})
    apart = open_journal(held.catalog.folder, settings).present.apart
    both = prove(_joined(_only(held, mine), _only(offered, theirs)), source, settings, told, apart)
    found: dict[str, str] = {}
    for group in both.groups:
        rows = [group.keeper, *(member.row for member in group.members)]
        own = [row for row in rows if row < len(mine)]
        if group.kind != "lookalike" and own:
            name = held.catalog.pictures[mine[own[0]]].path
            copies = [offered.catalog.pictures[theirs[row - len(mine)]].path for row in rows if row >= len(mine)]
            found.update({path: COPY_OF_SET.format(name) for path in copies})
    for group in offered.groups:  # what the keeper in the pool is a copy of, its own copies are too
        keeper = offered.catalog.pictures[group.keeper].path
        if group.kind != "lookalike" and keeper in found:
            found.update({offered.catalog.pictures[one.row].path: found[keeper] for one in group.members})
    return found


def _photographs(analysis: Analysis, *, left_out: bool = False) -> list[int]:
    """The rows of the subject's photographs, each once. `left_out`: with those that the user left out."""
    keepers = inputs.keeper_of_row(analysis.catalog, analysis.groups, None if left_out else analysis.kept)
    return [row for row, keeper in enumerate(keepers) if keeper == row]


def _only(analysis: Analysis, rows: Sequence[int]) -> Analysis:
    """The analysis of some of its pictures, none of which is a copy of another."""
    catalog, measured = analysis.catalog, analysis.features
    sightings = measured.sightings
    return replace(
        analysis,
        catalog=Catalog(folder=catalog.folder, pictures=tuple(catalog.pictures[row] for row in rows)),
        features=Features(
            facts=tuple(measured.facts[row] for row in rows),
            hashes=measured.hashes[list(rows)],
            embeddings=measured.embeddings[list(rows)],
            checks=tuple(measured.checks[row] for row in rows),
            sightings=tuple(sightings[row] for row in rows) if sightings else (),
        ),
        checks=tuple(analysis.checks[row] for row in rows),
        groups=(),
        kept=(True,) * len(rows),
        views=tuple(analysis.views[row] for row in rows) if analysis.views else (),
        decided=(),
    )


def _joined(one: Analysis, other: Analysis) -> Analysis:
    """Two analyses by the same model as one, whose paths begin with the name of their folder."""
    import numpy as np

    parts = ((SET, one), (POOL, other))
    return replace(
        one,
        catalog=Catalog(
            folder=one.catalog.folder,
            pictures=tuple(
                replace(picture, path=f"{name}/{picture.path}")
                for name, part in parts
                for picture in part.catalog.pictures
            ),
        ),
        features=Features(
            facts=one.features.facts + other.features.facts,
            hashes=np.concatenate([one.features.hashes, other.features.hashes]),
            embeddings=np.concatenate(
                [part.features.embeddings for _, part in parts if part.catalog.pictures] or [one.features.embeddings]
            ),
            checks=one.features.checks + other.features.checks,
            sightings=one.features.sightings + other.features.sightings,
        ),
        checks=one.checks + other.checks,
        kept=one.kept + other.kept,
        views=one.views + other.views,
    )


def _with(held: Analysis, offered: Analysis, rows: Sequence[int], settings: ScanSettings) -> Analysis:
    """The set's photographs and the picks: what they are together."""
    from curate import diversity

    both = _joined(_only(held, _photographs(held)), _only(offered, rows))
    counted = diversity.measure(
        both.features.embeddings,
        inputs.keeper_of_row(both.catalog, ()),
        1 - held.model.half_similarity,
        inputs.order(both.catalog),
    )
    return with_coverage(replace(both, diversity=counted), settings.preset, mirror_ok=settings.mirror_ok)
