"""The plan of an export: how often each picture is drawn, by the budget, by weights, or by fixed repeats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import ceil, gcd
from typing import TYPE_CHECKING

from curate.errors import PlanError, TrainerError
from curate.output.selection import Shared, Weighted
from curate.records import Analysis
from curate.stages import inputs

if TYPE_CHECKING:
    from curate.output import Settings, Values
    from curate.output.shares import Whole
    from curate.plan import LaidOut, Plan, PlanInputs, PlanSettings

SAVES = 10  # files to choose from at batch 1 that a longer epoch must leave room for
OFF = 0.05  # share of a number of steps by which whole epochs may miss it


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What to train with, and how often each picture is drawn."""

    values: Values
    repeats: Mapping[int, float]  # passes an epoch of rows that have some of their own
    weighted: Weighted | None = None


def plan_for(training: Analysis, settings: Settings, budget: PlanSettings) -> Drawn:
    """The values of an export for its trainer. Raises what `check` raises, and PlanError and TrainerError."""
    from curate import output, plan

    check(settings, budget)
    if settings.trainer == "folder":
        return Drawn(values=output.Values(), repeats={})
    training = _as_laid_out(_as_written(training, settings), settings)
    budget = replace(budget, trainer=settings.trainer)
    if budget.repeats is not None and budget.target_steps is not None:
        return Drawn(values=_at_fixed_repeats(training, budget, budget.target_steps), repeats={})
    asked = inputs.plan_inputs(training, budget, advice=False)
    if settings.weights:
        inputs.require_embeddings(training, "--weights")
        return _by_weights(training, asked)
    return Drawn(values=inputs.export_values(plan.recommend(asked), asked.subsets), repeats={})


def check(settings: Settings, budget: PlanSettings) -> None:
    """Raises ExportError, PlanError and TrainerError for what no set can be exported with, before any is scanned."""
    from curate.output import captions, scaling
    from curate.output.layouts import layout
    from curate.trainers import base

    shape = layout(settings.trainer).shape
    captions.rules_of(settings, shape, "", "")
    scaling.refuse_tiny(settings.resize_to)
    if settings.trainer != "folder":
        base(budget.base)
    if settings.weights:
        _refuse_weights(settings, budget)


def _as_written(training: Analysis, settings: Settings) -> Analysis:
    """With the sizes that the pictures are written with, which buckets depend on. Raises ExportError."""
    from curate.output import scaling

    if settings.resize_to is None:
        return training
    facts = tuple(scaling.written(one, settings.resize_to) for one in training.features.facts)
    return replace(training, features=replace(training.features, facts=facts))


def _as_laid_out(training: Analysis, settings: Settings) -> Analysis:
    """Without the repeats of its folders, where a trainer draws all pictures equally often."""
    from curate.output.layouts import layout

    if not layout(settings.trainer).numbered:
        return training
    pictures = tuple(
        replace(one, subset="", repeats=1) if one.role == "subject" else one for one in training.catalog.pictures
    )
    return replace(training, catalog=replace(training.catalog, pictures=pictures))


def _refuse_weights(settings: Settings, budget: PlanSettings) -> None:
    from curate.output.layouts import layout

    if settings.trainer == "folder":
        raise TrainerError("folder", "--weights needs a trainer that draws some pictures more often", "Name one")
    if layout(settings.trainer).numbered:
        raise TrainerError(
            settings.trainer,
            "--weights is impossible: it draws all pictures equally often",
            "Leave it out, or leave look-alikes out with --drop-lookalikes",
        )
    if budget.repeats is not None:
        raise PlanError("--weights and --repeats contradict each other: repeats are the same for all", "Give one")


def _by_weights(training: Analysis, asked: PlanInputs) -> Drawn:
    """Look-alikes share the exposures of one picture, in whole repeats that still meet the budget."""
    from curate import plan
    from curate.output import shares

    pictures = training.catalog.pictures
    rows = [r for r, one in enumerate(pictures) if training.kept[r] and one.role == "subject"]
    common = reduce(gcd, (pictures[row].repeats for row in rows), 0) or 1
    alike = _alike(training, rows)
    wanted = [pictures[row].repeats / common / alike[row] for row in rows]
    target = asked.settings.target_steps
    most = shares.MOST if target is None else min(shares.MOST, max(2, int(target / SAVES / sum(wanted))))
    refused: PlanError | None = None
    for whole in shares.whole(wanted, most):
        subsets = _subsets(training, rows, whole)
        try:
            found = plan.recommend(replace(asked, subsets=subsets))
        except PlanError as error:
            refused = refused or error
            continue
        return _drawn(asked, found, subsets, rows, wanted, whole)
    raise refused or PlanError("No repeats hold these weights", "Leave --weights out")


def _alike(training: Analysis, rows: Sequence[int]) -> dict[int, int]:
    """How many photographs of its group of look-alikes are trained on, for each row; 1 outside groups."""
    standing = inputs.keeper_of_row(training.catalog, training.groups)
    group_of = {
        row: at
        for at, group in enumerate(training.groups)
        if group.kind == "lookalike"
        for row in (group.keeper, *(member.row for member in group.members))
    }
    photographs = {int(standing[row]) for row in rows}
    sizes = Counter(group_of[one] for one in photographs if one in group_of)
    return {row: sizes.get(group_of.get(int(standing[row]), -1), 1) for row in rows}


def _subsets(training: Analysis, rows: Sequence[int], whole: Whole) -> tuple[LaidOut, ...]:
    """The pictures by folder and repeats, each a subset of its own."""
    from curate.plan import LaidOut

    found: dict[tuple[str, int], list[int]] = {}
    for at, (row, repeats) in enumerate(zip(rows, whole.repeats, strict=True)):
        found.setdefault((inputs.subset(training.catalog, row), repeats), []).append(at)
    return tuple(
        LaidOut(pictures=tuple(at), repeats=repeats, name=f"{name} x{repeats}".strip())
        for (name, repeats), at in sorted(found.items())
    )


def _drawn(
    asked: PlanInputs,
    found: Plan,
    subsets: Sequence[LaidOut],
    rows: Sequence[int],
    wanted: Sequence[float],
    whole: Whole,
) -> Drawn:
    times = {
        at: repeats
        for subset, repeats in zip(subsets, found.schedule.subset_repeats, strict=True)
        for at in subset.pictures
    }
    scale = times[0] / whole.repeats[0]
    kinds = Counter((share, times[at]) for at, share in enumerate(wanted))
    shared = tuple(
        Shared(pictures=number, wanted=share, given=repeats / whole.factor / scale, repeats=repeats)
        for (share, repeats), number in sorted(kinds.items(), reverse=True)
    )
    values = replace(inputs.export_values(found, subsets), repeats=found.schedule.repeats, subset_repeats={})
    before = asked.subsets
    plain = {at: part.repeats for part in before for at in part.pictures}
    weighted = Weighted(
        shares=shared,
        drawn_before=_sampled(asked, [plain.get(at, 1) for at in range(len(rows))]),
        drawn=_sampled(asked, [times[at] for at in range(len(rows))]),
    )
    return Drawn(values=values, repeats={row: times[at] for at, row in enumerate(rows)}, weighted=weighted)


def _sampled(asked: PlanInputs, draws: Sequence[float]) -> float:
    """Effective images as drawn."""
    if not callable(asked.sampled_diversity):
        return asked.effective_images
    total = sum(draws)
    return asked.sampled_diversity([one / total for one in draws])


def _at_fixed_repeats(training: Analysis, budget: PlanSettings, target: int) -> Values:
    """Given repeats and a number of steps: met exactly where the trainer takes steps, else in whole epochs.

    Raises PlanError where whole epochs miss the steps by more than 5 %.
    """
    from curate import plan
    from curate.trainers import get

    if target < 1:
        raise PlanError(f"target steps is {target}", "Give a whole number of at least 1")

    def planned(epochs: int) -> Plan:
        settings = replace(budget, target_steps=None, epochs=max(1, epochs))
        return plan.recommend(inputs.plan_inputs(training, settings, advice=False))

    trainer = get(budget.trainer)
    each = planned(1).schedule.steps_per_epoch
    subsets = inputs.plan_inputs(training, budget, advice=False).subsets
    if trainer.fields.steps:
        found = planned(ceil(target / each))
        values = inputs.export_values(found, subsets)
        return replace(values, max_steps=target, epochs=None, why=_why(budget, found, target))
    found = planned(round(target / each))
    steps = found.schedule.steps
    if abs(steps - target) > OFF * target:
        raise PlanError(
            f"{budget.repeats:g} repeats give {each:g} steps an epoch, and {trainer.title} ends with whole epochs: "
            f"{target} steps cannot be met; the nearest are {steps}, in {found.schedule.epochs}",
            f"Give --target-steps {steps}, or leave one of --repeats and --target-steps out",
        )
    return replace(inputs.export_values(found, subsets), why=_why(budget, found, steps))


def _why(budget: PlanSettings, found: Plan, steps: int) -> tuple[str, ...]:
    seen = found.exposures.per_effective_image * steps / found.schedule.steps
    sound = found.judgement.sound
    each, worth = "effective image", f"{found.pictures} pictures, {found.effective_images:.1f} effective images"
    if not found.compared:
        each, worth = "picture", inputs.worth(found)
    return (
        f"{steps} optimizer steps at {budget.repeats:g} repeats, both as asked for",
        worth,
        f"each {each} is seen {seen:.0f} times (sound here is {sound[0]:.0f} to {sound[1]:.0f})",
    )
