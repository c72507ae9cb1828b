"""Every registered trainer obeys the protocol, and its counts add up."""

from __future__ import annotations

from dataclasses import replace
from math import isclose

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import TrainerError
from curate.trainers import BASES, TRAINERS, Steps, get, steps
from curate.trainers.base import Save, Size

every_trainer = pytest.mark.parametrize("name", TRAINERS)
sizes = st.lists(st.tuples(st.integers(200, 3000), st.integers(200, 3000)), min_size=1, max_size=25)


def usual(pictures: list[Size], name: str, **more: object) -> Steps | None:
    """The answer with curate's options; None where the trainer refuses the batch."""
    given = {"repeats": 2, "batch_size": 2, "epochs": 3, "resolution": 1024, **more}
    try:
        return steps(pictures, name, options=get(name).curate_options(1024, BASES["sdxl"]), **given)  # type: ignore[arg-type]
    except TrainerError:
        if name != "simpletuner":
            raise
        return None


@every_trainer
def test_a_trainer_names_itself_its_source_and_its_options(name: str) -> None:
    trainer = get(name)
    assert trainer.name == name
    assert "/" in trainer.source
    assert trainer.fields.batch_size
    assert trainer.notes.exif
    for base in BASES.values():
        assert set(trainer.curate_options(base.resolution, base)) <= set(trainer.options)
    save = Save(unit="epochs", epoch=4, step=760, ended=False, epoch_batches=190, epoch_steps=190)
    assert trainer.checkpoint("sks", save) != trainer.checkpoint("sks", replace(save, ended=True))


def test_an_unknown_trainer_names_the_choices() -> None:
    with pytest.raises(TrainerError, match=r"Choose one of: kohya, onetrainer"):
        get("koyha")


@every_trainer
@settings(max_examples=25, deadline=None)
@given(pictures=sizes, repeats=st.integers(1, 12), batch=st.integers(1, 6))
def test_totals_add_up(name: str, pictures: list[Size], repeats: int, batch: int) -> None:
    answer = usual(pictures, name, repeats=repeats, batch_size=batch)
    if answer is None:
        return
    entries = sum(answer.buckets.values())
    assert entries == repeats * len(pictures)
    kept = entries - sum(answer.dropped.values()) + sum(answer.padded.values())
    assert isclose(kept, answer.samples_per_epoch, abs_tol=1e-6)
    assert answer.samples_per_epoch <= answer.batches_per_epoch * batch
    assert len(answer.bucket_of_picture) == len(pictures)
    assert all(bucket in answer.buckets for bucket in answer.bucket_of_picture)
    assert all(0 < n <= repeats for n in answer.dropped.values())
    assert answer.steps == 3 * answer.steps_per_epoch


@every_trainer
@settings(max_examples=25, deadline=None)
@given(pictures=sizes, batch=st.integers(1, 6))
def test_more_repeats_never_make_fewer_batches(name: str, pictures: list[Size], batch: int) -> None:
    counts = [usual(pictures, name, repeats=repeats, batch_size=batch) for repeats in range(1, 9)]
    known = [answer.batches_per_epoch for answer in counts if answer]
    assert known == sorted(known)


@every_trainer
def test_the_order_of_the_pictures_changes_nothing_but_the_order(name: str) -> None:
    pictures = [(1024, 1024), (832, 1216), (3000, 2000), (640, 480), (832, 1216)]
    there, back = usual(pictures, name, batch_size=1), usual(pictures[::-1], name, batch_size=1)
    assert there is not None
    assert back is not None
    assert there.bucket_of_picture == back.bucket_of_picture[::-1]
    assert there.steps == back.steps


@every_trainer
def test_nothing_left_is_zero_with_a_warning(name: str) -> None:
    answer = steps([], name, repeats=1, batch_size=1, resolution=1024, epochs=1)
    assert answer.steps == answer.batches_per_epoch == 0
    assert any("Nothing is left" in warning for warning in answer.warnings)


@every_trainer
@pytest.mark.parametrize(
    "wrong",
    [
        {"options": {"colour": 1}},
        {"repeats": 0},
        {"repeats": [1, 1]},
        {"batch_size": 0},
        {"epochs": 0},
        {"gradient_accumulation": 0},
        {"processes": -1},
        {"resolution": "big"},
    ],
)
def test_wrong_settings_are_refused_in_one_line(name: str, wrong: dict[str, object]) -> None:
    given = {"repeats": 1, "batch_size": 1, "epochs": 1, "resolution": 1024, **wrong}
    with pytest.raises(TrainerError) as caught:
        steps([(1024, 1024)], name, **given)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(name)


@every_trainer
def test_a_picture_without_size_is_refused(name: str) -> None:
    with pytest.raises(TrainerError, match="no picture size"):
        steps([(0, 5)], name, repeats=1, batch_size=1, resolution=1024, epochs=1)


SQUARES = [(1024, 1024)] * 12


def squares(name: str, **more: object) -> Steps:
    return steps(SQUARES, name, **{"repeats": 1, "batch_size": 2, "resolution": 1024, **more})  # type: ignore[arg-type]


def test_without_epochs_and_steps_the_hidden_defaults_hold() -> None:
    assert {name: squares(name).steps for name in TRAINERS} == {
        "kohya": 1600,
        "onetrainer": 600,
        "ai-toolkit": 1000,
        "simpletuner": 6,
        "diffusion-pipe": 6,
        "musubi": 1600,
        "diffusers": 6,
    }
    assert any("1600" in warning for warning in squares("kohya").warnings)


def test_max_train_steps_cuts_the_last_epoch() -> None:
    for name in ("kohya", "musubi", "simpletuner", "diffusion-pipe", "diffusers", "ai-toolkit"):
        answer = squares(name, max_train_steps=20)
        assert (answer.steps, answer.epochs) == (20, 4), name
    with pytest.raises(TrainerError, match="epochs"):
        squares("onetrainer", max_train_steps=20)


def test_an_open_accumulation_goes_on_where_the_trainer_counts_through() -> None:
    assert squares("onetrainer", epochs=3, gradient_accumulation=4).steps == 18 // 4
    assert squares("ai-toolkit", epochs=3, gradient_accumulation=4).steps == 5
    assert squares("kohya", epochs=3, gradient_accumulation=4).steps == 3 * 2


def test_repeats_of_their_own_split_the_buckets_only_where_the_trainer_does() -> None:
    own = [1] * 6 + [2] * 6  # 6 and 12 entries of one shape, batch 4
    batches = {}
    for name in TRAINERS:
        if name == "diffusers":
            with pytest.raises(TrainerError, match="one number"):
                squares(name, repeats=own, batch_size=4, epochs=1)
        else:
            batches[name] = squares(name, repeats=own, batch_size=4, epochs=1).batches_per_epoch
    assert batches["kohya"] == 5  # 18 entries together
    assert batches["onetrainer"] == batches["diffusion-pipe"] == 4
    assert batches["musubi"] == batches["ai-toolkit"] == batches["simpletuner"] == 2 + 3


def test_fractions_of_a_repeat_where_they_are_known() -> None:
    assert squares("onetrainer", repeats=2.5, epochs=1, batch_size=1).batches_per_epoch == 30
    assert squares("diffusion-pipe", repeats=0.25, epochs=1, batch_size=1).batches_per_epoch == 3
    with pytest.raises(TrainerError, match="whole number"):
        squares("kohya", repeats=2.5)


def test_regularisation_by_each_trainers_rule() -> None:
    extra = [((1024, 1024), 1)] * 5
    alone = {name: squares(name, epochs=1, batch_size=1).batches_per_epoch for name in TRAINERS}
    mixed = {name: squares(name, epochs=1, batch_size=1, regularisation=extra) for name in TRAINERS}
    assert set(alone.values()) == {12}
    assert mixed["kohya"].batches_per_epoch == 24
    assert mixed["kohya"].regularisation_repeats == (3, 3, 2, 2, 2)
    assert mixed["ai-toolkit"].batches_per_epoch == 24
    assert mixed["onetrainer"].batches_per_epoch == mixed["simpletuner"].batches_per_epoch == 17
    assert mixed["diffusers"].batches_per_epoch == 12
    many = squares("diffusers", epochs=1, batch_size=1, regularisation=[((1024, 1024), 1)] * 100)
    assert many.batches_per_epoch == 100
    assert any("no regularisation" in warning for warning in mixed["musubi"].warnings)
    assert len(mixed["kohya"].bucket_of_picture) == 12


def test_kohya_crashes_at_a_side_under_a_step_only_without_upscaling() -> None:
    more = {"repeats": 1, "batch_size": 1, "resolution": 1024, "epochs": 1}
    options = {"enable_bucket": True, "max_bucket_reso": 2048}
    assert steps([(40, 500)], "kohya", options=options, **more).steps == 1  # type: ignore[arg-type]
    with pytest.raises(TrainerError, match="40x500"):
        steps([(40, 500)], "kohya", options={**options, "bucket_no_upscale": True}, **more)  # type: ignore[arg-type]


def test_simpletuner_refuses_what_it_cannot_fill_and_says_how_many_passes_it_wants() -> None:
    more = {"batch_size": 4, "resolution": 1024, "epochs": 1}
    pictures = [(1024, 1024)] * 8 + [(832, 1216)]
    with pytest.raises(TrainerError, match=r"ratio 0.68.*4 passes"):
        steps(pictures, "simpletuner", repeats=1, **more)  # type: ignore[arg-type]
    assert steps(pictures, "simpletuner", repeats=4, **more).batches_per_epoch == 9  # type: ignore[arg-type]
    pruned = steps(pictures, "simpletuner", repeats=1, options={"minimum_image_size": 64}, **more)  # type: ignore[arg-type]
    assert pruned.dropped == {8: 1}
    assert pruned.bucket_of_picture[8] == (832, 1216)
    small = steps(pictures, "simpletuner", repeats=1, options={"minimum_image_size": 1020}, **more)  # type: ignore[arg-type]
    assert small.bucket_of_picture[8] is None


def test_simpletuner_means_the_usual_squares_by_round_areas() -> None:
    more = {"repeats": 1, "batch_size": 1, "epochs": 1, "options": {"resolution_type": "area"}}
    pictures = [(1024, 1024), (832, 1216)]
    half = steps(pictures, "simpletuner", resolution=0.5, **more)  # type: ignore[arg-type]
    assert half.bucket_of_picture == ((768, 768), (576, 832))
    with pytest.raises(TrainerError, match="megapixels"):
        steps(pictures, "simpletuner", resolution=1024, **more)  # type: ignore[arg-type]


def test_every_resolution_counts_in_diffusion_pipe_and_a_fourth_is_refused() -> None:
    more = {"repeats": 1, "batch_size": 2, "epochs": 1, "resolution": 1024}
    two = steps(SQUARES, "diffusion-pipe", options={"resolutions": [512, 1024]}, **more)  # type: ignore[arg-type]
    assert two.buckets == {(512, 512): 12, (1024, 1024): 12}
    assert two.steps == 12
    with pytest.raises(TrainerError, match="4 resolutions"):
        steps(SQUARES, "diffusion-pipe", options={"resolutions": [256, 512, 768, 1024]}, **more)  # type: ignore[arg-type]


def test_processes_share_the_batches() -> None:
    answers = {name: squares(name, epochs=2, processes=2, batch_size=2) for name in TRAINERS}
    assert {name: answer.steps for name, answer in answers.items()} == dict.fromkeys(TRAINERS, 6)
    assert all(answer.batches_per_epoch == 6 for answer in answers.values())


def test_unused_regularisation_is_said() -> None:
    answer = squares("kohya", epochs=1, regularisation=[((1024, 1024), 1)] * 20)
    assert answer.regularisation_repeats == (1,) * 12 + (0,) * 8
    assert any("never used: 8" in warning for warning in answer.warnings)


@every_trainer
def test_a_resolution_that_no_trainer_survives_is_refused_in_words(name: str) -> None:
    if name == "simpletuner":
        pytest.skip("its resolution may be in megapixels, which has a check of its own")
    with pytest.raises(TrainerError, match="resolution 50 is under 64 px"):
        steps([(1024, 1024)], name, repeats=1, batch_size=1, resolution=50)


@pytest.mark.parametrize(
    ("name", "more", "says"),
    [
        ("onetrainer", {"repeats": float("nan")}, "repeats is nan"),
        ("kohya", {"repeats": float("inf")}, "repeats is inf"),
        ("diffusion-pipe", {"options": {"resolutions": []}}, "resolutions is empty"),
        ("diffusion-pipe", {"options": {"enable_ar_bucket": True, "ar_buckets": ["wide"]}}, "'wide' in ar_buckets"),
        (
            "diffusion-pipe",
            {"options": {"enable_ar_bucket": True, "ar_buckets": [[512, 0]]}},
            r"\[512, 0\] in ar_buckets",
        ),
        ("kohya", {"options": {"enable_bucket": True, "min_bucket_reso": 32}}, "below bucket_reso_steps 64"),
    ],
)
def test_values_that_mean_nothing_are_refused_in_words(name: str, more: dict[str, object], says: str) -> None:
    with pytest.raises(TrainerError, match=says):
        steps([(1024, 1024)], name, **{"repeats": 1, "batch_size": 1, "resolution": 1024, **more})  # type: ignore[arg-type]


def test_a_fraction_of_balancing_is_said_to_move_on() -> None:
    said = steps([(1024, 1024)] * 5, "onetrainer", repeats=1.5, batch_size=1, resolution=1024, epochs=1).warnings
    assert any("moves on each epoch" in one for one in said)
    assert not steps([(1024, 1024)] * 5, "onetrainer", repeats=2, batch_size=1, resolution=1024, epochs=1).warnings
