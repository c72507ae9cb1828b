"""The explanations: their examples are true, and they carry this set's numbers."""

from __future__ import annotations

import doctest

from curate.plan import PlanInputs, PlanSettings, explain, recommend
from curate.plan.explanation import batches, updates


def test_the_examples_in_the_docstrings_hold() -> None:
    import curate.plan.explanation as explanation

    result = doctest.testmod(explanation)
    assert result.attempted >= 3
    assert result.failed == 0
    assert (batches(50_000, 256), updates(50_000, 256, 10)) == (196, 1960)


def test_the_answers_carry_the_numbers_of_the_set_in_80_columns() -> None:
    plan = recommend(
        PlanInputs(
            sizes=((1024, 1024),) * 33,
            effective_images=21.4,
            low=19.0,
            high=23.0,
            settings=PlanSettings(target_steps=1200, batch_size=1, learning_rate=2e-4, rank=32, alpha=16),
        )
    )
    printed = explain(plan)
    assert max(len(line) for line in printed.splitlines()) <= 80
    for words in ("CIFAR-10", "196", "1,960", "21.4", "33", "= 0.0001", "mini-batch"):
        assert words in printed, words
