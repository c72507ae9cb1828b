"""`curate compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli import options
from curate.cli.console import ProgressLine, show, told, write

if TYPE_CHECKING:
    from curate.pages.comparison import Side
    from curate.settings import ScanSettings

EXAMPLE = "Example: curate compare ./my_dataset ./clean/curate-manifest.json"

Source = Annotated[
    Path, typer.Argument(help="Folder, curate-manifest.json, or the output of scan --json.", show_default=False)
]


def compare(
    a: Source,
    b: Source,
    target_steps: Annotated[int, typer.Option(help="Optimizer steps that exposures are counted for.", min=1)] = 1000,
    batch_size: Annotated[int, typer.Option(help="Pictures a step.", min=1)] = 1,
    model: options.Model = "auto",
    device: options.Device = "auto",
    offline: options.Offline = False,
    views: options.Views = "auto",
    mirror_ok: options.MirrorOk = False,
    preset: options.Preset = "character",
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
    decisions: options.Decisions = None,
    everything: Annotated[bool, typer.Option("--all", help="Print the long lists whole.")] = False,
    json: options.Json = False,
) -> None:
    """Put two sets side by side, before and after: effective images, views, exposures, what left and what came."""
    settings = options.scan_settings(
        model,
        device,
        offline,
        cache,
        no_cache,
        views=views,
        mirror_ok=mirror_ok,
        preset=preset,
        decisions=decisions,
    )
    with told():
        from curate import pages

        progress = ProgressLine()
        before, after = (_side(source, settings, progress) for source in (a, b))
        progress.clear()
        found = pages.compare(before, after, target_steps * batch_size)
        if json:
            write(pages.compare_json(found))
        else:
            show(pages.compare_page(found, everything))


def _side(source: Path, settings: ScanSettings, progress: ProgressLine) -> Side:
    from curate import pages, pipeline

    if source.is_file():
        return pages.side_from_file(source)
    return pages.side_of(pipeline.scan(source, settings, progress=progress), str(source))
