"""What --limit, --validation, --weights and --repeats do to an export."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from analyses import SIZES, analysis_of, drawn, star, view
from output_sets import draw
from PIL import Image
from test_layouts import BASE, Reader
from trainer_loaders import LOADERS

from curate import output, pipeline, trainers
from curate.errors import CurateError, ExportError, PlanError, TrainerError
from curate.output.scaling import smaller
from curate.output.shares import CLOSE, MOST, whole
from curate.plan import PlanSettings
from curate.records import Analysis
from curate.stages import exposures, selection

ALL = [name for name in output.LAYOUTS if name != "folder"]
WEIGHED = [name for name in ALL if name != "diffusers"]
NAMES = [f"p{number:02d}.png" for number in range(12)]
FAMILIES = [0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8]  # three look-alikes, two, and seven pictures by themselves
GROUPS = (star(0, 1, 2), star(3, 4))


@pytest.fixture
def alike(source: Path) -> Analysis:
    drawn(source, NAMES)
    return analysis_of(source, FAMILIES, GROUPS)


def exported(
    analysis: Analysis, to: Path, trainer: str, budget: dict[str, Any] | None = None, **settings: Any
) -> output.Written:
    plan = PlanSettings(**{"target_steps": 300, "batch_size": 1, "base": BASE.get(trainer, "sdxl"), **(budget or {})})
    return pipeline.export(analysis, to, output.Settings(trainer=trainer, **settings), plan=plan)


def paths(parts: tuple[Any, ...]) -> set[str]:
    return {placed.item.picture.path for part in parts for placed in part.pictures}


def told(written: output.Written) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(written.destination) / output.MANIFEST).read_text(encoding="ascii"))
    return found


# ---- weights


@pytest.mark.parametrize("trainer", WEIGHED)
def test_lookalikes_share_the_exposures_of_one_picture_and_the_steps_are_the_folders(
    alike: Analysis, tmp_path: Path, trainer: str
) -> None:
    written = exported(alike, tmp_path / "out", trainer, {"target_steps": 900}, weights=True)
    read = Reader(written)
    assert read.count(trainer).steps == written.draft.steps
    each = {placed.item.picture.path: part.repeats for part in written.draft.parts for placed in part.pictures}
    lone = each["p05.png"]
    assert sum(each[f"p0{number}.png"] for number in range(3)) == lone  # sixths hold halves and thirds
    assert each["p03.png"] + each["p04.png"] == lone
    assert {each[f"p{number:02d}.png"] for number in range(5, 12)} == {lone}
    assert sorted(repeats for _, repeats, _ in read.subsets) == sorted({lone, lone / 2, lone / 3})
    weighted = told(written)["made_from"]["selection"]["weighted"]
    assert weighted["drawn"] > weighted["drawn_before"]
    assert any("look-alikes share the exposures" in line for line in written.lines)


def test_a_target_is_met_with_weights_as_without(alike: Analysis, tmp_path: Path) -> None:
    written = exported(alike, tmp_path / "out", "kohya", {"target_steps": 1000}, weights=True)
    assert written.draft.steps is not None
    assert abs(written.draft.steps - 1000) <= 50
    assert Reader(written).count("kohya").steps == written.draft.steps


def test_rounding_is_shown_where_a_short_budget_forbids_a_longer_epoch(alike: Analysis, tmp_path: Path) -> None:
    written = exported(alike, tmp_path / "out", "kohya", {"target_steps": 60}, weights=True)
    weighted = written.draft.export.selection.weighted
    assert weighted is not None
    assert any(abs(one.given / one.wanted - 1) > 0.1 for one in weighted.shares)
    assert any("gets 0.50: whole repeats" in line for line in written.lines)


def test_folders_of_weights_are_told_apart_by_their_repeats(alike: Analysis, tmp_path: Path) -> None:
    kohya = exported(alike, tmp_path / "k", "kohya", weights=True)
    assert len({part.folder.split("_")[0] for part in kohya.draft.parts}) == 3
    other = exported(alike, tmp_path / "o", "onetrainer", weights=True)
    assert all(part.folder.endswith(f"-x{part.repeats:g}") for part in other.draft.parts)


def test_without_lookalikes_weights_say_that_they_change_nothing(source: Path, tmp_path: Path) -> None:
    drawn(source, NAMES[:4])
    written = exported(analysis_of(source, [0, 1, 2, 3]), tmp_path / "out", "kohya", weights=True)
    assert "no look-alikes among these pictures: --weights changes nothing" in written.lines


@pytest.mark.parametrize("trainer", ["diffusers", "folder"])
def test_weights_are_refused_where_all_pictures_are_drawn_alike(alike: Analysis, tmp_path: Path, trainer: str) -> None:
    with pytest.raises(TrainerError, match="--weights"):
        exported(alike, tmp_path / "out", trainer, weights=True)
    assert not (tmp_path / "out").exists()


def test_subsets_keep_their_own_repeats_under_weights(source: Path, tmp_path: Path) -> None:
    drawn(source, ["2_sks/a.png", "2_sks/b.png", "4_hat/c.png", "4_hat/d.png"])
    analysis = analysis_of(source, [0, 0, 1, 2], (star(0, 1),))
    written = exported(analysis, tmp_path / "out", "kohya", weights=True)
    each = {one.item.picture.path: part.repeats for part in written.draft.parts for one in part.pictures}
    assert each["4_hat/c.png"] == 2 * (each["2_sks/a.png"] + each["2_sks/b.png"])
    assert Reader(written).count("kohya").steps == written.draft.steps


def test_repeats_are_the_shortest_that_come_close() -> None:
    assert whole([1.0, 0.5])[0].repeats == (2, 1)
    assert whole([1.0, 1 / 3, 0.5])[0].repeats == (6, 2, 3)
    assert whole([1.0, 1.0])[0].factor == 1
    first, *shorter = whole([1.0, 1 / 5, 1 / 7])
    assert first.factor <= MOST
    assert first.worst > CLOSE or first.factor == min(one.factor for one in (first, *shorter) if one.worst <= CLOSE)
    assert all(one.factor < first.factor for one in shorter)


# ---- validation


@pytest.mark.parametrize("trainer", [*ALL, "folder"])
def test_held_out_pictures_are_on_one_side_with_all_that_is_like_them(
    alike: Analysis, tmp_path: Path, trainer: str
) -> None:
    written = exported(alike, tmp_path / "out", trainer, validation=4)
    held, trained = paths(written.draft.validation), paths(written.draft.parts)
    assert len(held) == 4
    assert held | trained == set(NAMES)
    for group in ({"p00.png", "p01.png", "p02.png"}, {"p03.png", "p04.png"}):
        assert group <= held or group <= trained
    folder = "held-out" if trainer == "diffusers" else "validation"
    inside = {path.name for path in (Path(written.destination) / folder).rglob("*.png")}
    assert inside == ({f"000{number}.png" for number in range(1, 5)} if trainer == "diffusers" else held)
    record = {one["path"]: one["held_out"] for one in told(written)["pictures"]}
    assert {path for path, out in record.items() if out} == held
    if trainer == "folder":
        return
    read = Reader(written)
    assert read.count(trainer).steps == written.draft.steps
    assert sum(len(sizes) for sizes, _, _ in read.subsets) == 8
    if trainer in ("kohya", "onetrainer", "simpletuner", "diffusion-pipe"):
        assert {path.name for one in read.validation for path in one.glob("*.png")} == held
    else:
        assert not read.validation
        assert any("named in no configuration" in line for line in written.lines)


def test_the_validation_runs_whenever_a_file_is_saved(alike: Analysis, tmp_path: Path) -> None:
    written = exported(alike, tmp_path / "k", "kohya", validation=2)
    text = (Path(written.destination) / "how-to-start.txt").read_text(encoding="utf-8")
    assert f"--validate_every_n_epochs {written.draft.values.save_every}" in text
    written = exported(alike, tmp_path / "o", "onetrainer", validation=2)
    config = json.loads((Path(written.destination) / "config.json").read_text(encoding="utf-8"))
    assert config["validate_after"] == config["save_every"]


def test_a_burst_is_a_chain_and_never_torn(source: Path, tmp_path: Path) -> None:
    drawn(source, [f"p{number}.png" for number in range(9)])
    turns = np.array([0.0, 0.25, 0.5, 0.75])  # neighbours alike (cosine .97), the ends not (.73)
    rows = np.zeros((9, 8), np.float32)
    rows[:4, 0], rows[:4, 1] = np.cos(turns), np.sin(turns)
    rows[4:, 2:7] = np.eye(5)
    analysis = analysis_of(source, [0] * 9, embeddings=rows)
    burst = {f"p{number}.png" for number in range(4)}
    for count in range(1, 9):
        held = paths(exported(analysis, tmp_path / str(count), "kohya", validation=count).draft.validation)
        assert burst <= held or not burst & held, count
        assert held


def test_held_out_pictures_are_spread_over_the_views(source: Path, tmp_path: Path) -> None:
    drawn(source, NAMES)
    views = tuple(view(yaw) for yaw in (0, 0, 0, 0, 90, 90, 90, 180, 180, 180, -90, 45))
    analysis = analysis_of(source, list(range(12)), views=views)
    written = exported(analysis, tmp_path / "out", "kohya", validation=3)
    held = {NAMES.index(path) for path in paths(written.draft.validation)}
    assert sorted(views[row].yaw_deg for row in held) == [0, 90, 180]  # and no view's only picture
    assert written.draft.export.selection.held_out is not None
    assert written.draft.export.selection.held_out.views == 3


def test_the_split_does_not_depend_on_names(source: Path, tmp_path: Path) -> None:
    drawn(source, NAMES)
    first = paths(
        exported(analysis_of(source, FAMILIES, GROUPS), tmp_path / "a", "kohya", validation=3).draft.validation
    )
    digests = {path: (source / path).read_bytes() for path in first}
    for number, name in enumerate(NAMES):  # the order of the files turns round
        for suffix in (".png", ".txt"):
            (source / name).with_suffix(suffix).rename(source / f"q{11 - number:02d}{suffix}")
    turned = analysis_of(source, FAMILIES[::-1], (star(11, 10, 9), star(8, 7)))
    again = paths(exported(turned, tmp_path / "b", "kohya", validation=3).draft.validation)
    assert sorted(digests.values()) == sorted((source / path).read_bytes() for path in again)


@pytest.mark.parametrize(
    ("text", "wanted"), [("4", 4), ("0.1", 0.1), ("10%", 0.1), ("10 %", 0.1), (" 25% ", 0.25), ("1", 1)]
)
def test_a_number_or_a_share_is_understood(text: str, wanted: float) -> None:
    assert selection.share_of(text) == pytest.approx(wanted)


@pytest.mark.parametrize("text", ["1.5", "0", "-3", "0.0", "100%", "120%", "nan", "a tenth", "1.0", "-0.1", "inf"])
def test_what_is_neither_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ExportError) as error:
        selection.share_of(text)
    assert "\n" not in str(error.value)
    assert "--validation" in str(error.value)


@pytest.mark.parametrize("asked", [12, 50, 0.99])
def test_a_split_that_leaves_nothing_to_train_on_is_refused(alike: Analysis, tmp_path: Path, asked: float) -> None:
    with pytest.raises(ExportError, match="nothing to train on"):
        exported(alike, tmp_path / "out", "kohya", validation=asked)


def test_a_small_set_is_advised_to_hold_none_out(alike: Analysis, tmp_path: Path) -> None:
    written = exported(alike, tmp_path / "out", "kohya", validation=0.25)
    assert any("advice: hold out none of a set under 20" in line for line in written.lines)
    assert any("3 of 12 pictures" in line for line in written.lines)


def test_a_set_that_is_one_burst_cannot_be_split(source: Path, tmp_path: Path) -> None:
    drawn(source, NAMES[:4])
    with pytest.raises(ExportError, match="nearly the same"):
        exported(analysis_of(source, [0, 0, 0, 0]), tmp_path / "out", "kohya", validation=2)


@pytest.mark.parametrize("trainer", WEIGHED)
def test_masks_and_regularisation_go_on_working_beside_held_out_pictures(
    source: Path, tmp_path: Path, trainer: str
) -> None:
    drawn(source, [*NAMES[:8], "reg/1_man/a.png", "reg/1_man/b.png"])
    for number in (0, 5):
        Image.new("L", SIZES[number % len(SIZES)], 128).save(source / f"p{number:02d}-masklabel.png")
    analysis = analysis_of(source, [0, 0, *range(1, 9)], (star(0, 1),))
    written = exported(analysis, tmp_path / "out", trainer, {"target_steps": 900}, validation=2, weights=True)
    root = Path(written.destination)
    read = {one.path for one in LOADERS[trainer](root)}
    trained = {root / part.folder / one.file for part in written.draft.parts for one in part.pictures}
    assert trained <= read
    assert paths(written.draft.validation).isdisjoint(path for path in paths(written.draft.parts))
    assert len(paths(written.draft.parts)) == 8
    assert Reader(written).count(trainer).steps == written.draft.steps


def test_captions_and_pictures_of_both_sides_are_whole(alike: Analysis, tmp_path: Path) -> None:
    written = exported(alike, tmp_path / "out", "musubi", validation=3)
    root = Path(written.destination)
    assert len(list(root.rglob("*.png"))) == len(NAMES)
    assert all(path.with_suffix(".txt").read_text(encoding="utf-8").strip() for path in root.rglob("*.png"))


def test_a_share_by_simpletuners_rule_fills_its_batches(alike: Analysis, tmp_path: Path) -> None:
    """It refuses an eval set with a bucket below one batch."""
    written = exported(alike, tmp_path / "out", "simpletuner", {"batch_size": 4}, validation=3)
    backends = json.loads((Path(written.destination) / "multidatabackend.json").read_text(encoding="utf-8"))
    (held_out,) = (one for one in backends if one["dataset_type"] == "eval")
    assert held_out["repeats"] == 3


# ---- limit


@pytest.mark.parametrize("trainer", ALL)
def test_a_limit_takes_one_of_each_kind_first(alike: Analysis, tmp_path: Path, trainer: str) -> None:
    written = exported(alike, tmp_path / "out", trainer, limit=9)
    kept = [FAMILIES[NAMES.index(path)] for path in paths(written.draft.parts)]
    assert sorted(kept) == list(range(9))
    left = [one for one in written.draft.left_out if one.cause == "decided"]
    assert len(left) == 3
    assert {one.reason for one in left} == {"beyond --limit 9"}
    assert Reader(written).count(trainer).steps == written.draft.steps


def test_the_curve_tells_what_each_size_keeps(source: Path, tmp_path: Path) -> None:
    drawn(source, NAMES)
    views = tuple(view(yaw) for yaw in (0, 0, 0, 0, 90, 90, 90, 180, 180, 180, -90, 45))
    written = exported(analysis_of(source, list(range(12)), views=views), tmp_path / "out", "kohya", limit=8)
    limited = written.draft.export.selection.limited
    assert limited is not None
    assert [kept.pictures for kept in limited.curve] == [5, 8, 12]
    assert [kept.effective_images for kept in limited.curve] == sorted(kept.effective_images for kept in limited.curve)
    assert [kept.views for kept in limited.curve] == [5, 5, 5]  # of all twelve pictures' five, in five pictures
    assert any("8 pictures: 8.0 effective images (67 %), 5 of 8 views" in line for line in written.lines)
    assert told(written)["made_from"]["selection"]["limited"]["asked"] == 8


@pytest.mark.parametrize("asked", [0, -1, 13])
def test_a_limit_that_does_not_fit_is_refused(alike: Analysis, tmp_path: Path, asked: int) -> None:
    with pytest.raises(ExportError, match="Give 1 to 12"):
        exported(alike, tmp_path / "out", "kohya", limit=asked)


def test_all_three_work_together_and_are_repeated_from_the_manifest(alike: Analysis, tmp_path: Path) -> None:
    written = exported(alike, tmp_path / "out", "kohya", limit=11, validation=2, weights=True)
    assert len(paths(written.draft.parts)) == 9
    assert Reader(written).count("kohya").steps == written.draft.steps
    again, compared = pipeline.export_like(tmp_path / "out", tmp_path / "again")
    assert compared is not None
    assert paths(again.draft.validation) == paths(written.draft.validation)
    assert again.draft.steps == written.draft.steps


def test_a_dry_run_tells_the_same(alike: Analysis, tmp_path: Path) -> None:
    settings = output.Settings(trainer="kohya", limit=11, validation=2, weights=True)
    plan = PlanSettings(target_steps=300)
    dry = pipeline.export(alike, tmp_path / "out", settings, plan=plan, dry_run=True)
    assert not (tmp_path / "out").exists()
    assert dry.lines == pipeline.export(alike, tmp_path / "out", settings, plan=plan).lines


# ---- repeats


@pytest.mark.parametrize("trainer", ALL)
def test_fixed_repeats_meet_the_steps_exactly_where_the_trainer_takes_steps(
    alike: Analysis, tmp_path: Path, trainer: str
) -> None:
    written = exported(alike, tmp_path / "out", trainer, {"target_steps": 240, "repeats": 4})
    assert {part.repeats for part in written.draft.parts} == {4}
    assert written.draft.steps == 240  # five epochs of 48, which OneTrainer's whole epochs give too


def test_whole_epochs_that_miss_the_steps_are_refused_in_one_line(alike: Analysis, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="100 steps cannot be met; the nearest are 120, in 1") as error:
        exported(alike, tmp_path / "out", "onetrainer", {"target_steps": 100, "repeats": 10})
    assert "\n" not in str(error.value)
    assert trainers.get("onetrainer").fields.steps == ""


def test_weights_and_repeats_contradict_each_other(alike: Analysis, tmp_path: Path) -> None:
    with pytest.raises(CurateError, match="contradict"):
        exported(alike, tmp_path / "out", "kohya", {"repeats": 4}, weights=True)


# ---- what is planned is what is written


def test_the_plan_is_made_for_the_sizes_that_are_written(source: Path, tmp_path: Path) -> None:
    for number in range(8):
        draw(source / f"p{number}.png", size=(900 + 40 * number, 601), seed=number)
    analysis = analysis_of(source, list(range(8)))
    budget = PlanSettings(target_steps=200, batch_size=2, resolution=128)
    asked = output.Settings(trainer="ai-toolkit", resize_to=128)
    seen = exposures.plan_for(analysis, asked, budget).values
    small = replace(
        analysis,
        features=replace(
            analysis.features,
            facts=tuple(
                replace(one, width=smaller((one.width, one.height), 130)[0], height=130)
                for one in analysis.features.facts
            ),
        ),
    )
    assert seen == exposures.plan_for(small, replace(asked, resize_to=None), budget).values
    written = pipeline.export(analysis, tmp_path / "out", asked, plan=budget)
    assert {placed.size[1] for _, placed in written.draft.pictures()} == {130}
    assert Reader(written).count("ai-toolkit").steps == written.draft.steps


@pytest.mark.parametrize("size", [0, -5, 63])
def test_a_size_that_nothing_is_trained_at_is_refused(alike: Analysis, tmp_path: Path, size: int) -> None:
    with pytest.raises(ExportError, match="smaller than any training"):
        exported(alike, tmp_path / "out", "kohya", resize_to=size)


def test_the_plan_leaves_out_what_is_skipped_for_want_of_a_caption(source: Path, tmp_path: Path) -> None:
    drawn(source, NAMES)
    for name in NAMES[6:]:
        (source / name).with_suffix(".txt").unlink()
    analysis = analysis_of(source, list(range(12)))
    skipped = exported(analysis, tmp_path / "skipped", "kohya", no_caption="skip")
    assert skipped.pictures == 6
    for name in NAMES[6:]:
        (source / name).unlink()
    alone = exported(analysis_of(source, list(range(6))), tmp_path / "alone", "kohya")
    assert skipped.draft.values == alone.draft.values
    with pytest.raises(ExportError, match="--limit 7 does not fit a set that would export 6 pictures"):
        exported(analysis, tmp_path / "more", "kohya", no_caption="skip", limit=7)


def test_a_trainer_without_subsets_takes_folders_with_repeats_all_the_same(source: Path, tmp_path: Path) -> None:
    drawn(source, [f"{'5_a' if number < 6 else '2_b'}/{name}" for number, name in enumerate(NAMES)])
    written = exported(analysis_of(source, list(range(12))), tmp_path / "out", "diffusers")
    (part,) = written.draft.parts
    assert len(part.pictures) == 12
    assert Reader(written).count("diffusers").steps == written.draft.steps
    assert any("the repeats in the names of their folders are not used" in line for line in written.lines)
