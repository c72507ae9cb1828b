"""`curate compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from curate.cli import options
from curate.cli.console import ProgressLine, show, tell, told, write

if TYPE_CHECKING:
    from curate.pages.comparison import Comparison, Side
    from curate.settings import ScanSettings

EXAMPLE = "Example: curate compare ./my_dataset ./clean/curate-manifest.json -o compare.html"

Source = Annotated[
    str,
    typer.Argument(help="Folder or address, curate-manifest.json, or the output of scan --json.", show_default=False),
]


def compare(
    a: Source,
    b: Source,
    target_steps: Annotated[int, typer.Option(help="Optimizer steps that exposures are counted for.", min=1)] = 1000,
    batch_size: Annotated[int, typer.Option(help="Pictures a step.", min=1)] = 1,
    out: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads it at run time, on Python 3.10 too
        typer.Option("--out", "-o", help="Write it as an HTML page, too, with pictures.", show_default="none"),
    ] = None,
    with_paths: Annotated[
        bool, typer.Option("--with-paths", help="On the page: whole paths of this machine, not names alone.")
    ] = False,
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
        from curate.pages import report

        progress = ProgressLine()
        for source in (a, b):
            if out is not None and not _is_record(source):
                report.check_place(out, source)  # before anything is measured
        before, after = (_side(source, settings, progress) for source in (a, b))
        found = pages.compare(before, after, target_steps * batch_size)
        if out is not None:
            whole = _page(found, out, settings, progress, with_paths=with_paths)
        progress.clear()
        if json:
            write(pages.compare_json(found))
        else:
            show(pages.compare_page(found, everything))
        if out is not None:
            tell(f"written: {options.printable(str(whole))}")


def _side(source: str, settings: ScanSettings, progress: ProgressLine) -> Side:
    from curate import pages, pipeline

    if _is_record(source):
        return pages.side_from_file(Path(source))
    return pages.side_of(pipeline.scan(source, settings, progress=progress), source)


def _is_record(source: str) -> bool:
    """Whether it is what curate wrote of a set, not a set."""
    from curate import addresses, pictures

    here = addresses.local(source)
    return here is not None and here.is_file() and not pictures.is_one_file(source)


def _page(found: Comparison, out: Path, settings: ScanSettings, progress: ProgressLine, *, with_paths: bool) -> Path:
    """Writes the page, with thumbnails of what left and came as far as their files are still there."""
    from curate.pages import compare_report, report
    from curate.pictures import Source

    shelf, moved = report.Shelf.of(settings), compare_report.moved_pictures(found)
    small: dict[str, report.Thumbnail] = {}
    for side, wanted, others in ((found.a, moved[0], moved[1]), (found.b, moved[1], moved[0])):
        if not side.folder:
            continue
        report.check_place(out, side.folder)
        small |= report.drawn_small(
            wanted,
            Source(side.folder),
            shelf,
            settings.background,
            lambda done, total: progress("drawing", done, total),
            besides=len(others),
        )
    inputs = compare_report.ComparisonInputs(found=found, thumbnails=small, with_paths=with_paths)
    return report.save(compare_report.compare_report(inputs), out, None)
