"""`curate export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from curate.cli import options
from curate.cli.console import ProgressLine, one_line, tell, told, write

EXAMPLE = "Example: curate export ./clean --trainer kohya --name sks --class man"

Destination = Annotated[Path, typer.Argument(help="New folder for the cleaned set.", show_default=False)]


def export(
    destination: Destination,
    folder: options.LastFolder = None,
    trainer: Annotated[
        str,
        typer.Option(
            help="folder (pictures and captions), kohya, onetrainer, ai-toolkit, simpletuner, diffusion-pipe, musubi "
            "or diffusers."
        ),
    ] = "folder",
    name: Annotated[str, typer.Option(help="Name of the set; the folder's if left out.")] = "",
    class_word: Annotated[str, typer.Option("--class", help="What the subject is, for example man.")] = "",
    trigger: Annotated[str, typer.Option(help="Word that every caption is to hold; added where missing.")] = "",
    target_steps: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(help="Budget in optimizer steps.", show_default="that of the last recommend, else 1000"),
    ] = None,
    batch_size: Annotated[str, typer.Option(help="Pictures a batch of one GPU, or auto.")] = "auto",
    base: Annotated[str, typer.Option(help="Base model: sd15, sdxl, flux, ...")] = "sdxl",
    format_: Annotated[
        str, typer.Option("--format", help="Of pictures written anew: keep, png, jpg or webp.")
    ] = "keep",
    background: options.Background = "FFFFFF",
    masks: Annotated[
        bool, typer.Option("--masks", help="Turn transparency into masks where the trainer reads them.")
    ] = False,
    no_caption: Annotated[
        str, typer.Option(help="For pictures without caption: name, class:WORD, skip or error.", show_default=False)
    ] = "",
    caption_from_copies: Annotated[
        str, typer.Option(help="Captions of left-out copies: keep (only where there is none), longest or merge-tags.")
    ] = "keep",
    train_path: Annotated[str, typer.Option(help="Where the set will lie when it is trained.")] = "",
    link: Annotated[str, typer.Option(help="hard or sym: link pictures that need no change instead of copying.")] = "",
    drop_lookalikes: Annotated[bool, typer.Option("--drop-lookalikes", help="Leave the look-alikes out too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")] = False,
    regularisation: options.Regularisation = None,
    model: options.Model = "auto",
    device: options.Device = "auto",
    offline: options.Offline = False,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
) -> None:
    """Write a cleaned copy of the set, with captions, in the layout and config of a trainer."""
    colour = options.colour(background)
    scan_settings = options.scan_settings(
        model, device, offline, cache, no_cache, regularisation, background=background
    )
    with told():
        from curate import output, pipeline

        settings = output.Settings(
            trainer=trainer,
            name=name,
            class_word=class_word,
            trigger=trigger,
            format=options.choice("--format", format_, ("keep", "png", "jpg", "webp")),
            background=colour,
            alpha_masks=masks,
            no_caption=no_caption,
            copy_captions=options.choice(
                "--caption-from-copies", caption_from_copies, ("keep", "longest", "merge-tags")
            ),
            train_path=train_path,
        )
        progress = ProgressLine()
        source = pipeline.folder_or_last(folder, scan_settings)
        budget = pipeline.plan_for_export(source, target_steps, options.batch(batch_size), base, scan_settings)
        analysis = pipeline.scan(source, scan_settings, progress=progress)
        if drop_lookalikes:
            analysis = pipeline.without_lookalikes(analysis)
        written = pipeline.export(
            analysis,
            destination,
            settings,
            plan=budget,
            dry_run=dry_run,
            link=options.choice("--link", link, ("", "hard", "sym")),
            progress=progress,
        )
        progress.clear()
        for line in written.lines:
            write(options.printable(line))
        for note in written.notes:
            tell(one_line(note))
        write("nothing was written: --dry-run" if dry_run else "done")
