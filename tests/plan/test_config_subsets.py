"""Several folders of a configuration count, each with its repeats, where they are found in the scanned folder."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from curate.errors import TrainerError
from curate.plan import (
    LaidOut,
    PlanInputs,
    PlanSettings,
    RegularisationSet,
    by_config,
    for_export,
    page,
    read_config,
    recommend,
    with_config,
)
from curate.plan.records import ConfigSubset

KOHYA = """
[general]
enable_bucket = true
[[datasets]]
resolution = 1024
num_repeats = 2
  [[datasets.subsets]]
  image_dir = '{root}/10_sks man'
  num_repeats = 6
  [[datasets.subsets]]
  image_dir = 'D:\\elsewhere\\set\\5_sks face'
  [[datasets.subsets]]
  image_dir = '/gone/7_other'
  [[datasets.subsets]]
  image_dir = '/x/reg/1_man'
  is_reg = true
  num_repeats = 3
"""
MUSUBI = """
[[datasets]]
resolution = [1024, 1024]
image_directory = "/data/10_sks man"
cache_directory = "/c/a"
num_repeats = 6
[[datasets]]
resolution = [1024, 1024]
image_directory = "/data/5_sks face"
cache_directory = "/c/b"
num_repeats = 2
"""
DIFFUSION_PIPE = """
resolutions = [1024]
num_repeats = 6
[[directory]]
path = '/data/10_sks man'
[[directory]]
path = '/data/5_sks face'
num_repeats = 2
"""
AI_TOOLKIT = """
config:
  process:
    - type: sd_trainer
      datasets:
        - {folder_path: "/data/10_sks man", num_repeats: 6, resolution: 1024}
        - {folder_path: "/data/5_sks face", num_repeats: 2, resolution: 1024}
"""
ONETRAINER = [
    {"path": "/data/10_sks man", "balancing": 6.0, "balancing_strategy": "REPEATS", "type": "STANDARD"},
    {"path": "/data/5_sks face", "balancing": 2.0, "enabled": True},
    {"path": "/data/held out", "type": "VALIDATION"},
    {"path": "/data/off", "enabled": False},
]
SIMPLETUNER = [
    {"id": "a", "instance_data_dir": "/data/10_sks man", "repeats": 5, "resolution": 1024},
    {"id": "b", "instance_data_dir": "/data/5_sks face", "repeats": 1, "resolution": 1024},
    {"id": "c", "instance_data_dir": "/data/off", "repeats": 9, "disabled": True},
    {"id": "text", "dataset_type": "text_embeds"},
]
FILES = {
    "kohya": ("set.toml", KOHYA),
    "musubi": ("set.toml", MUSUBI),
    "diffusion-pipe": ("set.toml", DIFFUSION_PIPE),
    "ai-toolkit": ("set.yaml", AI_TOOLKIT),
    "onetrainer": ("concepts.json", json.dumps(ONETRAINER)),
    "simpletuner": ("sets.json", json.dumps(SIMPLETUNER)),
}


def scanned(settings: PlanSettings, names: tuple[str, str] = ("10_sks man", "5_sks face")) -> PlanInputs:
    """Eight pictures in two folders, four each, with the repeats of the folders' names."""
    return PlanInputs(
        sizes=((1024, 1024),) * 8,
        paths=tuple(f"{name}/{i}.png" for name in names for i in range(4)),
        effective_images=8,
        low=7,
        high=8,
        settings=settings,
        subsets=(
            LaidOut(pictures=(0, 1, 2, 3), repeats=10, name=names[0]),
            LaidOut(pictures=(4, 5, 6, 7), repeats=5, name=names[1]),
        ),
        folder="/home/me/photos",
    )


def read(tmp_path: Path, trainer: str, **settings: object) -> PlanSettings:
    name, text = FILES[trainer]
    path = tmp_path / name
    path.write_text(text.replace("{root}", "/home/me/photos"), encoding="utf-8")
    return with_config(PlanSettings(trainer=trainer, batch_size=1, **settings), read_config(path, trainer))  # type: ignore[arg-type]


@pytest.mark.parametrize("trainer", FILES)
def test_each_folder_has_the_repeats_of_the_configuration(trainer: str, tmp_path: Path) -> None:
    found = by_config(scanned(read(tmp_path, trainer, epochs=3)))
    assert [(part.name, part.repeats) for part in found.subsets] == [("10_sks man", 6), ("5_sks face", 2)]
    plan = recommend(found)
    assert plan.schedule.subset_repeats == (6, 2)
    assert plan.schedule.samples == 3 * (4 * 6 + 4 * 2)


def test_a_target_keeps_the_ratio_of_the_configurations_repeats(tmp_path: Path) -> None:
    plan = recommend(by_config(scanned(read(tmp_path, "kohya", target_steps=1600))))
    first, second = plan.schedule.subset_repeats
    assert first == 3 * second
    assert plan.schedule.steps == 1600


def test_folders_that_are_not_there_are_named_and_regularisation_takes_its_repeats(tmp_path: Path) -> None:
    given = scanned(read(tmp_path, "kohya", epochs=3))
    reg = RegularisationSet(sizes=((1024, 1024),) * 2, name="reg/1_man")
    found = by_config(replace(given, regularisation=(reg,)))
    assert found.regularisation[0].repeats == 3
    assert found.notes == ("Folders of the configuration that are not in this one: 1 (7_other).",)
    assert "7_other" in page(recommend(found))
    assert "1_man" in " ".join(by_config(given).notes)


def test_pictures_in_no_folder_of_the_configuration_are_named(tmp_path: Path) -> None:
    found = by_config(scanned(read(tmp_path, "musubi", epochs=3), ("10_sks man", "5_hands")))
    assert [part.repeats for part in found.subsets] == [6, 5]
    assert "counted with their own repeats: 4 (5_hands/0.png" in " ".join(found.notes)


def test_where_no_folder_is_found_the_first_counts_for_all_and_that_is_said(tmp_path: Path) -> None:
    found = by_config(scanned(read(tmp_path, "musubi", epochs=3), ("1_a", "1_b")))
    assert found.settings.repeats == 6
    assert "None of the configuration's folders is in this one: the repeats of its first, 6" in found.notes[0]


def test_a_plain_folder_is_split_where_the_configuration_has_two_folders_for_it() -> None:
    settings = PlanSettings(
        trainer="onetrainer",
        epochs=3,
        batch_size=1,
        config_subsets=({"path": "/d/near", "repeats": 1.5}, {"path": "/d/far"}),  # type: ignore[arg-type]
    )
    flat = PlanInputs(
        sizes=((1024, 1024),) * 8,
        paths=tuple(f"{name}/{i}.png" for name in ("near", "far") for i in range(4)),
        effective_images=8,
        low=7,
        high=8,
        settings=settings,
    )
    found = by_config(flat)
    assert {part.name: part.repeats for part in found.subsets} == {"near": 1.5, "far": 1}
    assert recommend(found).schedule.steps == 3 * (6 + 4)
    assert for_export(settings).config_subsets == ()


def test_settings_with_folders_survive_being_remembered(tmp_path: Path) -> None:
    settings = read(tmp_path, "kohya", epochs=3)
    assert PlanSettings(**json.loads(json.dumps(asdict(settings)))).config_subsets == settings.config_subsets
    assert for_export(settings) == settings


def test_an_unknown_key_of_a_second_subset_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "set.toml"
    path.write_text(KOHYA.replace("image_dir = '/gone", "images = '/gone"), encoding="utf-8")
    with pytest.raises(TrainerError, match="line 13: no key called 'images' in subsets"):
        read_config(path, "kohya")


def test_repeats_of_plain_folders_are_said_not_to_reach_the_export() -> None:
    told = {}
    for names in (("man", "face"), ("10_sks man", "5_sks face")):
        subsets = tuple(ConfigSubset(path=f"/data/{name}", repeats=2 + i) for i, name in enumerate(names))
        settings = PlanSettings(target_steps=1000, config_subsets=subsets)
        told[names[0]] = any(
            "puts plain folders together" in note for note in by_config(scanned(settings, names)).notes
        )
    assert told == {"man": True, "10_sks man": False}
