"""`curate scan`."""

from __future__ import annotations

from typing import Annotated

import typer

from curate.cli import options
from curate.cli.console import ProgressLine, show, told, write

EXAMPLE = "Example: curate scan ./my_dataset"


def scan(
    folder: options.Folder,
    model: options.Model = "auto",
    device: options.Device = "auto",
    offline: options.Offline = False,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
    engine: options.Engine = "local",
    address: options.Address = "",
    workers: options.Workers = 0,
    features: options.FeaturesAt = "",
    most_megapixels: options.MostMegapixels = None,
    most_seconds: options.MostSeconds = None,
    memory: options.Memory = None,
    decisions: options.Decisions = None,
    regularisation: options.Regularisation = None,
    resolution: options.Resolution = 1024,
    background: options.Background = "FFFFFF",
    views: options.Views = "auto",
    mirror_ok: options.MirrorOk = False,
    preset: options.Preset = "character",
    everything: Annotated[bool, typer.Option("--all", help="Print the long lists whole.")] = False,
    json: options.Json = False,
) -> None:
    """Find copies, look-alikes, broken and poor pictures, and count the effective images."""
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
        most_megapixels=most_megapixels,
        most_seconds=most_seconds,
        memory=memory,
    )
    with told():
        from curate import pages, pipeline

        progress = ProgressLine()
        analysis = pipeline.scan(folder, settings, progress=progress)
        progress.clear()
        if json:
            write(pages.as_json(analysis))
        else:
            show(pages.scan_page(analysis, everything))
