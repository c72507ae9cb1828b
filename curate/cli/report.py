"""`curate report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from curate.cli import options
from curate.cli.console import ProgressLine, one_line, tell, told, write
from curate.errors import PlanError, TrainerError

if TYPE_CHECKING:
    from curate.plan import PlanSettings
    from curate.settings import ScanSettings

EXAMPLE = "Example: curate report ./my_dataset -o report.html"


def report(
    folder: options.LastFolder = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="File for the page, outside the folder.")] = Path(
        "report.html"
    ),
    target_steps: Annotated[
        Optional[int],  # noqa: UP045 - typer reads it at run time, on Python 3.10 too
        typer.Option(help="Budget in optimizer steps.", show_default="that of the last recommend, else 1000"),
    ] = None,
    trainer: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="The trainer whose plan is shown.", show_default="that of the last recommend, else kohya"),
    ] = None,
    base: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Base model: sd15, sdxl, flux, ...", show_default="that of the last recommend, else sdxl"),
    ] = None,
    batch_size: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Pictures a batch of one GPU, or auto.", show_default="that of the last recommend, else auto"
        ),
    ] = None,
    with_paths: Annotated[
        bool, typer.Option("--with-paths", help="Show whole paths of this machine, too; names alone if left out.")
    ] = False,
    regularisation: options.Regularisation = None,
    model: options.Model = "auto",
    device: options.Device = "auto",
    offline: options.Offline = False,
    views: options.Views = "auto",
    mirror_ok: options.MirrorOk = False,
    preset: options.Preset = "character",
    resolution: options.Resolution = 1024,
    background: options.Background = "FFFFFF",
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
    engine: options.Engine = "local",
    address: options.Address = "",
    workers: options.Workers = 0,
    features: options.FeaturesAt = "",
    decisions: options.Decisions = None,
) -> None:
    """Write what a scan found as one HTML file to read, keep and send: pictures, charts and plan, nothing outside."""
    settings = options.scan_settings(
        model,
        device,
        offline,
        cache,
        no_cache,
        regularisation,
        resolution,
        background,
        views=views,
        mirror_ok=mirror_ok,
        preset=preset,
        decisions=decisions,
        engine=engine,
        address=address,
        workers=workers,
        features=features,
    )
    given: dict[str, Any] = {"target_steps": target_steps, "trainer": trainer, "base": base}
    given["batch_size"] = None if batch_size is None else options.batch(batch_size)
    given = {name: value for name, value in given.items() if value is not None}
    with told():
        from curate import __version__, pictures, pipeline
        from curate.pages import report as made

        progress = ProgressLine()
        source = pipeline.folder_or_last(folder, settings)
        made.check_place(out, source)
        analysis = pipeline.scan(source, settings, progress=progress)
        for _, elsewhere in analysis.catalog.outside:
            made.check_place(out, elsewhere)
        planned, no_plan = None, ""
        try:
            planned = pipeline.recommend(analysis, _asked(source, settings, given))
        except (PlanError, TrainerError) as error:
            if given:
                raise
            no_plan = str(error)
        small = made.thumbnails(
            analysis,
            pictures.Source(analysis.catalog.folder, analysis.catalog.outside),
            made.Shelf.of(settings),
            settings.background,
            progress=lambda done, total: progress("drawing", done, total),
        )
        inputs = made.ReportInputs(
            analysis=analysis,
            plan=planned,
            no_plan=no_plan,
            thumbnails=small,
            settings=settings,
            version=__version__,
            versions=made.versions(),
            with_paths=with_paths,
        )
        whole = made.save(made.report(inputs), out, source)
        progress.clear()
        if no_plan:
            tell(f"curate: without a plan: {one_line(no_plan)}")
        write(options.printable(str(whole)))


def _asked(folder: str | Path, settings: ScanSettings, given: dict[str, Any]) -> PlanSettings:
    """The plan of the last recommend, with what the options name instead; what hung on it is open again."""
    from dataclasses import replace

    from curate import pipeline

    follows: dict[str, dict[str, Any]] = {
        "target_steps": {"epochs": None, "repeats": None},
        "trainer": {"options": {}},
        "base": {"resolution": None, "learning_rate": None},
    }
    found = pipeline.plan_for_export(folder, None, "auto", "sdxl", settings)
    if settings.preset != found.preset:
        given = {"preset": settings.preset, **given}
    for name, value in given.items():
        found = replace(found, **{name: value, **follows.get(name, {})})
    return found
