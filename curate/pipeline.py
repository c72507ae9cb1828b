"""The whole flow, one line a stage. Read this first.

folder -> catalog -> features -> pairs -> groups -> diversity -> analysis -> plan -> export
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from curate import addresses
from curate.decisions import open_journal
from curate.errors import FolderError
from curate.records import Analysis
from curate.settings import ScanSettings
from curate.stages import inputs
from curate.stages.deciding import Deciding, decide
from curate.stages.measured import Measured, Progress, measured, silent, stage, with_coverage
from curate.stages.outside import check_outside

if TYPE_CHECKING:
    from curate.features import Embedder
    from curate.output import Compared, Export, Written
    from curate.output import Settings as ExportSettings
    from curate.output.records import Link
    from curate.plan import Plan, PlanSettings

USUAL_STEPS = 1000  # optimizer steps: what hosted trainers and the usual guides set


def scan(
    folder: str | Path,
    settings: ScanSettings | None = None,
    *,
    model: Embedder | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """What is in a folder of pictures: copies, look-alikes, poor and broken pictures, effective images.

    `folder` may be an address too (`s3://bucket/pictures`, whatever fsspec reads), a tar archive or a folder of them,
    or a Parquet table of paths. `model` is any object that obeys the Embedder protocol; it stands in for
    `settings.model`. What the user decided of the set before is honoured. Nothing in the folder is written. Raises
    FolderError, ModelError and DecisionError; a broken cache only costs time and is said in the notes.
    """
    settings = settings or ScanSettings()
    check_outside(folder, settings)
    journal = open_journal(folder, settings)  # first: what cannot be honoured is known before time is spent
    analysis = decide(measured(folder, settings, model=model, progress=progress), journal.present)
    return replace(analysis, notes=(*analysis.notes, *journal.problems))


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
    update: bool = False,
    listed: bool = False,
    scan_settings: ScanSettings | None = None,
    progress: Progress | None = None,
) -> Written:
    """A cleaned copy of a set in the layout of a trainer, with its configuration and a manifest.

    `plan` holds the budget that the configuration is written for; None: 1000 steps. A dry run tells what would be
    written and writes nothing. `update`: a set that was exported there before is brought up to date, and files that
    curate did not write stay. `listed`: only the manifest is written. The source is only read. The destination is whole
    or absent afterwards; at an address, such as `s3://bucket/set`, it is whole once its manifest is there. Raises
    DestinationError, ExportError, ManifestError, and what `recommend` raises.
    """
    from curate import output
    from curate.plan import PlanSettings
    from curate.stages import exposures, selection

    told = progress or silent
    analysis = source if isinstance(source, Analysis) else scan(source, scan_settings, progress=progress)
    chosen = settings or output.Settings()
    selected = selection.select(analysis, chosen)
    drawn = exposures.plan_for(selected.training, chosen, plan or PlanSettings(target_steps=USUAL_STEPS))
    how = Writing(dry_run=dry_run, link=link, update=update, listed=listed)
    return _written(selection.export_of(selected, chosen, drawn), destination, how, told)


def export_like(
    manifest: str | Path,
    destination: str | Path,
    folder: str | Path | None = None,
    *,
    dry_run: bool = False,
    update: bool = False,
    scan_settings: ScanSettings | None = None,
    progress: Progress | None = None,
) -> tuple[Written, Compared | None]:
    """The export that a manifest records, repeated: the same pictures, captions, settings, values and decisions.

    `folder`: where the pictures lie now; None: where they lay. The second value tells whether the result is the same,
    digest for digest; None after a dry run. Raises ManifestError, FolderError where pictures vanished or changed, and
    what `export` raises.
    """
    from curate import features, output, pictures

    told = progress or silent
    record = output.read_manifest(Path(manifest))
    with features.open_store(scan_settings or ScanSettings()) as store:
        catalog = pictures.scan(
            folder or record.export.folder,
            regularisation=[elsewhere for _, elsewhere in record.export.outside],
            digests=store,
            progress=stage(told, "reading"),
        )
    repeated = output.repeat(record, catalog)
    how = Writing(dry_run=dry_run, link=record.link, update=update)
    written = _written(repeated.export, destination, how, told)
    written = replace(written, notes=(*repeated.notes(), *written.notes))
    return written, None if dry_run or not record.files else output.compare(record, written)  # a list has no files


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """How an export is written."""

    dry_run: bool = False
    link: Link = ""
    update: bool = False
    listed: bool = False  # only its manifest


def _written(made: Export, destination: str | Path, how: Writing, told: Progress) -> Written:
    """The export, in a folder or a store."""
    from curate import output

    place, progress = addresses.place(destination), stage(told, "writing")
    if isinstance(place, Path):
        drafted = output.draft(made, place)
        return output.write(drafted, place, **asdict(how), progress=progress)
    output.check_place(place, made.folder, update=how.update)
    return output.upload(output.draft(made, place), place, dry_run=how.dry_run, listed=how.listed, progress=progress)


def folder_or_last(folder: str | Path | None, settings: ScanSettings) -> str | Path:
    """The folder, or the one that was scanned last with this cache. Raises FolderError if there is none."""
    from curate import features

    if folder is not None:
        check_outside(folder, settings)
        return addresses.place(folder)
    with features.open_store(settings) as store:
        last = store.last_folder
    if last is None:
        raise FolderError(".", "no folder was given and none was scanned before", "Name the folder of pictures")
    return addresses.place(last)


def remember_plan(analysis: Analysis, settings: PlanSettings, scan_settings: ScanSettings) -> None:
    """Keeps the settings of a plan for the folder's next export."""
    from curate import features

    with features.open_store(scan_settings) as store:
        store.remember_plan(analysis.catalog.folder, json.dumps(asdict(settings)))


def plan_for_export(
    folder: str | Path,
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
        kept = store.get_plan(addresses.whole(folder))
    if kept is None:
        return PlanSettings(target_steps=USUAL_STEPS, batch_size=batch_size, base=base)
    return PlanSettings(**json.loads(kept))


def with_repeats(budget: PlanSettings, repeats: float | None, weights: bool) -> PlanSettings:
    """The budget with given repeats; with weights those of an earlier plan do not count, since they are to be found."""
    if repeats is None:
        return replace(budget, repeats=None) if weights else budget
    return replace(budget, repeats=repeats)


def without_lookalikes(analysis: Analysis) -> Analysis:
    """The same analysis with one picture of each group of look-alikes kept: its keeper, or the first of the others
    that stays where the user left the keeper out. What the user keeps stays too. Raises ModelError where look-alikes
    were not looked for."""
    inputs.require_embeddings(analysis, "--drop-lookalikes")
    dropped: set[int] = set()
    for group in analysis.groups:
        if group.kind == "lookalike":
            stay = [row for row in (group.keeper, *(member.row for member in group.members)) if analysis.kept[row]]
            dropped.update(row for row in stay[1:] if not analysis.decided or "keep" not in analysis.decided[row])
    return replace(analysis, kept=tuple(kept and row not in dropped for row, kept in enumerate(analysis.kept)))


__all__ = [
    "Deciding",
    "Measured",
    "Progress",
    "decide",
    "export",
    "folder_or_last",
    "measured",
    "plan_for_export",
    "recommend",
    "remember_plan",
    "scan",
    "with_coverage",
    "without_lookalikes",
]
