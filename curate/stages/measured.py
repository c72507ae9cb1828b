"""The first half of a scan: what is measured of a folder, once. What follows from it is in deciding.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from curate.errors import PlanError
from curate.records import Analysis, Catalog, Check, Features, Group, Model, Shared
from curate.settings import ScanSettings
from curate.stages import inputs
from curate.stages.outside import check_outside

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curate.copies import Evidence
    from curate.diversity import Scale
    from curate.features import Embedder, Store
    from curate.features.views import LateViewer
    from curate.pictures import Source

UNEMBEDDED = (
    "nothing was embedded (--model none): copies were looked for by their hashes alone, which miss strong crops and "
    "edits; look-alikes, effective images, subjects, scenes, views and quality, size apart, were not measured"
)
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
    shared: tuple[Shared, ...] = ()  # regularisation pictures that are copies of the subject's
    groups: tuple[Group, ...] | None = None  # by that evidence alone, where it was grouped already


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
    check_outside(folder, settings)
    viewer = _viewer(settings, told)
    with features.connected(settings) as engine, features.open_store(settings) as store:
        found = pictures.scan(
            folder,
            regularisation=settings.regularisation,
            digests=store,
            progress=stage(told, "reading"),
            engine=engine,
        )
        children = features.processes(settings)
        if model is None and engine is None and store.last_folder is None:  # the cache is new: nothing is known
            children.warm(len(found.pictures))  # while the model is loaded
        embedder, why = (model, "") if model else features.choose(settings, store=store, progress=told)
        if engine is not None:
            wanted = features.Wanted(
                catalog=found,
                embedder=embedder,
                store=store,
                settings=settings,
                engine=engine,
                viewer=viewer,
                custom=model is not None,
            )
            found = features.measure_ahead(wanted, stage(told, "measuring"))
        catalog, seen, small = features.measure(
            found, embedder, store, settings, viewer=viewer, progress=stage(told, "measuring"), engine=children
        )
        if embedder.key == features.NOTHING:
            seen = features.look_closer(catalog, seen, small, store, settings, stage(told, "looking closer"))
        scale = _scale(embedder, store, told)
        evidence = copies.compare(
            catalog,
            seen,
            small,
            store,
            edit_floor=scale.edit_floor,
            half_similarity=scale.half_similarity,
            memory=settings.thumbnail_bytes,
            progress=stage(told, "comparing"),
        )
        groups = copies.stars(evidence)  # asks for every pair that grouping needs while the store is open
        shared = copies.across(
            catalog, seen, evidence.prove, edit_floor=scale.edit_floor, progress=stage(told, "comparing")
        )
        vectors = views.class_vectors(embedder, store) if viewer else {}
        store.remember_folder(catalog.folder)
    if isinstance(evidence.prove, copies.Prover):
        evidence.prove.detach()
    small.forget()
    features.give_back()
    return Measured(
        settings=settings,
        catalog=catalog,
        features=seen,
        model=_model(embedder, scale, why),
        scale=scale,
        evidence=evidence,
        vectors=vectors,
        notes=(
            *([UNEMBEDDED] if embedder.key == features.NOTHING else []),
            *store.problems,
            *([viewer.problem] if viewer and viewer.problem else []),
            *([children.problem] if children.problem else []),
        ),
        shared=shared,
        groups=groups,
    )


def with_coverage(analysis: Analysis, preset: str, *, mirror_ok: bool) -> Analysis:
    """The analysis with the views that it holds and lacks, by what a preset asks for. Raises PlanError for an unknown
    preset. `mirror_ok`: left and right count as one."""
    from curate import diversity

    check_preset(preset)
    return replace(analysis, coverage=diversity.coverage.measure(inputs.coverage_inputs(analysis, preset, mirror_ok)))


def prove(
    analysis: Analysis,
    source: Source,
    settings: ScanSettings,
    progress: Progress | None = None,
    apart: frozenset[tuple[str, str]] = frozenset(),
) -> Analysis:
    """The same pictures grouped anew: for analyses that were put together, whose files `source` reads. `apart`: pairs
    of digests that the user parted, the lesser first."""
    from curate import copies, features

    model = analysis.model
    with features.open_store(settings) as store:
        small = features.Thumbnails(source, settings.background, settings.thumbnail_bytes)
        small.pictures = analysis.catalog.pictures
        evidence = copies.compare(
            analysis.catalog,
            analysis.features,
            small,
            store,
            edit_floor=model.edit_floor,
            half_similarity=model.half_similarity,
            memory=settings.thumbnail_bytes,
            progress=stage(progress or silent, "comparing"),
        )
        groups = copies.stars(replace(evidence, not_copies=apart))
    return replace(analysis, groups=groups, kept=kept_of(analysis.catalog, groups))


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
        edit_floor=scale.edit_floor,
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

    from curate import diversity, features

    if embedder.key == features.NOTHING:
        return diversity.NO_SCALE
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


def kept_of(catalog: Catalog, groups: tuple[Group, ...]) -> tuple[bool, ...]:
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


def checks_of(measured: Features, settings: ScanSettings) -> tuple[Mapping[str, Check], ...]:
    """Every picture's quality checks; without embeddings those that need no pixels, which few were decoded for."""
    from curate.features import checks

    if not measured.embedded:
        sizes = (checks.size.of(facts.width, facts.height) for facts in measured.facts)
        return tuple(
            checks.judge(size, facts, settings.resolution) for size, facts in zip(sizes, measured.facts, strict=True)
        )
    return tuple(
        checks.judge(values, facts, settings.resolution)
        for values, facts in zip(measured.checks, measured.facts, strict=True)
    )


def with_captions(
    judged: tuple[Mapping[str, Check], ...], catalog: Catalog, groups: tuple[Group, ...]
) -> tuple[Mapping[str, Check], ...]:
    """The checks, with what there is to say of each picture's caption."""
    from curate.features import checks

    said = checks.captions.judge(catalog, groups)
    return tuple({**one, **more} for one, more in zip(judged, said, strict=True))
