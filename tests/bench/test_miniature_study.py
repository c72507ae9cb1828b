"""The study in miniature (bench/repetition.py), on noise instead of digits: how runs are made, kept and read."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from digits.curves import curve
from digits.model import UNet, add_lora, flow_loss
from digits.pictures import SETS, Digits, build
from digits.prediction import spearman
from digits.ruler import Ruler
from digits.study import FULL, QUICK, finished, runs
from digits.training import LANDMARKS, Change, HeldOut, Material, Run, known, train


@pytest.fixture(scope="module")
def digits() -> Digits:
    rng = torch.Generator().manual_seed(0)
    return Digits(torch.rand(5000, 1, 32, 32, generator=rng), torch.arange(5000) % 10)


@pytest.fixture(scope="module")
def material(digits: Digits) -> Material:
    torch.manual_seed(0)
    held_out = HeldOut(digits, 3)
    files = build("10 different", digits.of(3, held_out=False), 0).files
    return Material(UNet().eval(), held_out, files, None, known(digits))


RUN = Run(digit=3, seed=0, pictures="10 different", change="usual", cap=100, least=100)


def test_a_run_gives_the_same_losses_again_and_leaves_the_base_model_as_it_was(material: Material) -> None:
    before = material.held_out(material.base)
    first, second = (train(RUN, material, Change()) for _ in range(2))
    assert first.loss == second.loss
    assert first.loss[0] == before == material.held_out(material.base)
    assert len(set(first.loss)) > 2


def test_a_run_cut_short_is_the_run_with_the_smaller_cap(material: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digits.training.LANDMARKS", (60,))
    long = train(RUN, material, Change())
    short = train(replace(RUN, cap=60, least=60), material, Change())
    assert long.until(60).loss == short.loss
    assert long.answers(short)
    assert not short.answers(long)


def test_lora_changes_nothing_at_first_and_leaves_only_itself_to_train(material: Material) -> None:
    torch.manual_seed(0)
    model = UNet().eval()
    pictures, label = material.files, torch.full((10,), 10)
    t, noise = torch.full((10,), 0.5), torch.ones(10, 1, 16, 16)
    before = flow_loss(model, pictures, label, t, noise).item()
    added = add_lora(model, 8.0, torch.Generator().manual_seed(0))
    assert flow_loss(model, pictures, label, t, noise).item() == pytest.approx(before, rel=1e-5)
    assert {id(p) for p in model.parameters() if p.requires_grad} == {id(p) for p in added}


def test_the_optimum_of_a_parabola_is_found_under_noise() -> None:
    samples = [0, *(round(40 * 2 ** (k / 4)) for k in range(40))]
    noise = np.random.default_rng(0).normal(0, 0.001, len(samples))
    loss = [0.3, *(0.2 + 0.01 * np.log2(s / 1280) ** 2 + n for s, n in zip(samples[1:], noise[1:], strict=True))]
    found = curve(replace(RUN, samples=samples, loss=loss))
    assert 1280 / 2**0.5 <= found.optimum <= 1280 * 2**0.5
    assert found.known
    assert found.nearly() < found.optimum < found.past()


def test_a_line_that_was_cut_off_counts_as_not_run(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    line = json.dumps(replace(RUN, samples=[0, 100], loss=[0.3, 0.2]).record())
    path.write_text(f"{line}\n{line[:-20]}", encoding="utf-8")
    assert [run.samples for run in finished(path)] == [[0, 100]]


def test_every_quick_run_is_one_of_the_full_study_and_no_longer() -> None:
    full = {(run.digit, run.seed, run.pictures, run.change): run for run in runs(FULL)}
    for run in runs(QUICK):
        longer = full[run.digit, run.seed, run.pictures, run.change]
        assert run.cap in LANDMARKS
        assert run.cap <= longer.cap
        assert run.least == longer.least


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_never_more_diverse_than_its_files(name: str, digits: Digits) -> None:
    chosen = build(name, digits.of(3, held_out=False), 0)
    reading = Ruler(lambda pictures: pictures + 1, 0.01).read(chosen)
    assert 1 <= reading.sampled <= reading.effective + 1e-6
    assert reading.effective <= reading.files == len(chosen.photograph)


def test_held_out_pictures_are_in_no_set(digits: Digits) -> None:
    held_out = {picture.numpy().tobytes() for picture in digits.of(3, held_out=True)}
    assert not held_out & {picture.numpy().tobytes() for picture in digits.of(3, held_out=False)}
    assert len(held_out) == 100


def test_ranks_share_ties_and_reach_one() -> None:
    assert spearman(np.array([1.0, 2, 3]), np.array([1.0, 4, 9])) == pytest.approx(1)
    assert spearman(np.array([1.0, 1, 2, 2]), np.array([1.0, 2, 3, 4])) == pytest.approx(0.8944, abs=1e-4)
    assert np.isnan(spearman(np.array([1.0, 1, 1]), np.array([1.0, 2, 3])))
