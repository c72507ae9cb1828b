"""The whole flow, one line a stage. Read this first.

folder -> catalog -> features -> pairs -> groups -> diversity -> analysis
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from curate.records import Analysis, Catalog, Check, Features, Group, Model
from curate.settings import ScanSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curate.copies import Evidence
    from curate.diversity import Scale
    from curate.features import Embedder, Store, Thumbnails

Progress = Callable[[str, int, int], None]
"""(stage, done, all), called from the thread that called scan(); all is 0 while it is not known."""


def scan(
    folder: str | Path,
    settings: ScanSettings | None = None,
    *,
    model: Embedder | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """What is in a folder of pictures: copies, look-alikes, poor and broken pictures, effective images.

    `model` is any object that obeys the Embedder protocol; it stands in for `settings.model`. Nothing in the folder is
    written. Raises FolderError and ModelError; a broken cache only costs time and is said in the notes.
    """
    from curate import copies, diversity, features, pictures

    settings = settings or ScanSettings()
    told = progress or _silent
    with features.open_store(settings) as store:
        found = pictures.scan(
            Path(folder), regularisation=settings.regularisation, digests=store, progress=_stage(told, "reading")
        )
        embedder, why = (model, "") if model else features.choose(settings, store=store, progress=told)
        catalog, measured, small = features.measure(found, embedder, store, settings, _stage(told, "measuring"))
        scale = _scale(embedder, store, told)
        evidence = _compare(catalog, measured, small, scale, store, told)
        groups = copies.stars(evidence)
        store.remember_folder(catalog.folder)
    return Analysis(
        catalog=catalog,
        features=measured,
        model=_model(embedder, scale, why),
        checks=_checks(catalog, measured, groups, settings),
        groups=groups,
        diversity=diversity.measure(measured.embeddings, keeper_of_row(catalog, groups), scale.u, _order(catalog)),
        kept=_kept(catalog, groups),
        notes=store.problems,
    )


def keeper_of_row(catalog: Catalog, groups: tuple[Group, ...]) -> NDArray[np.intp]:
    """The row that stands for each picture's photograph, int [N]; -1 for regularisation pictures."""
    import numpy as np

    rows = np.arange(len(catalog.pictures))
    for group in groups:
        if group.kind != "lookalike":
            rows[[member.row for member in group.members]] = group.keeper
    rows[[picture.role == "regularisation" for picture in catalog.pictures]] = -1
    return rows


def _silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody wants to see."""


def _stage(told: Progress, stage: str) -> Callable[[int, int], None]:
    return lambda done, total: told(stage, done, total)


def _model(embedder: Embedder, scale: Scale, why: str) -> Model:
    return Model(
        name=embedder.name,
        device=embedder.device,
        half_similarity=scale.half_similarity,
        calibrated=scale.calibrated,
        why=why,
    )


def _scale(embedder: Embedder, store: Store, told: Progress) -> Scale:
    """The embedder's similarity scale: kept from an earlier run, else found on the bundled pictures."""
    import numpy as np

    from curate.diversity import Scale, find_scale

    kept = store.get_scale(embedder.key)
    if kept is not None:
        values = json.loads(kept)
        return Scale(**values | {"edit_quantiles": tuple(values["edit_quantiles"])})
    told("calibrating the model, once", 0, 0)
    scale = find_scale(
        lambda batch: embedder.embed(np.stack([embedder.prepare(picture) for picture in batch])), embedder.name
    )
    store.put_scale(embedder.key, json.dumps(asdict(scale)))
    return scale


def _compare(
    catalog: Catalog, measured: Features, small: Thumbnails, scale: Scale, store: Store, told: Progress
) -> Evidence:
    """Proposes pairs, proves them, and gathers what grouping needs. Only the subject's pictures are compared."""
    import numpy as np

    from curate import copies, features

    rows = np.array([row for row, picture in enumerate(catalog.pictures) if picture.role == "subject"], np.intp)
    distinct = _first_of_each(measured, rows)
    vectors = measured.embeddings[distinct]
    similarity, nearest = copies.nearest(vectors)
    near_hashes = ((i, j) for i, j, *_ in features.near_pairs(measured.hashes[distinct]))
    floor = 1 - BELOW_EDITS * (1 - scale.edit_floor)
    pairs = [(int(distinct[a]), int(distinct[b])) for a, b in copies.pairs(similarity, nearest, floor, near_hashes)]
    prover = copies.Prover(small, [picture.digest for picture in catalog.pictures], store)
    prover.prove(pairs, _stage(told, "comparing"))
    alike = defaultdict(list)
    for at, other in zip(*np.nonzero(similarity >= scale.half_similarity), strict=True):
        alike[int(distinct[at])].append(int(distinct[nearest[at, other]]))
    return copies.Evidence(
        rows=rows.tolist(),
        pictures=catalog.pictures,
        files=copies.files(catalog, measured),
        proofs={pair: proof for pair in pairs if (proof := prover(*pair)) is not None},
        prove=prover,
        similarity=lambda a, b: float(measured.embeddings[a] @ measured.embeddings[b]),
        alike=alike,
    )


BELOW_EDITS = 2.0  # times the farthest of the calibration pictures' own edits: no edit of a picture lies farther


def _first_of_each(measured: Features, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """The first row of each set of pictures with equal pixels."""
    import numpy as np

    first: dict[str, int] = {}
    for row in rows.tolist():
        first.setdefault(measured.facts[row].pixel_digest, row)
    return np.array(sorted(first.values()), np.intp)


def _order(catalog: Catalog) -> NDArray[np.intp]:
    """Rows in an order that depends on the pictures alone, so that equal sets give equal numbers."""
    import numpy as np

    pictures = catalog.pictures
    return np.array(sorted(range(len(pictures)), key=lambda row: (pictures[row].digest, pictures[row].path)), np.intp)


def _kept(catalog: Catalog, groups: tuple[Group, ...]) -> tuple[bool, ...]:
    """Which pictures stay: folded copies do not, but the best one in each subset with repeats of its own does."""
    kept = [True] * len(catalog.pictures)
    for group in groups:
        if group.kind == "lookalike":
            continue
        served = {_subset(catalog, group.keeper)}
        for member in group.members:
            subset = _subset(catalog, member.row)
            kept[member.row] = subset not in served
            served.add(subset)
    return tuple(kept)


def _subset(catalog: Catalog, row: int) -> str:
    """The subset that a picture belongs to; plain sub-folders are not subsets."""
    from curate.pictures import is_laid_out

    name = catalog.pictures[row].subset
    return name if is_laid_out(name) else ""


def _checks(
    catalog: Catalog, measured: Features, groups: tuple[Group, ...], settings: ScanSettings
) -> tuple[Mapping[str, Check], ...]:
    """Every picture's quality checks and what there is to say of its caption."""
    from curate.features import checks

    captions = checks.captions.judge(catalog, groups)
    return tuple(
        {**checks.judge(values, facts, settings.resolution), **said}
        for values, facts, said in zip(measured.checks, measured.facts, captions, strict=True)
    )
