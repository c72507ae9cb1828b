"""Saved files: at least three in the sound range, under the names that the trainers give them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.plan import Plan, PlanInputs, PlanSettings, as_json, page, recommend
from curate.plan.constants import MOST_SAVES
from curate.trainers import TRAINERS, get


def planned(pictures: int, **given: object) -> Plan:
    """A set of different pictures of one size."""
    return recommend(
        PlanInputs(
            sizes=((1024, 1024),) * pictures,
            effective_images=pictures,
            low=pictures * 0.9,
            high=pictures,
            settings=PlanSettings(**{"batch_size": 1, **given}),  # type: ignore[arg-type]
        )
    )


def sound_files(plan: Plan) -> int:
    first, last = plan.judgement.sound_steps
    return sum(first <= one.step <= last for one in plan.checkpoints)


@pytest.mark.parametrize("trainer", TRAINERS)
@settings(max_examples=20, deadline=None)
@given(pictures=st.integers(6, 80), target=st.integers(600, 12_000), batch=st.sampled_from((1, 2)))
def test_a_run_beyond_its_sound_range_has_three_saved_files_in_it(
    trainer: str, pictures: int, target: int, batch: int
) -> None:
    plan = planned(pictures, trainer=trainer, target_steps=target, batch_size=batch)
    first, last = plan.judgement.sound_steps
    if plan.schedule.steps > last and last - first >= 2:
        assert sound_files(plan) >= 3
    assert plan.checkpoints[-1].step == plan.schedule.steps
    assert [one.step for one in plan.checkpoints] == sorted({one.step for one in plan.checkpoints})
    assert len({one.name for one in plan.checkpoints}) == len(plan.checkpoints)
    assert 1 <= sum(one.look_first for one in plan.checkpoints) <= 2


def test_kohya_saves_after_epochs_while_these_are_fine_enough_else_after_steps() -> None:
    fine = planned(30, target_steps=2400)
    assert fine.save_unit == "epochs"
    assert "save_every_n_epochs" in page(fine)
    coarse = planned(10, epochs=3, repeats=100)
    assert coarse.save_unit == "steps"
    assert sound_files(coarse) >= 3
    assert "save_every_n_steps = " in page(coarse)
    assert coarse.checkpoints[0].name == f"lora-step{coarse.save_every:08d}.safetensors"
    assert coarse.checkpoints[-1].name == "lora.safetensors"
    assert as_json(coarse)["plan"]["save_unit"] == "steps"


def test_the_last_file_of_kohya_has_the_name_alone_and_the_others_their_epoch() -> None:
    plan = planned(30, epochs=20, repeats=5)
    assert plan.save_unit == "epochs"
    names = [one.name for one in plan.checkpoints]
    assert names[0] == f"lora-{plan.save_every:06d}.safetensors"
    assert names[-1] == "lora.safetensors"


@pytest.mark.parametrize(
    ("accumulation", "name"),
    [
        (1, "<date>-save-450-3-0.safetensors"),  # 3 epochs of 30 pictures x 5
        (4, "<date>-save-452-3-2.safetensors"),  # 450 is no multiple of 4: it waits for two batches more
    ],
)
def test_onetrainer_names_count_batches_epochs_and_the_rest(accumulation: int, name: str) -> None:
    plan = planned(30, trainer="onetrainer", epochs=20, repeats=5, gradient_accumulation=accumulation)
    assert (plan.save_every, plan.save_unit) == (3, "epochs")
    assert plan.checkpoints[0].name == name
    assert plan.checkpoints[-1].name == "lora.safetensors"


def test_onetrainer_saves_after_batches_where_an_epoch_is_too_long() -> None:
    plan = planned(10, trainer="onetrainer", epochs=3, repeats=100, gradient_accumulation=2)
    assert plan.save_unit == "steps"
    assert f"save_every (save_every_unit STEP) = {2 * plan.save_every} (batches, which are" in " ".join(
        page(plan).split()
    )
    batches = 2 * plan.save_every
    assert plan.checkpoints[0].name == f"<date>-save-{batches}-0-{batches}.safetensors"
    alone = planned(10, trainer="onetrainer", epochs=3, repeats=100)
    assert alone.checkpoints[0].name == f"<date>-save-{alone.save_every - 1}-0-{alone.save_every - 1}.safetensors"


def test_diffusion_pipe_names_its_last_file_by_the_epoch_only_where_the_run_ends_with_one() -> None:
    assert planned(20, trainer="diffusion-pipe", target_steps=1000).checkpoints[-1].name == "epoch50"
    assert planned(30, trainer="diffusion-pipe", target_steps=1001).checkpoints[-1].name == "step1001"


def test_more_than_fifty_files_are_explained() -> None:
    plan = planned(6, target_steps=9000)
    assert len(plan.checkpoints) > MOST_SAVES
    assert sound_files(plan) >= 3
    assert f"stop it after step {plan.judgement.sound_steps[1]:,}" in " ".join(page(plan).split())


@pytest.mark.parametrize("trainer", TRAINERS)
def test_every_trainer_names_its_field_for_saving(trainer: str) -> None:
    fields = get(trainer).fields
    assert fields.save_every
    assert bool(fields.save_every_steps) == (get(trainer).budget == "epochs")
