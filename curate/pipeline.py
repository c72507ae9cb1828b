"""The whole flow, one line a stage. Read this first.

folder -> catalog -> features -> pairs -> groups -> diversity -> analysis -> plan -> export
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from curate import inputs
from curate.errors import FolderError, PlanError
from curate.records import Analysis, Catalog, Check, Features, Group, Model, View
from curate.settings import ScanSettings

if TYPE_CHECKING:
    from curate.diversity import Scale
    from curate.features import Embedder, Store
    from curate.features.views import LateViewer
    from curate.output import Settings as ExportSettings
    from curate.output import Written
    from curate.output.records import Link
    from curate.plan import Plan, PlanSettings

USUAL_STEPS = 1000  # optimizer steps: what hosted trainers and the usual guides set

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
        viewer = _viewer(settings, told)
        catalog, measured, small = features.measure(
            found, embedder, store, settings, viewer=viewer, progress=_stage(told, "measuring")
        )
        seen = _views(catalog, measured, embedder, store, settings) if viewer else ()
        scale = _scale(embedder, store, told)
        evidence = copies.compare(
            catalog,
            measured,
            small,
            store,
            edit_floor=scale.edit_floor,
            half_similarity=scale.half_similarity,
            progress=_stage(told, "comparing"),
        )
        groups = copies.stars(evidence)
        store.remember_folder(catalog.folder)
    with features.one_core_a_thread():  # BLAS threads that wait for each other cost more than they give here
        held = diversity.measure(
            measured.embeddings, inputs.keeper_of_row(catalog, groups), scale.u, inputs.order(catalog)
        )
    analysis = Analysis(
        catalog=catalog,
        features=measured,
        model=_model(embedder, scale, why),
        checks=_checks(catalog, measured, groups, settings),
        groups=groups,
        diversity=held,
        kept=_kept(catalog, groups),
        notes=(*store.problems, *([viewer.problem] if viewer and viewer.problem else [])),
        views=seen,
    )
    return with_coverage(analysis, settings.preset, mirror_ok=settings.mirror_ok)


def recommend(
    source: str | Path | Analysis,
    settings: PlanSettings | None = None,
    *,
    scan_settings: ScanSettings | None = None,
    progress: Progress | None = None,
    **changes: object,
) -> Plan:
    """What to set to meet a budget of optimizer steps, how often each picture will be seen, and what to change.

    `source` is an analysis, or a folder that is scanned first. `changes` are fields of PlanSettings, for example
    `target_steps=1000, trainer="kohya"`; without a budget 1000 steps are planned. Raises PlanError and TrainerError.
    """
    from curate import plan

    analysis = source if isinstance(source, Analysis) else scan(source, scan_settings, progress=progress)
    wanted = replace(settings or plan.PlanSettings(), **changes)  # type: ignore[arg-type]
    if wanted.target_steps is None and wanted.epochs is None:
        wanted = replace(wanted, target_steps=USUAL_STEPS)
    return plan.recommend(inputs.plan_inputs(analysis, wanted))


def export(
    source: str | Path | Analysis,
    destination: str | Path,
    settings: ExportSettings | None = None,
    *,
    plan: PlanSettings | None = None,
    dry_run: bool = False,
    link: Link = "",
    scan_settings: ScanSettings | None = None,
    progress: Progress | None = None,
) -> Written:
    """A cleaned copy of a set in the layout of a trainer, with its configuration and a manifest.

    `plan` holds the budget that the configuration is written for; None: 1000 steps. A dry run tells what would be
    written and writes nothing. The source folder is only read; the destination is whole or absent afterwards. Raises
    DestinationError, ExportError, and what `recommend` raises.
    """
    from curate import output
    from curate.plan import PlanSettings
    from curate.plan import recommend as planned

    told = progress or _silent
    analysis = source if isinstance(source, Analysis) else scan(source, scan_settings, progress=progress)
    chosen = settings or output.Settings()
    values = output.Values()
    if chosen.trainer != "folder":
        budget = replace(plan or PlanSettings(target_steps=USUAL_STEPS), trainer=chosen.trainer)
        asked = inputs.plan_inputs(analysis, budget)
        values = inputs.export_values(planned(asked), asked.subsets)
    wanted = output.export_of(analysis, chosen, values)
    drafted = output.draft(wanted, Path(destination))
    return output.write(drafted, Path(destination), dry_run=dry_run, link=link, progress=_stage(told, "writing"))


def with_coverage(analysis: Analysis, preset: str, *, mirror_ok: bool) -> Analysis:
    """The analysis with the views that it holds and lacks, by what a preset asks for. Raises PlanError for an unknown
    preset. `mirror_ok`: left and right count as one."""
    from curate import diversity

    if preset not in diversity.TARGETS:
        raise PlanError(f"no preset is called {preset!r}", f"Choose one of: {', '.join(diversity.TARGETS)}")
    return replace(analysis, coverage=diversity.coverage.measure(inputs.coverage_inputs(analysis, preset, mirror_ok)))


def folder_or_last(folder: str | Path | None, settings: ScanSettings) -> Path:
    """The folder, or the one that was scanned last with this cache. Raises FolderError if there is none."""
    from curate import features

    if folder is not None:
        return Path(folder)
    with features.open_store(settings) as store:
        last = store.last_folder
    if last is None:
        raise FolderError(".", "no folder was given and none was scanned before", "Name the folder of pictures")
    return Path(last)


def remember_plan(analysis: Analysis, settings: PlanSettings, scan_settings: ScanSettings) -> None:
    """Keeps the settings of a plan for the folder's next export."""
    from curate import features

    with features.open_store(scan_settings) as store:
        store.remember_plan(analysis.catalog.folder, json.dumps(asdict(settings)))


def plan_for_export(
    folder: Path,
    target_steps: int | None,
    batch_size: int | Literal["auto"],
    base: str,
    scan_settings: ScanSettings,
) -> PlanSettings:
    """The budget of an export: the one given, else the folder's last plan, else the usual steps."""
    from curate import features
    from curate.plan import PlanSettings

    if target_steps is not None:
        return PlanSettings(target_steps=target_steps, batch_size=batch_size, base=base)
    with features.open_store(scan_settings) as store:
        kept = store.get_plan(str(folder.resolve()))
    if kept is None:
        return PlanSettings(target_steps=USUAL_STEPS, batch_size=batch_size, base=base)
    return PlanSettings(**json.loads(kept))


def without_lookalikes(analysis: Analysis) -> Analysis:
    """The same analysis with only the keeper of each group of look-alikes kept."""
    dropped = {member.row for group in analysis.groups if group.kind == "lookalike" for member in group.members}
    return replace(analysis, kept=tuple(kept and row not in dropped for row, kept in enumerate(analysis.kept)))


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


def _viewer(settings: ScanSettings, told: Progress) -> LateViewer | None:
    """What will look for faces and bodies; None where nobody wants that."""
    from curate.features import views

    if settings.views == "off":
        return None
    return views.LateViewer(lambda: views.open_viewer(settings.cache, offline=settings.offline, progress=told))


def _views(
    catalog: Catalog, measured: Features, embedder: Embedder, store: Store, settings: ScanSettings
) -> tuple[View, ...]:
    """Every picture's view, by all sources."""
    from curate.features import views

    vectors = views.class_vectors(embedder, store)
    return views.of_pictures(catalog, measured, vectors=vectors, mirror_ok=settings.mirror_ok)


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
