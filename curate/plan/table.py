"""All trainers side by side: what each makes of the same pictures and settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from curate.errors import TrainerError
from curate.plan.records import PlanSettings
from curate.trainers import TRAINERS, Steps, base, get, steps
from curate.trainers.base import Size

WIDTH = 80  # columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    trainer: str
    title: str
    steps: Steps | None  # None where it refuses
    refusal: str = ""


def steps_table(sizes: Sequence[Size], settings: PlanSettings) -> tuple[Row, ...]:
    """One row a trainer for the same repeats, epochs and batch size, with the options that curate writes.

    `settings.trainer` does not matter; without repeats or epochs one pass is counted, and `auto` is a batch of 1.
    """
    model = base(settings.base)
    resolution = model.resolution if settings.resolution is None else settings.resolution
    side = max(resolution) if isinstance(resolution, tuple) else round(resolution)
    rows = []
    for name in TRAINERS:
        trainer = get(name)
        try:
            found = steps(
                sizes,
                name,
                repeats=settings.repeats or 1,
                batch_size=1 if settings.batch_size == "auto" else settings.batch_size,
                resolution=resolution,
                epochs=settings.epochs or 1,
                gradient_accumulation=settings.gradient_accumulation,
                processes=settings.processes,
                options=trainer.curate_options(side, model),
            )
            rows.append(Row(trainer=name, title=trainer.title, steps=found))
        except TrainerError as error:
            rows.append(Row(trainer=name, title=trainer.title, steps=None, refusal=f"{error.problem}. {error.advice}."))
    return tuple(rows)


def table_page(rows: Sequence[Row]) -> str:
    """The table in 80 columns, numbers to the right."""
    names = ("batches", "steps", "samples", "dropped", "padded", "buckets")
    lines = [f"{'an epoch has':<15}" + "".join(f"{name:>9}" for name in names) + f"{'all steps':>11}"]
    refused = []
    for row in rows:
        if row.steps is None:
            lines.append(f"{row.trainer:<15}{'refuses':>9}")
            refused += wrap(f"{row.trainer}: {row.refusal}", WIDTH, subsequent_indent="  ")
            continue
        s = row.steps
        numbers = (s.batches_per_epoch, s.steps_per_epoch, s.samples_per_epoch)
        rest = (round(sum(s.dropped.values())), round(sum(s.padded.values())), len(s.buckets))
        cells = "".join(f"{n:>9,.6g}" for n in (*numbers, *rest))
        lines.append(f"{row.trainer:<15}{cells}{s.steps:>11,}")
    return "\n".join([*lines, *refused])
