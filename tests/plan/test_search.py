"""The search finds the nearest true count that its limits hold."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from curate.errors import PlanError, TrainerError
from curate.plan import LaidOut, PlanInputs, PlanSettings, RegularisationSet, recommend
from curate.plan.page import page
from curate.trainers import TRAINERS, DataSet, Run, Subset, base, get, steps
from curate.trainers.base import Size
from curate.trainers.batching import lay_out

SHAPES = ((1024, 1024), (832, 1216), (1216, 832), (768, 1344), (3000, 2000), (640, 480), (1500, 700))


def inputs(sizes: list[Size], **more: object) -> PlanInputs:
    given = {"effective_images": float(len(sizes)), "low": len(sizes) * 0.9, "high": len(sizes) * 1.1}
    settings = PlanSettings(**{k: v for k, v in more.items() if k in PlanSettings.__slots__})  # type: ignore[arg-type]
    rest = {k: v for k, v in more.items() if k not in PlanSettings.__slots__}
    return PlanInputs(sizes=tuple(sizes), settings=settings, **{**given, **rest})  # type: ignore[arg-type]


def brute_force(sizes: list[Size], trainer: str, target: int, batch: int) -> tuple[int, int, int] | None:
    """The smallest distance over all repeats and epochs, the fewest repeats that reach it, and the fewest steps."""
    chosen = get(trainer)
    options = chosen.curate_options(1024, base("sdxl"))
    subset = Subset(pictures=tuple(range(len(sizes))))
    data = DataSet(subsets=(subset,), resolution=1024, batch_size=batch, options=options)
    laid = lay_out(chosen, Run(sizes=tuple(sizes), data_sets=(data,)))
    found = []
    for repeats in range(1, 101):
        try:
            epoch = chosen.epoch(laid, repeats)
        except TrainerError:
            continue
        one = chosen.total(replace(laid.run, epochs=1), epoch).steps
        found += [(abs(one * epochs - target), repeats, one * epochs) for epochs in range(3, 51) if one]
    return (*min(found)[:2], min(steps for _, _, steps in found)) if found else None


@pytest.mark.parametrize("trainer", TRAINERS)
def test_the_search_is_as_near_as_trying_everything(trainer: str) -> None:
    random, refused = Random(trainer), 0
    for _ in range(40):
        sizes = random.choices(SHAPES, k=random.randint(4, 40))
        target, batch = random.randint(60, 2500), random.randint(1, 4)
        best = brute_force(sizes, trainer, target, batch)
        try:
            plan = recommend(inputs(sizes, trainer=trainer, target_steps=target, batch_size=batch))
        except PlanError:
            refused += 1
            continue
        assert best is not None
        if get(trainer).budget == "steps" or (get(trainer).fields.steps and target < best[2]):
            assert plan.schedule.steps == plan.schedule.max_steps == target
        else:
            assert (abs(plan.schedule.steps - target), plan.schedule.repeats) == best[:2]
    assert refused < 20


@pytest.mark.parametrize("trainer", ["kohya", "musubi"])
def test_a_target_below_three_epochs_is_met_exactly_by_a_limit_in_steps(trainer: str) -> None:
    plan = recommend(inputs([(1024, 1024)] * 300, trainer=trainer, target_steps=500, batch_size=1))
    schedule = plan.schedule
    assert (schedule.steps, schedule.max_steps, schedule.epochs, schedule.repeats) == (500, 500, 2, 1)
    assert "The target is less than 3 epochs" in " ".join(plan.warnings)
    assert "max_train_steps" in page(plan)
    assert "1.67 epochs" in page(plan)


def test_onetrainer_has_no_limit_in_steps_and_says_how_far_it_misses() -> None:
    plan = recommend(inputs([(1024, 1024)] * 300, trainer="onetrainer", target_steps=500, batch_size=1))
    assert (plan.schedule.steps, plan.schedule.max_steps) == (900, None)
    assert "900 steps are 80% off the target" in " ".join(plan.warnings)


@pytest.mark.parametrize("trainer", TRAINERS)
def test_the_steps_of_a_plan_are_those_that_steps_counts(trainer: str) -> None:
    sizes = [*SHAPES, *SHAPES, *SHAPES]
    plan = recommend(inputs(sizes, trainer=trainer, target_steps=700, batch_size=2))
    schedule = plan.schedule
    counted = steps(
        sizes,
        trainer,
        repeats=schedule.repeats,
        batch_size=2,
        resolution=1024,
        epochs=None if schedule.max_steps else schedule.epochs,
        max_train_steps=schedule.max_steps,
        options=plan.options,
    )
    assert (counted.steps, counted.epochs) == (schedule.steps, schedule.epochs)
    assert counted.batches_per_epoch == schedule.batches_per_epoch


def test_folders_keep_their_repeats_when_these_come_near() -> None:
    subsets = (LaidOut(pictures=tuple(range(10)), repeats=10, name="10_sks"),)
    plan = recommend(inputs([(1024, 1024)] * 10, target_steps=1010, batch_size=1, subsets=subsets))
    assert (plan.schedule.repeats, plan.schedule.epochs, plan.schedule.steps) == (10, 10, 1000)


def test_folders_keep_the_ratio_of_their_repeats() -> None:
    subsets = (
        LaidOut(pictures=tuple(range(50)), repeats=10, name="10_a"),
        LaidOut(pictures=tuple(range(50, 100)), repeats=20, name="20_b"),
    )
    plan = recommend(inputs([(1024, 1024)] * 100, target_steps=600, batch_size=1, subsets=subsets))
    first, second = plan.schedule.subset_repeats
    assert second == 2 * first
    assert plan.schedule.steps == 600


def test_regularisation_doubles_kohyas_steps_but_not_the_exposures() -> None:
    sizes = [(1024, 1024)] * 20
    alone = recommend(inputs(sizes, epochs=10, repeats=5, batch_size=1))
    reg = (RegularisationSet(sizes=((1024, 1024),) * 30),)
    mixed = recommend(inputs(sizes, epochs=10, repeats=5, batch_size=1, regularisation=reg))
    assert mixed.schedule.steps == 2 * alone.schedule.steps
    assert mixed.exposures == alone.exposures


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_target_below_one_epoch_is_refused_in_one_line(trainer: str) -> None:
    with pytest.raises(PlanError, match="fewer than one epoch") as caught:
        recommend(inputs([(1024, 1024)] * 500, trainer=trainer, target_steps=100, batch_size=1))
    assert "\n" not in str(caught.value)


def test_a_target_beyond_the_search_is_refused() -> None:
    with pytest.raises(PlanError, match="more than 100 repeats and 50 epochs"):
        recommend(inputs([(1024, 1024)], target_steps=6000, batch_size=1))


@pytest.mark.parametrize(
    ("sizes", "more", "says"),
    [
        ([], {"target_steps": 100}, "no pictures"),
        ([(1024, 1024)] * 3, {"target_steps": 100, "batch_size": 4}, "batch size 4 does not fit"),
        ([(1024, 1024)] * 3, {}, "one of them, not both"),
        ([(1024, 1024)] * 3, {"target_steps": 100, "epochs": 3}, "one of them, not both"),
        ([(1024, 1024)] * 3, {"target_steps": 0}, "target steps is 0"),
    ],
)
def test_what_cannot_be_met_is_said_in_one_line(sizes: list[Size], more: dict[str, object], says: str) -> None:
    with pytest.raises(PlanError, match=says) as caught:
        recommend(inputs(sizes, **more))
    assert "\n" not in str(caught.value)


def test_everything_dropped_is_refused() -> None:
    sizes = list(SHAPES)
    with pytest.raises(PlanError, match="Nothing is left"):
        recommend(inputs(sizes, trainer="onetrainer", epochs=3, repeats=1, batch_size=7))


def test_an_unknown_base_or_trainer_names_the_choices() -> None:
    with pytest.raises(TrainerError, match="Choose one of: kohya"):
        recommend(inputs([(64, 64)], trainer="nothing", target_steps=10))
    with pytest.raises(TrainerError, match="sdxl"):
        recommend(inputs([(64, 64)], base="nothing", target_steps=10))


def test_auto_takes_a_larger_batch_where_an_epoch_of_1_is_more_than_the_target() -> None:
    sizes = [(1024, 1024)] * 300
    plan = recommend(inputs(sizes, target_steps=200))
    assert (plan.schedule.batch_size, plan.schedule.steps) == (2, 200)
    with pytest.raises(PlanError, match="fewer than one epoch"):
        recommend(inputs(sizes, target_steps=200, batch_size=1))
