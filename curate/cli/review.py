"""`curate review`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from curate.cli import options
from curate.cli.console import ProgressLine, one_line, tell, told, write

if TYPE_CHECKING:
    from curate.pages.review import Reviewed
    from curate.settings import ScanSettings

EXAMPLE = "Example: curate review ./my_dataset"


def review(
    folder: options.LastFolder = None,
    host: Annotated[
        str,
        typer.Option(help="Interface to serve on; another than 127.0.0.1 lets other machines open it by the link."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes any that is free.", min=0, max=65535)] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Only print the address, open no browser.")] = False,
    export_to: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads it at run time, on Python 3.10 too
        typer.Option(
            help="Folder in which the page's exports are made.",
            show_default="that in which FOLDER lies; for an address this one",
            metavar="DIR",
        ),
    ] = None,
    trigger: Annotated[str, typer.Option(help="Word that every caption is to hold; it is marked.")] = "",
    target_steps: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(help="Budget in optimizer steps.", show_default="that of the last recommend, else 1000"),
    ] = None,
    base: Annotated[str, typer.Option(help="Base model: sd15, sdxl, flux, ...")] = "sdxl",
    model: options.Model = "auto",
    device: options.Device = "auto",
    offline: options.Offline = False,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
    regularisation: options.Regularisation = None,
    background: options.Background = "FFFFFF",
    views: options.Views = "auto",
    mirror_ok: options.MirrorOk = False,
    preset: options.Preset = "character",
    decisions: options.Decisions = None,
) -> None:
    """Open a local page to look at a set and decide it, from scan to export, with the keyboard."""
    settings = options.scan_settings(
        model,
        device,
        offline,
        cache,
        no_cache,
        regularisation,
        background=background,
        views=views,
        mirror_ok=mirror_ok,
        preset=preset,
        decisions=decisions,
    )
    with told():
        from dataclasses import replace

        from curate import pipeline
        from curate.pages.review import Place, serve

        source = pipeline.folder_or_last(folder, settings)
        budget = pipeline.plan_for_export(source, target_steps, "auto", base, settings)
        reviewed = replace(_reviewed(source, settings), budget=budget, trigger=trigger)
        if export_to is not None:
            reviewed = replace(reviewed, exports=export_to.expanduser().resolve())
        try:
            serve(
                reviewed,
                Place(host=host, port=port),
                ready=lambda address: _ready(address, opened=not no_open),
                renewed=lambda address: tell(f"opened; to open it once more: {address}"),
            )
        except KeyboardInterrupt:
            tell("")
        for problem in reviewed.journal.problems:
            tell(one_line(problem))
        tell("review ended; every decision is kept")


def _reviewed(source: str | Path, settings: ScanSettings) -> Reviewed:
    """The set measured, with what the page needs of the pipeline."""
    from curate import pipeline
    from curate.decisions import open_journal
    from curate.pages.review import Reviewed
    from curate.plan import PlanSettings

    progress = ProgressLine()
    found = pipeline.measured(source, settings, progress=progress)
    journal, deciding = open_journal(source, settings), pipeline.Deciding(found)
    progress("counting effective images", 0, 0)
    deciding(journal.present)  # the page begins with it
    progress.clear()
    return Reviewed(
        journal=journal,
        decide=deciding,
        exact=deciding.exact,
        suppose=deciding.suppose,
        plan=pipeline.recommend,
        export=pipeline.export,
        exports=_beside(source),
        budget=PlanSettings(target_steps=pipeline.USUAL_STEPS),
        cache=_cache(settings),
        background=settings.background,
    )


def _beside(source: str | Path) -> Path:
    """The folder in which the source lies; for one in a store the folder that curate was started in."""
    from curate import addresses

    return Path.cwd() if addresses.is_address(source) else Path(addresses.whole(source)).parent


def _cache(settings: ScanSettings) -> Path | None:
    import platformdirs

    if not settings.use_cache:
        return None
    return settings.cache or Path(platformdirs.user_cache_dir("curate", appauthor=False))


def _ready(address: str, *, opened: bool) -> None:
    """Prints the address, and opens it without waiting for the browser."""
    import threading
    import webbrowser

    write(f"curate review: {address}")
    tell("Ctrl-C, or the page's own button, ends it")

    def show() -> None:
        if not webbrowser.open(address):
            tell("no browser was found; open the address yourself")

    if opened:
        threading.Thread(target=show, daemon=True).start()
