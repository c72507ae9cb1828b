"""The repetition law, its bands and its honesty."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import PlanError
from curate.plan import PlanInputs, PlanSettings, as_json, recommend
from curate.plan.constants import SUBJECT_EXPOSURES
from curate.plan.exposure import judge, verdict_at

SQUARE = (1024, 1024)


def plan_of(count: int, effective: float, **settings: object):  # type: ignore[no-untyped-def]
    return recommend(
        PlanInputs(
            sizes=(SQUARE,) * count,
            effective_images=effective,
            low=effective * 0.9,
            high=effective * 1.1,
            settings=PlanSettings(**settings),  # type: ignore[arg-type]
        )
    )


@pytest.mark.parametrize(
    ("samples", "diversity", "expected"),
    [
        (999, 20, "under_trained"),
        (1000, 20, "sound"),
        (2000, 20, "sound"),
        (2001, 20, "risk"),
        (4000, 20, "risk"),
        (4001, 20, "overfit_likely"),
        (450, 8, "under_trained"),  # fewer than teach anything, though not too often
        (900, 5, "risk"),  # too few and too often at once: the harm is named
    ],
)
def test_the_bands_are_at_half_once_and_twice_the_cap(samples: float, diversity: float, expected: str) -> None:
    assert verdict_at(samples, diversity, 100, 100) == expected


def test_a_verdict_is_uncertain_only_where_the_exponents_decide() -> None:
    def verdict(samples: float, diversity: float, rate: float = 1e-4) -> str:
        return judge(samples, diversity, rate, SUBJECT_EXPOSURES, 1.0).verdict

    assert verdict(1500, 20) == "sound"
    assert verdict(100 * 150, 100) == "uncertain"  # 150 exposures: a risk if a = 0, sound if a = .36
    assert verdict(100 * 70, 100) == "sound"  # the edge of under-trained does not grow with the set
    assert verdict(100 * 20, 100) == "under_trained"
    assert verdict(100 * 900, 100) == "overfit_likely"
    assert verdict(20 * 150, 20, 5e-5) == "uncertain"  # half the rate: the cap is 200 or 141


@given(st.floats(1, 1e6), st.floats(1, 1000), st.floats(1e-6, 1e-2))
def test_more_different_pictures_never_make_it_worse(samples: float, diversity: float, rate: float) -> None:
    order = ["under_trained", "sound", "risk", "overfit_likely"]

    def worst(d: float) -> int:
        return max(order.index(v) for v in judge(samples, d, rate, SUBJECT_EXPOSURES, 1.0).between)

    assert worst(diversity * 1.5) <= worst(diversity)


def test_window_empty_below_ten_effective_images() -> None:
    assert judge(1000, 9.9, 1e-4, SUBJECT_EXPOSURES, 1.0).window_empty
    assert not judge(1000, 10.1, 1e-4, SUBJECT_EXPOSURES, 1.0).window_empty


def test_exposures_are_samples_over_files_and_over_different_pictures() -> None:
    plan = plan_of(40, 25.0, epochs=10, repeats=5, batch_size=2)
    assert plan.schedule.samples == 2000
    assert plan.exposures.per_file == 50
    assert plan.exposures.per_effective_image == 80


def test_exposures_use_what_the_trainer_draws() -> None:
    asked: list[Sequence[float]] = []

    def sampled(draws: Sequence[float]) -> float:
        asked.append(draws)
        return 1 / sum(p * p for p in draws)

    plan = recommend(
        PlanInputs(
            sizes=(*(SQUARE,) * 4, (640, 480)),
            effective_images=5,
            low=5,
            high=5,
            sampled_diversity=sampled,
            settings=PlanSettings(trainer="onetrainer", epochs=100, repeats=1, batch_size=2),
        )
    )
    assert asked[0] == [0.25, 0.25, 0.25, 0.25, 0]  # the odd shape never fills a batch
    assert plan.exposures.sampled_diversity == 4


def test_the_largest_batch_that_stays_sound_is_chosen() -> None:
    assert plan_of(100, 35.0, target_steps=1000).schedule.batch_size == 2
    assert plan_of(20, 6.0, target_steps=1000).schedule.batch_size == 1


def test_half_the_effective_rate_allows_twice_the_exposures_and_alpha_cancels() -> None:
    usual = plan_of(40, 25.0, target_steps=1000, batch_size=1)
    slow = plan_of(40, 25.0, target_steps=1000, batch_size=1, learning_rate=5e-5)
    cancelled = plan_of(40, 25.0, target_steps=1000, batch_size=1, learning_rate=5e-5, rank=16, alpha=32)
    assert slow.judgement.cap == 2 * usual.judgement.cap
    assert cancelled.judgement == usual.judgement


def test_too_often_brings_remedies_with_numbers_and_sound_brings_none() -> None:
    often = plan_of(20, 12.0, target_steps=4000, batch_size=1)
    assert often.judgement.verdict == "overfit_likely"
    named = {remedy.what: remedy for remedy in often.remedies}
    assert named["fewer steps"].value == 1200
    assert named["more different pictures"].value == 28
    assert named["lower learning rate"].value == pytest.approx(1e-4 * 1200 / 4000)
    assert plan_of(20, 20.0, target_steps=1500, batch_size=1).remedies == ()


def test_three_saved_files_lie_in_the_sound_range() -> None:
    plan = plan_of(40, 20.0, target_steps=4000, batch_size=1)
    first, last = plan.judgement.sound_steps
    inside = [c for c in plan.checkpoints if first <= c.step <= last]
    assert len(inside) >= 3
    assert 1 <= sum(c.look_first for c in plan.checkpoints) <= 2
    assert all(c in inside for c in plan.checkpoints if c.look_first)
    assert plan.checkpoints[-1].step == plan.schedule.steps


def test_the_json_is_plain_and_says_the_same() -> None:
    plan = plan_of(20, 12.0, target_steps=4000, batch_size=1)
    document = json.loads(json.dumps(as_json(plan)))
    assert document["plan"]["steps"] == plan.schedule.steps
    assert document["exposures"]["per_effective_image"] == plan.exposures.per_effective_image
    assert document["verdict"] == "overfit_likely"
    assert {"target_steps", "plan", "exposures", "verdict", "range", "alternatives", "remedies", "warnings"} <= set(
        document
    )


def test_too_few_samples_of_too_few_pictures_asks_for_pictures_not_steps() -> None:
    plan = plan_of(6, 5.0, epochs=10, repeats=5, batch_size=1)
    assert (plan.judgement.verdict, plan.judgement.window_empty) == ("under_trained", True)
    assert [remedy.what for remedy in plan.remedies] == ["more different pictures"]


def test_too_few_samples_of_many_pictures_asks_for_steps() -> None:
    plan = plan_of(60, 50.0, epochs=10, repeats=1, batch_size=1)
    assert plan.judgement.verdict == "under_trained"
    assert [(remedy.what, remedy.value) for remedy in plan.remedies] == [("more steps", 2500)]


def test_an_unknown_preset_names_the_choices() -> None:
    with pytest.raises(PlanError, match="character, face, style, object"):
        plan_of(6, 5.0, epochs=10, preset="dog")


def test_a_style_is_seen_half_as_often() -> None:
    style = plan_of(40, 25.0, target_steps=1000, batch_size=1, preset="style")
    assert style.judgement.cap == 50
