"""Is the plan's search as near to its target as trying everything? One row a trainer.

    python -m bench.steps [--sets 1000] [--seed 0]

For each random set (4 to 40 pictures of mixed shapes, a batch of 1 to 4, accumulation 1 or 2, a target of 150 to 10,000
optimizer steps) every number of repeats from 1 to 100 is counted with every number of epochs from 3 to 50. `recommend`
must come as near, with the fewest repeats that do, and its steps must be those of `curate.steps`. Where the trainer
takes a limit in steps as its budget, or the target is less than three epochs at one repeat, it must meet the target
exactly. What it refuses must be out of reach: less than one epoch, more than the limits give, or nothing that trains.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from time import perf_counter

from curate.errors import CurateError, TrainerError
from curate.plan import PlanInputs, PlanSettings, recommend
from curate.trainers import TRAINERS, DataSet, Run, Subset, base, get, steps
from curate.trainers.base import Size
from curate.trainers.batching import lay_out

SHAPES: tuple[Size, ...] = ((1024, 1024), (832, 1216), (1216, 832), (768, 1344), (3000, 2000), (640, 480), (1500, 700))
REPEATS, EPOCHS = range(1, 101), range(3, 51)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    trainer: str
    sizes: tuple[Size, ...]
    target: int  # optimizer steps
    batch_size: int
    gradient_accumulation: int


def drawn(trainer: str, random: Random) -> Case:
    """A set and a question at random."""
    shapes = [*SHAPES, *((random.randint(400, 3000), random.randint(400, 3000)) for _ in range(3))]
    return Case(
        trainer=trainer,
        sizes=tuple(random.choices(shapes, k=random.randint(4, 40))),
        target=round(150 * (10_000 / 150) ** random.random()),
        batch_size=random.randint(1, 4),
        gradient_accumulation=random.randint(1, 2),
    )


def counted(case: Case) -> dict[int, tuple[int, ...]]:
    """For each number of repeats that trains anything: the steps of 0, 1, ... 50 epochs."""
    trainer = get(case.trainer)
    options = trainer.curate_options(1024, base("sdxl"))
    subset = Subset(pictures=tuple(range(len(case.sizes))))
    run = Run(
        sizes=case.sizes,
        data_sets=(DataSet(subsets=(subset,), resolution=1024, batch_size=case.batch_size, options=options),),
        gradient_accumulation=case.gradient_accumulation,
    )
    laid = lay_out(trainer, run)
    found = {}
    for repeats in REPEATS:
        try:
            epoch = trainer.epoch(laid, repeats)
        except TrainerError:
            continue
        found[repeats] = (0, *(trainer.total(replace(run, epochs=e), epoch).steps for e in range(1, EPOCHS[-1] + 1)))
    return {repeats: row for repeats, row in found.items() if row[-1]}


def really(case: Case, repeats: float, epochs: int) -> int:
    """Optimizer steps by `curate.steps`, from the pictures anew."""
    return steps(
        case.sizes,
        case.trainer,
        repeats=repeats,
        batch_size=case.batch_size,
        resolution=1024,
        epochs=epochs,
        gradient_accumulation=case.gradient_accumulation,
        options=get(case.trainer).curate_options(1024, base("sdxl")),
    ).steps


def disagreement(case: Case) -> str:
    """What is wrong with the plan of a case; "" where nothing is, "refused" where it is rightly refused."""
    table = counted(case)
    settings = PlanSettings(
        trainer=case.trainer,
        target_steps=case.target,
        batch_size=case.batch_size,
        gradient_accumulation=case.gradient_accumulation,
    )
    n = float(len(case.sizes))
    try:
        schedule = recommend(
            PlanInputs(sizes=case.sizes, effective_images=n, low=n, high=n, settings=settings)
        ).schedule
    except CurateError as error:
        return "refused" if _out_of_reach(case, table) else f"refused: {error}"
    if not table:
        return f"{schedule.steps} steps of a set that trains nothing"
    trainer, least = get(case.trainer), table[min(table)]
    if trainer.budget == "steps" or (trainer.fields.steps and case.target < least[EPOCHS[0]]):
        return "" if schedule.steps == case.target else f"{schedule.steps} steps, not exactly {case.target}"
    best = min((abs(row[e] - case.target), repeats) for repeats, row in table.items() for e in EPOCHS)
    if schedule.steps != really(case, schedule.repeats, schedule.epochs):
        return f"{schedule.steps} steps are not those of {schedule.repeats:g} repeats and {schedule.epochs} epochs"
    got = abs(schedule.steps - case.target), schedule.repeats
    return "" if got == best else f"off by {got[0]} at {got[1]} repeats, best {best[0]} at {best[1]}"


def _out_of_reach(case: Case, table: Mapping[int, tuple[int, ...]]) -> bool:
    if not table:
        return True
    most = max(row[-1] for row in table.values())
    return case.target < table[min(table)][1] or case.target > most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=1000, help="random sets a trainer")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    print(f"{'trainer':<16}{'sets':>6}{'refused':>9}{'disagree':>10}{'seconds':>9}")
    for trainer in TRAINERS:
        random, begun = Random(f"{trainer} {chosen.seed}"), perf_counter()
        found = [disagreement(drawn(trainer, random)) for _ in range(chosen.sets)]
        wrong = [text for text in found if text not in ("", "refused")]
        refused = found.count("refused")
        print(f"{trainer:<16}{chosen.sets:>6}{refused:>9}{len(wrong):>10}{perf_counter() - begun:>9.0f}", flush=True)
        for text in wrong[:5]:
            print(f"  {text}")


if __name__ == "__main__":
    main()
