"""The two halves of a scan: what is measured, once, and what follows from that and from the user's decisions.

The first reads files and takes time; the second is a pure function of what the first found, so that it can be asked
again and again while somebody decides.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from curate import inputs
from curate.errors import PlanError
from curate.records import Analysis, Catalog, Check, Features, Group, Model
from curate.settings import ScanSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curate.copies import Evidence
    from curate.diversity import Scale
    from curate.features import Embedder, Store
    from curate.features.views import LateViewer

Progress = Callable[[str, int, int], None]
"""(stage, done, all), called from the thread that called scan(); all is 0 while it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All that was measured of a folder; nothing of it is decided yet."""

    settings: ScanSettings
    catalog: Catalog
    features: Features
    model: Model
    scale: Scale
    evidence: Evidence  # which pictures are one photograph, pair by pair
    vectors: Mapping[str, NDArray[np.float32]]  # of view classes, from an embedder that reads text; {} for others
    notes: tuple[str, ...]


def measured(
    folder: str | Path,
    settings: ScanSettings,
    *,
    model: Embedder | None = None,
    progress: Progress | None = None,
) -> Measured:
    """What `pipeline.scan` measures of a folder, from the cache where it is known."""
    from curate import copies, features, pictures
    from curate.features import views

    told = progress or silent
    check_preset(settings.preset)
    viewer = _viewer(settings, told)
    with features.open_store(settings) as store:
        found = pictures.scan(
            Path(folder), regularisation=settings.regularisation, digests=store, progress=stage(told, "reading")
        )
        embedder, why = (model, "") if model else features.choose(settings, store=store, progress=told)
        catalog, seen, small = features.measure(
            found, embedder, store, settings, viewer=viewer, progress=stage(told, "measuring")
        )
        scale = _scale(embedder, store, told)
        evidence = copies.compare(
            catalog,
            seen,
            small,
            store,
            edit_floor=scale.edit_floor,
            half_similarity=scale.half_similarity,
            progress=stage(told, "comparing"),
        )
        copies.stars(evidence)  # asks for every pair that grouping needs while the store is open
        vectors = views.class_vectors(embedder, store) if viewer else {}
        store.remember_folder(catalog.folder)
    if isinstance(evidence.prove, copies.Prover):
        evidence.prove.detach()
    return Measured(
        settings=settings,
        catalog=catalog,
        features=seen,
        model=_model(embedder, scale, why),
        scale=scale,
        evidence=evidence,
        vectors=vectors,
        notes=(*store.problems, *([viewer.problem] if viewer and viewer.problem else [])),
    )


def decide(found: Measured) -> Analysis:
    """What follows from what was measured: copies folded, effective images counted, views covered."""
    from curate import copies, diversity, features
    from curate.features import views

    catalog, settings = found.catalog, found.settings
    groups = copies.stars(found.evidence)
    with features.one_core_a_thread():  # BLAS threads that wait for each other cost more than they give here
        held = diversity.measure(
            found.features.embeddings, inputs.keeper_of_row(catalog, groups), found.scale.u, inputs.order(catalog)
        )
    looked = settings.views != "off"
    analysis = Analysis(
        catalog=catalog,
        features=found.features,
        model=found.model,
        checks=_checks(catalog, found.features, groups, settings),
        groups=groups,
        diversity=held,
        kept=_kept(catalog, groups),
        notes=found.notes,
        views=views.of_pictures(catalog, found.features, vectors=found.vectors, mirror_ok=settings.mirror_ok)
        if looked
        else (),
    )
    return with_coverage(analysis, settings.preset, mirror_ok=settings.mirror_ok)


def with_coverage(analysis: Analysis, preset: str, *, mirror_ok: bool) -> Analysis:
    """The analysis with the views that it holds and lacks, by what a preset asks for. Raises PlanError for an unknown
    preset. `mirror_ok`: left and right count as one."""
    from curate import diversity

    check_preset(preset)
    return replace(analysis, coverage=diversity.coverage.measure(inputs.coverage_inputs(analysis, preset, mirror_ok)))


def check_preset(name: str) -> None:
    """Raises PlanError for a preset that there is none of."""
    from curate.diversity import TARGETS

    if name not in TARGETS:
        raise PlanError(f"No preset is called {name!r}", f"Choose one of: {', '.join(TARGETS)}")


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody wants to see."""


def stage(told: Progress, stage: str) -> Callable[[int, int], None]:
    """The progress of one stage."""
    return lambda done, total: told(stage, done, total)


def _model(embedder: Embedder, scale: Scale, why: str) -> Model:
    return Model(
        name=embedder.name,
        device=embedder.device,
        half_similarity=scale.half_similarity,
        calibrated=scale.calibrated,
        why=why,
    )


def _viewer(settings: ScanSettings, told: Progress) -> LateViewer | None:
    """What will look for faces and bodies; None where nobody wants that."""
    from curate.features import views

    if settings.views == "off":
        return None
    return views.LateViewer(lambda: views.open_viewer(settings.cache, offline=settings.offline, progress=told))


def _scale(embedder: Embedder, store: Store, told: Progress) -> Scale:
    """The embedder's similarity scale: kept from an earlier run or shipped, else found on the bundled pictures."""
    import numpy as np

    from curate import diversity

    kept = store.get_scale(embedder.key)
    if kept is not None:
        return diversity.read_scale(json.loads(kept))
    shipped = diversity.shipped_scale(embedder.key)
    if shipped is not None:
        return shipped
    told("calibrating the model, once", 0, 0)
    scale = diversity.find_scale(
        lambda batch: embedder.embed(np.stack([embedder.prepare(picture) for picture in batch])), embedder.name
    )
    store.put_scale(embedder.key, json.dumps(asdict(scale)))
    return scale


def _kept(catalog: Catalog, groups: tuple[Group, ...]) -> tuple[bool, ...]:
    """Which pictures stay: folded copies do not, but the best one in each subset with repeats of its own does."""
    kept = [True] * len(catalog.pictures)
    for group in groups:
        if group.kind == "lookalike":
            continue
        served = {inputs.subset(catalog, group.keeper)}
        for member in group.members:
            subset = inputs.subset(catalog, member.row)
            kept[member.row] = subset not in served
            served.add(subset)
    return tuple(kept)


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
