"""The page: 80 columns, all sections, plain characters."""

from __future__ import annotations

import pytest

from curate.plan import PlanInputs, PlanSettings, recommend
from curate.plan.page import bar, page
from curate.plan.traps import shown
from curate.trainers import TRAINERS

SHAPES = ((1024, 1024), (832, 1216), (1216, 832), (768, 1344), (3000, 2000), (640, 480), (4000, 700))
PLAIN = set("×–·█░")


def text(count: int, effective: float, **settings: object) -> str:
    sizes = (SHAPES * count)[:count]
    return page(
        recommend(
            PlanInputs(
                sizes=sizes,
                paths=tuple(f"sub/a picture with a rather long name {i}\x1b[31m.png" for i in range(count)),
                effective_images=effective,
                low=effective * 0.9,
                high=effective * 1.1,
                settings=PlanSettings(**settings),  # type: ignore[arg-type]
            )
        )
    )


@pytest.mark.parametrize("trainer", TRAINERS)
@pytest.mark.parametrize(("target", "effective"), [(1000, 20.0), (5000, 12.0), (1000, 3.0), (300, 40.0)])
def test_the_page_fits_80_columns_for_every_trainer(trainer: str, target: int, effective: float) -> None:
    printed = text(42, effective, trainer=trainer, target_steps=target)
    assert max(len(line) for line in printed.splitlines()) <= 80
    assert all(ord(c) < 128 or c in PLAIN for c in printed)
    assert "\x1b" not in printed
    for section in ("Set this", "What happens", "What the trainer will do", "Which saved file", "How sure"):
        assert section in printed


def test_the_page_names_the_fields_of_the_trainer_and_the_true_steps() -> None:
    printed = text(20, 18.0, trainer="kohya", target_steps=1000, batch_size=1)
    assert "num_repeats" in printed
    assert "max_train_epochs" in printed
    assert "True steps: 1,000, exactly the target" in printed


def test_simpletuners_field_counts_extra_passes() -> None:
    plan_page = text(28, 20.0, trainer="simpletuner", target_steps=1000, batch_size=4)
    line = next(line for line in plan_page.splitlines() if line.strip().startswith("repeats "))
    extra, passes = int(line.split()[1]), int(line.split(":")[1].split()[0])
    assert passes == extra + 1


def test_an_empty_window_and_a_skewed_set_are_said() -> None:
    printed = text(30, 6.0, target_steps=1000)
    assert "No number of steps is sound" in printed
    skewed = page(
        recommend(
            PlanInputs(
                sizes=((1024, 1024),) * 100,
                effective_images=20,
                low=18,
                high=22,
                sampled_diversity=2.4,
                settings=PlanSettings(target_steps=1000),
            )
        )
    )
    assert "will behave like 2" in skewed


def test_the_mark_stands_over_its_band() -> None:
    for exposures, cell in ((10.0, "·"), (80.0, "█"), (150.0, "░"), (700.0, "·")):
        mark, cells, _ = bar(exposures, (50.0, 100.0), 100.0)
        assert cells[mark.index("v")] == cell


def test_long_names_keep_their_end_and_lose_control_characters() -> None:
    assert shown("a" * 40 + "end.png").endswith("aend.png")
    assert len(shown("a" * 40)) == 28
    assert shown("a\nb\x07") == "a?b?"
