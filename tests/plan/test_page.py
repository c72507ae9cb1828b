"""The page: 80 columns, all sections, plain characters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from curate.plan import LaidOut, PlanInputs, PlanSettings, recommend
from curate.plan.page import page
from curate.plan.page_effect import bar
from curate.plan.wording import shown
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


def test_the_verdict_stands_first() -> None:
    printed = text(20, 18.0, target_steps=1000, batch_size=1)
    assert printed.startswith(
        "Verdict: sound. Each different picture is seen 56 times; 50 to 100 is sound.\n\nSet this"
    )
    large = text(60, 55.0, target_steps=7000, batch_size=1)
    assert " ".join(large.split()).startswith(
        "Verdict: uncertain, sound or a risk of overfitting (it is open how much more a larger set bears)."
    )
    slow = text(15, 15.0, target_steps=2500, batch_size=1, learning_rate=5e-5)
    assert "it is open how much the learning rate changes" in " ".join(slow.split())


def test_one_of_a_kind_is_written_in_the_singular() -> None:
    printed = text(1, 1.0, target_steps=1)
    for wrong in ("1 samples", "1 files", "1 times", "1 exposures", "1 pictures", "1 batches", "1 steps", "1 epochs"):
        assert f" {wrong}" not in printed
    assert "too few to hold any out" in " ".join(text(1, 1.0, target_steps=1000).split())


def test_folders_with_repeats_of_their_own_are_named() -> None:
    many = tuple(LaidOut(pictures=(i,), repeats=i + 1, name=f"{i + 1}_{'long' * 10}{i}") for i in range(8))
    plan = recommend(
        PlanInputs(
            sizes=((1024, 1024),) * 8,
            effective_images=8,
            low=8,
            high=8,
            subsets=many,
            settings=PlanSettings(target_steps=1000, trainer="simpletuner", batch_size=1),
        )
    )
    rows = page(plan).splitlines()
    at = next(i for i, line in enumerate(rows) if line.startswith("  repeats"))
    assert rows[at].split() == [
        "repeats",
        f"{plan.schedule.subset_repeats[0] - 1:g}",
        "in",
        "...longlonglonglonglonglong0",
    ]
    assert rows[at + 6].strip() == "and 2 more folders, as --json lists them"
    assert plan.schedule.subset_names == tuple(one.name for one in many)


def test_a_set_that_no_number_of_steps_suits_saves_no_more_files_than_others() -> None:
    for trainer in TRAINERS:
        plan = recommend(
            PlanInputs(
                sizes=((1024, 1024),),
                effective_images=1,
                low=1,
                high=1,
                settings=PlanSettings(target_steps=4000, trainer=trainer),
            )
        )
        assert plan.judgement.window_empty
        assert len(plan.checkpoints) <= 50


def test_a_run_that_hardly_enters_its_sound_range_is_told_when_three_files_would_lie_in_it() -> None:
    settings = PlanSettings(target_steps=1010, batch_size=1, trainer="ai-toolkit")
    inputs = PlanInputs(sizes=((1024, 1024),) * 20, effective_images=20, low=19, high=20, settings=settings)
    said = next(line for line in page(recommend(inputs)).splitlines() if "ends soon after" in line)
    longer = int(said.split("with ")[1].split(" steps")[0].replace(",", ""))
    plan = recommend(replace(inputs, settings=replace(settings, target_steps=longer)))
    first, last = plan.judgement.sound_steps
    assert sum(first <= one.step <= last for one in plan.checkpoints) >= 3


def test_the_mark_stands_over_its_band() -> None:
    for exposures, cell in ((10.0, "·"), (80.0, "█"), (150.0, "░"), (700.0, "·")):
        mark, cells, _ = bar(exposures, (50.0, 100.0), 100.0)
        assert cells[mark.index("v")] == cell


def test_long_names_keep_their_end_and_lose_control_characters() -> None:
    assert shown("a" * 40 + "end.png").endswith("aend.png")
    assert len(shown("a" * 40)) == 28
    assert shown("a\nb\x07") == "a?b?"
