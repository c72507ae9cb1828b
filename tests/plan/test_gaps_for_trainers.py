"""A plan names the views that its set lacks; for a trainer that mirrors pictures left and right are one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from curate import diversity
from curate.plan import PlanSettings, read_config, with_config
from curate.records import View
from curate.stages import inputs

RIGHT = (0, 45, 90, 135, 180)  # degrees: every view of the right side, none of the left


@pytest.fixture
def turned(samples):  # type: ignore[no-untyped-def]
    """The sample set, as if its photographs showed the right side alone."""
    views = [
        View(yaw_deg=float(RIGHT[row % 5]), pitch_deg=0.0, confidence=0.9, framing="close_up", sources=("face",))
        for row in range(len(samples.catalog.pictures))
    ]
    seen = replace(samples, views=tuple(views))
    covered = diversity.coverage.measure(inputs.coverage_inputs(seen, "character", False))
    return replace(seen, coverage=covered)


def named(turned, **given: object) -> set[str]:  # type: ignore[no-untyped-def]
    settings = PlanSettings(target_steps=1000, **given)  # type: ignore[arg-type]
    return {gap.name for gap in inputs.plan_inputs(turned, settings).gaps if gap.kind == "view"}


def test_views_that_lack_are_told_to_the_plan_in_order_of_worth(turned) -> None:  # type: ignore[no-untyped-def]
    assert named(turned) == {"front left", "left side", "rear left"}
    worths = [gap.worth for gap in inputs.plan_inputs(turned, PlanSettings(target_steps=1000)).gaps]
    assert worths == sorted(worths, reverse=True)


def test_a_trainer_that_mirrors_needs_one_side_alone(turned) -> None:  # type: ignore[no-untyped-def]
    assert named(turned, trainer="ai-toolkit", options={"flip_x": True}) == set()
    assert named(turned, trainer="ai-toolkit", options={"flip_x": False}) == {"front left", "left side", "rear left"}
    assert named(turned, flips=True) == set()


def test_views_that_were_not_measured_are_no_gaps(samples) -> None:  # type: ignore[no-untyped-def]
    assert inputs.plan_inputs(samples, PlanSettings(target_steps=1000)).gaps == ()
    assert inputs.plan_inputs(replace(samples, coverage=None), PlanSettings(target_steps=1000)).gaps == ()


KOHYA = '[general]\n{}\n[[datasets]]\n[[datasets.subsets]]\nimage_dir = "a"\n{}\n'
CONFIGS = {  # name: (trainer, file name, text, whether it mirrors)
    "kohya, all": ("kohya", "a.toml", KOHYA.format("flip_aug = true", ""), True),
    "kohya, a subset": ("kohya", "a.toml", KOHYA.format("", "flip_aug = true"), True),
    "kohya, none": ("kohya", "a.toml", KOHYA.format("flip_aug = false", ""), False),
    "kohya's training": ("kohya", "t.toml", "max_train_steps = 900\nflip_aug = true\n", True),
    "onetrainer": (
        "onetrainer",
        "c.json",
        json.dumps({"concepts": [{"path": "a", "image": {"enable_random_flip": True}}]}),
        True,
    ),
    "onetrainer, none": ("onetrainer", "c.json", json.dumps({"concepts": [{"path": "a", "image": {}}]}), False),
    "ai-toolkit": (
        "ai-toolkit",
        "c.yaml",
        "config:\n  process:\n    - datasets:\n        - folder_path: a\n          flip_x: true\n",
        True,
    ),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_configuration_that_mirrors_is_heeded(turned, tmp_path: Path, case: str) -> None:  # type: ignore[no-untyped-def]
    trainer, name, text, mirrors = CONFIGS[case]
    (tmp_path / name).write_text(text, encoding="utf-8")
    config = read_config(tmp_path / name, trainer)
    settings = with_config(PlanSettings(trainer=trainer, target_steps=1000), config)
    gaps = inputs.plan_inputs(turned, settings).gaps
    assert ("left side" not in {gap.name for gap in gaps}) is mirrors


def test_weights_still_add_up_when_folded(turned) -> None:  # type: ignore[no-untyped-def]
    folded = diversity.coverage.measure(inputs.coverage_inputs(turned, "character", True))
    assert folded.yaw.sum() == pytest.approx(np.sum(turned.coverage.yaw))
    assert len(folded.yaw) == 5
