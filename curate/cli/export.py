"""`curate export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from curate.cli import exported, options
from curate.cli.console import ProgressLine, told

EXAMPLE = "Example: curate export ./clean --trainer kohya --name sks --class man"

Destination = Annotated[
    str, typer.Argument(help="New folder, or address in a store, for the cleaned set.", show_default=False)
]


_REPEATABLE = frozenset(
    ("destination", "folder", "like", "update", "remove_leftovers", "dry_run", "json", "cache", "no_cache", "decisions")
)


def export(
    context: typer.Context,
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
    repeats: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            help="Passes over the pictures in an epoch; found for the budget if left out.", show_default=False
        ),
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
    resize_to: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            help="Short side in px that larger pictures are scaled down to; at least what is trained.",
            show_default=False,
        ),
    ] = None,
    link: Annotated[str, typer.Option(help="hard or sym: link pictures that need no change instead of copying.")] = "",
    keep_location: Annotated[
        bool,
        typer.Option("--keep-location", help="Leave where a picture was taken in its file; taken out by default."),
    ] = False,
    weights: Annotated[
        bool, typer.Option("--weights", help="Look-alikes share the exposures of one picture, by their repeats.")
    ] = False,
    validation: Annotated[
        str,
        typer.Option(
            help="Pictures to hold out, as a number (4) or a share (0.1, 10%); look-alikes stay on one side.",
            show_default=False,
        ),
    ] = "",
    limit: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(help="At most so many pictures: those that keep the most.", show_default=False),
    ] = None,
    drop_lookalikes: Annotated[bool, typer.Option("--drop-lookalikes", help="Leave the look-alikes out too.")] = False,
    like: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="curate-manifest.json of an export, or its folder: repeat it exactly, without grouping anew.",
            show_default=False,
        ),
    ] = None,
    update: Annotated[
        bool,
        typer.Option("--update", help="Bring up to date what curate wrote to DESTINATION before; other files stay."),
    ] = False,
    remove_leftovers: Annotated[
        bool, typer.Option("--remove-leftovers", help="Remove what exports to DESTINATION left that were killed.")
    ] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="Write only the manifest: what the set consists of, with digests.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")] = False,
    regularisation: options.Regularisation = None,
    model: options.Model = "auto",
    device: options.Device = "auto",
    offline: options.Offline = False,
    views: options.Views = "auto",
    mirror_ok: options.MirrorOk = False,
    preset: options.Preset = "character",
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
    engine: options.Engine = "local",
    address: options.Address = "",
    workers: options.Workers = 0,
    features: options.FeaturesAt = "",
    decisions: options.Decisions = None,
    json: options.Json = False,
) -> None:
    """Write a cleaned copy of the set, with captions, in the layout and config of a trainer."""
    colour = options.colour(background)
    linked = options.choice("--link", link, ("", "hard", "sym"))
    scan_settings = options.scan_settings(
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
        engine=engine,
        address=address,
        workers=workers,
        features=features,
    )
    if like is not None:
        exported.refuse_with_like(context, _REPEATABLE)
    with told():
        from curate import output, pipeline
        from curate.stages import exposures, selection

        exported.offer_leftovers(destination, remove_leftovers)
        progress = ProgressLine()
        if like is not None:
            repeated, compared = pipeline.export_like(
                like,
                destination,
                folder,
                dry_run=dry_run,
                update=update,
                scan_settings=scan_settings,
                progress=progress,
            )
            progress.clear()
            exported.show(repeated, compared, json)
            return
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
            weights=weights,
            validation=selection.share_of(validation) if validation else 0,
            limit=limit,
            resize_to=resize_to,
            keep_location=keep_location,
        )
        source = pipeline.folder_or_last(folder, scan_settings)
        output.check_place(destination, source, update=update)
        budget = pipeline.plan_for_export(source, target_steps, options.batch(batch_size), base, scan_settings)
        budget = pipeline.with_repeats(budget, repeats, weights)
        exposures.check(settings, budget)  # a scan takes minutes: first what needs none
        analysis = pipeline.scan(source, scan_settings, progress=progress)
        if drop_lookalikes:
            analysis = pipeline.without_lookalikes(analysis)
        written = pipeline.export(
            analysis,
            destination,
            settings,
            plan=budget,
            dry_run=dry_run,
            link=linked,
            update=update,
            listed=list_,
            progress=progress,
        )
        progress.clear()
        exported.show(written, None, json)
