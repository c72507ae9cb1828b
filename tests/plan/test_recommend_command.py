"""`curate recommend` as a user runs it: the explanation in the JSON, and refusals of one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import curate
from curate.cli import app
from curate.output import Settings
from curate.plan import PlanSettings


@pytest.fixture
def recommend(samples, sample_folder: Path, sample_cache: Path):  # type: ignore[no-untyped-def]
    def call(*arguments: object):  # type: ignore[no-untyped-def]
        fixed = ("--model", "builtin", "--offline", "--views", "off", "--cache", sample_cache)
        return CliRunner().invoke(app, ["recommend", *map(str, (sample_folder, *arguments, *fixed))])

    return call


def test_json_and_explain_together_give_the_explanation_in_the_json(recommend) -> None:  # type: ignore[no-untyped-def]
    plain = json.loads(recommend("--target-steps", 1000, "--json").stdout)
    assert "explanation" not in plain
    both = json.loads(recommend("--target-steps", 1000, "--json", "--explain").stdout)
    assert both.pop("explanation")[0]["question"] == "What are epoch, batch and iteration?"
    assert both == plain


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--target-steps", 10, "--batch-size", 1), "fewer than one epoch"),
        (("--target-steps", 10_000_000), "more than 100 repeats and 50 epochs"),
        (("--batch-size", 40), "does not fit a set of 17 pictures"),
        (("--target-steps", 1000, "--epochs", 3), "not both"),
        (("--repeats", 3), "Give them with epochs"),
        (("--resolution", 50), "under 64 px"),
        (("--lr", 0), "trains nothing"),
        (("--lr", "nan"), "trains nothing"),
        (("--lr", "inf"), "trains nothing"),
        (("--alpha", "nan"), "trains nothing"),
        (("--epochs", 3, "--repeats", "nan"), "repeats is nan"),
        (("--epochs", 3, "--repeats", "inf"), "repeats is inf"),
        (("--target-steps", 10**23, "--trainer", "ai-toolkit"), "more than 10,000,000"),
        (("--epochs", 10**12), "more than 10,000,000 steps"),
        (("--trainer", "koyha"), "Choose one of"),
        (("--trainer-config", "none.toml"), "cannot be read"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_1(recommend, arguments: tuple[object, ...], says: str) -> None:  # type: ignore[no-untyped-def]
    done = recommend(*arguments)
    assert done.exit_code == 1
    assert says in done.stderr
    assert done.stderr.strip().count("\n") == 0


@pytest.mark.parametrize(
    ("trainer", "file", "says"),
    [
        ("kohya", "how-to-start.txt", "--save_every_n_steps {every}"),
        ("musubi", "how-to-start.txt", "--save_every_n_steps {every}"),
        ("onetrainer", "config.json", '"save_every": {batches},\n  "save_every_unit": "STEP"'),
        ("simpletuner", "config.json", '"--checkpoints_total_limit": {files}'),
        ("ai-toolkit", "config.yaml", "max_step_saves_to_keep: 1"),
    ],
)
def test_the_export_saves_as_the_plan_says_and_keeps_every_file(  # type: ignore[no-untyped-def]
    samples, tmp_path: Path, trainer: str, file: str, says: str
) -> None:
    base = "qwen" if trainer == "musubi" else "sdxl"
    settings = PlanSettings(
        trainer=trainer, epochs=3, repeats=100, batch_size=1, gradient_accumulation=2, base=base, learning_rate=1e-4
    )
    plan = curate.recommend(samples, settings)
    assert plan.save_unit == "steps"
    curate.export(samples, tmp_path / "set", Settings(trainer=trainer), plan=settings)
    written = (tmp_path / "set" / file).read_text(encoding="utf-8")
    assert says.format(every=plan.save_every, batches=2 * plan.save_every, files=len(plan.checkpoints)) in written
    assert "save_every_n_epochs" not in written
