"""`curate fill` and `curate gaps`."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from curate.cli import exported, options
from curate.cli.console import ProgressLine, show, tell, told, write

EXAMPLE = "Example: curate fill ./scraped ./my_dataset -n 10 --copy-to ./more"
GAPS_EXAMPLE = "Example: curate gaps ./my_dataset --preset face"

Pool = Annotated[str, typer.Argument(help="Folder or address of other pictures to pick from.", show_default=False)]
CopyTo = Annotated[
    Optional[str],  # noqa: UP045 - typer reads it at run time, on Python 3.10 too
    typer.Option(help="New folder for the picks and their captions.", show_default=False),
]


def fill(
    pool: Pool,
    folder: options.LastFolder = None,
    count: Annotated[int, typer.Option("-n", help="Pictures to pick, at most.", min=1)] = 10,
    copy_to: CopyTo = None,
    remove_leftovers: Annotated[
        bool, typer.Option("--remove-leftovers", help="Remove what runs that were killed left beside --copy-to.")
    ] = False,
    model: options.Model = "auto",
    device: options.Device = "auto",
    offline: options.Offline = False,
    resolution: options.Resolution = 1024,
    views: options.Views = "auto",
    mirror_ok: options.MirrorOk = False,
    preset: options.Preset = "character",
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
    decisions: options.Decisions = None,
    json: options.Json = False,
) -> None:
    """Pick from a pool the pictures that add the most to the set and close its largest gaps."""
    settings = options.scan_settings(
        model,
        device,
        offline,
        cache,
        no_cache,
        resolution=resolution,
        views=views,
        mirror_ok=mirror_ok,
        preset=preset,
        decisions=decisions,
    )
    with told():
        from curate import pages, pipeline
        from curate import pool as pools

        progress = ProgressLine()
        given = pipeline.folder_or_last(folder, settings)
        if copy_to is not None:
            exported.offer_leftovers(str(copy_to), remove_leftovers)
            pools.check_copy_to(copy_to, pool, given)
        found = pools.fill(pool, given, count, settings, progress=progress)
        copied = pools.copy_to(found, copy_to, progress) if copy_to is not None and found.picks else 0
        progress.clear()
        picks = [(found.path(pick), pick) for pick in found.picks]
        shown = pages.Filling(
            before=found.set, after=found.after, pool=found.pool, picks=tuple(picks), refused=found.refused
        )
        if json:
            write(pages.fill_json(shown))
        else:
            show(pages.fill_page(shown))
        if copy_to is not None:
            many = "1 picture" if copied == 1 else f"{copied} pictures"
            tell(f"{many} copied to {options.printable(str(copy_to))}" if copied else "nothing was copied")


def gaps(
    folder: options.LastFolder = None,
    model: options.Model = "auto",
    device: options.Device = "auto",
    offline: options.Offline = False,
    regularisation: options.Regularisation = None,
    views: options.Views = "auto",
    mirror_ok: options.MirrorOk = False,
    preset: options.Preset = "character",
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
    decisions: options.Decisions = None,
    json: options.Json = False,
) -> None:
    """List the views and framings that the set lacks, in order of worth: what to photograph or search for."""
    settings = options.scan_settings(
        model,
        device,
        offline,
        cache,
        no_cache,
        regularisation,
        views=views,
        mirror_ok=mirror_ok,
        preset=preset,
        decisions=decisions,
    )
    with told():
        from curate import pages, pipeline

        progress = ProgressLine()
        analysis = pipeline.scan(pipeline.folder_or_last(folder, settings), settings, progress=progress)
        progress.clear()
        if json:
            write(pages.gaps_json(analysis))
        else:
            show(pages.gaps_page(analysis))
