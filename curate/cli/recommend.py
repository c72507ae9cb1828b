"""`curate recommend` and `curate steps`."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from curate.cli import options
from curate.cli.console import ProgressLine, tell, told, write

if TYPE_CHECKING:
    from curate.plan import PlanSettings

EXAMPLE = "Example: curate recommend --target-steps 1000 --trainer kohya --base sdxl"
STEPS_EXAMPLE = "Example: curate steps --repeats 10 --epochs 10 --batch-size 2"

# typer reads annotations at run time, on Python 3.10 too: hence Optional
Target = Annotated[Optional[int], typer.Option(help="Budget in optimizer steps.", show_default="1000")]  # noqa: UP045
Epochs = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(help="Instead of a budget: what do this many epochs give.", show_default=False),
]
Repeats = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option(help="Passes over the pictures in an epoch, with --epochs.", show_default=False),
]
Trainer = Annotated[
    str, typer.Option(help="kohya, onetrainer, ai-toolkit, simpletuner, diffusion-pipe, musubi or diffusers.")
]
Base = Annotated[str, typer.Option(help="Base model: sd15, sdxl, flux, qwen, wan, z-image, ...")]
Batch = Annotated[str, typer.Option(help="Pictures a batch of one GPU, or auto: the largest of 1, 2, 4 that is sound.")]
Side = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option(help="Training resolution in px; the base model's if left out.", show_default=False),
]
Accumulation = Annotated[int, typer.Option(help="Batches a step.", min=1)]
Processes = Annotated[int, typer.Option(help="GPUs that share the data.", min=1)]
Rate = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option("--lr", help="Learning rate; the base model's usual one if left out.", show_default=False),
]
Rank = Annotated[int, typer.Option(help="Rank of the LoRA.", min=1)]
Alpha = Annotated[Optional[float], typer.Option(help="Alpha of the LoRA.", show_default="rank")]  # noqa: UP045
Optimizer = Annotated[str, typer.Option(help="Optimiser, by the trainer's name for it.")]
Config = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(help="Your trainer's own configuration, read for its settings.", show_default=False),
]
DropLookalikes = Annotated[
    bool, typer.Option("--drop-lookalikes/--keep-lookalikes", help="Count without, or with, the look-alikes.")
]


def recommend(
    context: typer.Context,
    folder: options.LastFolder = None,
    target_steps: Target = None,
    epochs: Epochs = None,
    repeats: Repeats = None,
    trainer: Trainer = "kohya",
    base: Base = "sdxl",
    batch_size: Batch = "auto",
    resolution: Side = None,
    gradient_accumulation: Accumulation = 1,
    processes: Processes = 1,
    preset: options.Preset = "character",
    lr: Rate = None,
    rank: Rank = 16,
    alpha: Alpha = None,
    optimizer: Optimizer = "adamw",
    trainer_config: Config = None,
    drop_lookalikes: DropLookalikes = False,
    regularisation: options.Regularisation = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Explain it in plain words, with this set's numbers.")
    ] = False,
    model: options.Model = "auto",
    device: options.Device = "auto",
    offline: options.Offline = False,
    views: options.Views = "auto",
    mirror_ok: options.MirrorOk = False,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
    engine: options.Engine = "local",
    address: options.Address = "",
    workers: options.Workers = 0,
    features: options.FeaturesAt = "",
    decisions: options.Decisions = None,
    json: options.Json = False,
) -> None:
    """Say what to set to meet a budget of steps, how often each picture is seen, and whether it will overfit."""
    scan_settings = options.scan_settings(
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
        engine=engine,
        address=address,
        workers=workers,
        features=features,
    )
    with told():
        from curate import pipeline, plan

        changes: dict[str, Any] = {
            "trainer": trainer,
            "base": base,
            "batch_size": options.batch(batch_size),
            "resolution": options.whole(resolution),
            "gradient_accumulation": gradient_accumulation,
            "processes": processes,
            "preset": preset,
            "learning_rate": lr,
            "rank": rank,
            "alpha": alpha,
            "optimizer": optimizer,
            "target_steps": target_steps,
            "epochs": epochs,
            "repeats": repeats,
        }
        settings = plan.PlanSettings(**changes)
        if trainer_config is not None:
            settings = plan.with_config(settings, plan.read_config(trainer_config, trainer), _given(context))
        progress = ProgressLine()
        source = pipeline.folder_or_last(folder, scan_settings)
        analysis = pipeline.scan(source, scan_settings, progress=progress)
        if drop_lookalikes:
            analysis = pipeline.without_lookalikes(analysis)
        found = pipeline.recommend(analysis, settings)
        pipeline.remember_plan(analysis, plan.for_export(found.settings), scan_settings)
        progress.clear()
        if json:
            document = plan.as_json(found)
            if explain:
                document["explanation"] = [{"question": q, "answer": list(a)} for q, a in plan.explained(found)]
            write(json_text.dumps(document, indent=1, ensure_ascii=True))
        elif explain:
            write(plan.explain(found))
        else:
            write(f"curate recommend for {options.printable(analysis.catalog.folder)}\n\n{plan.page(found).rstrip()}")


def _given(context: typer.Context) -> list[str]:
    """The plan's settings that stand on the command line."""
    names = {"learning_rate" if name == "lr" else name: name for name in context.params}
    sources = {ours: context.get_parameter_source(name) for ours, name in names.items()}
    return [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]


def steps(
    folder: options.LastFolder = None,
    repeats: Annotated[float, typer.Option(help="Passes over the pictures in an epoch.")] = 1,
    epochs: Annotated[int, typer.Option(help="Epochs.", min=1)] = 10,
    batch_size: Annotated[int, typer.Option(help="Pictures a batch of one GPU.", min=1)] = 1,
    base: Base = "sdxl",
    resolution: Side = None,
    gradient_accumulation: Accumulation = 1,
    processes: Processes = 1,
    model: options.Model = "auto",
    device: options.Device = "auto",
    offline: options.Offline = False,
    views: options.Views = "auto",
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
    decisions: options.Decisions = None,
) -> None:
    """Print the true steps of all seven trainers side by side for the same settings."""
    scan_settings = options.scan_settings(model, device, offline, cache, no_cache, views=views, decisions=decisions)
    with told():
        from curate import pipeline, plan
        from curate.stages import inputs

        settings: PlanSettings = plan.PlanSettings(
            repeats=repeats,
            epochs=epochs,
            batch_size=batch_size,
            base=base,
            resolution=options.whole(resolution),
            gradient_accumulation=gradient_accumulation,
            processes=processes,
        )
        progress = ProgressLine()
        source = pipeline.folder_or_last(folder, scan_settings)
        analysis = pipeline.scan(source, scan_settings, progress=progress)
        progress.clear()
        sizes = inputs.plan_inputs(analysis, settings).sizes
        tell(f"curate steps for {options.printable(analysis.catalog.folder)}")
        write(plan.table_page(plan.steps_table(sizes, settings)))
