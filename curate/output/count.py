"""The true steps of the very set that is exported, from its own files' sizes and repeats."""

from __future__ import annotations

from curate.errors import ExportError
from curate.output.layouts.base import side
from curate.output.records import Draft
from curate.trainers import DataSet, Run, Steps, Subset, base, count, get


def true_steps(draft: Draft) -> Steps | None:
    """None without a trainer, or while neither epochs nor steps are set.

    Raises ExportError where nothing would train.
    """
    values, name = draft.values, draft.settings.trainer
    if name == "folder" or not (values.epochs or values.max_steps):
        return None
    trainer = get(name)
    sizes: list[tuple[int, int]] = []
    subsets = []
    for part in draft.parts:
        rows = tuple(range(len(sizes), len(sizes) + len(part.pictures)))
        sizes += [placed.size for placed in part.pictures]
        subsets.append(
            Subset(pictures=rows, repeats=part.repeats, regularisation=part.role == "regularisation", name=part.folder)
        )
    chosen = {**trainer.curate_options(side(values.resolution), base(values.base)), **values.options}
    data_set = DataSet(
        subsets=tuple(subsets), resolution=values.resolution, batch_size=values.batch_size, options=chosen
    )
    run = Run(
        sizes=tuple(sizes),
        data_sets=(data_set,),
        epochs=None if values.max_steps else values.epochs,
        max_train_steps=values.max_steps,
        gradient_accumulation=values.gradient_accumulation,
        processes=values.processes,
    )
    found = count(trainer, run)
    if not found.steps:
        raise ExportError(
            f"Nothing is left to train on: {trainer.title} drops every bucket at batch size {values.batch_size}",
            "Lower the batch size, or raise the repeats",
        )
    return found
