"""The whole flow, one line a stage. Read this first.

folder -> catalog -> features -> pairs -> groups -> diversity -> analysis -> plan -> export
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from curate import inputs
from curate.errors import FolderError
from curate.records import Analysis
from curate.settings import ScanSettings
from curate.stages import Measured, Progress, decide, measured, silent, stage, with_coverage

if TYPE_CHECKING:
    from curate.features import Embedder
    from curate.output import Settings as ExportSettings
    from curate.output import Written
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

    `model` is any object that obeys the Embedder protocol; it stands in for `settings.model`. Nothing in the folder is
    written. Raises FolderError and ModelError; a broken cache only costs time and is said in the notes.
    """
    return decide(measured(folder, settings or ScanSettings(), model=model, progress=progress))


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

    told = progress or silent
    analysis = source if isinstance(source, Analysis) else scan(source, scan_settings, progress=progress)
    chosen = settings or output.Settings()
    values = output.Values()
    if chosen.trainer != "folder":
        budget = replace(plan or PlanSettings(target_steps=USUAL_STEPS), trainer=chosen.trainer)
        asked = inputs.plan_inputs(analysis, budget)
        values = inputs.export_values(planned(asked), asked.subsets)
    wanted = output.export_of(analysis, chosen, values)
    drafted = output.draft(wanted, Path(destination))
    return output.write(drafted, Path(destination), dry_run=dry_run, link=link, progress=stage(told, "writing"))


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


__all__ = [
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
