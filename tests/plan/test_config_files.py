"""The user's own configurations, written as the trainers' examples are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curate.errors import PlanError, TrainerError
from curate.plan import PlanInputs, PlanSettings, recommend
from curate.plan.config_files import read_config, with_config
from curate.plan.table import steps_table, table_page
from curate.trainers import TRAINERS

KOHYA_SETS = """
[general]
caption_extension = ".txt"
enable_bucket = true
[[datasets]]
resolution = 768
batch_size = 2
max_bucket_reso = 1536
  [[datasets.subsets]]
  image_dir = "/data/10_sks man"
  num_repeats = 10
"""
KOHYA_TRAINING = """
[training_arguments]
max_train_epochs = 12
train_batch_size = 3
[network_arguments]
network_dim = 8
network_alpha = 4
[optimizer_arguments]
learning_rate = 2e-4
optimizer_type = "AdamW8bit"
"""
MUSUBI = """
[general]
resolution = [960, 544]
caption_extension = ".txt"
batch_size = 1
enable_bucket = true
bucket_no_upscale = true
[[datasets]]
image_directory = "/data/sks"
cache_directory = "/data/cache"
num_repeats = 4
"""
DIFFUSION_PIPE_SETS = """
resolutions = [1024]
enable_ar_bucket = true
min_ar = 0.5
max_ar = 2.0
num_ar_buckets = 9
frame_buckets = [1]
[[directory]]
path = '/data/sks'
num_repeats = 5
"""
DIFFUSION_PIPE_TRAINING = """
output_dir = '/out'
dataset = 'set.toml'
epochs = 20
micro_batch_size_per_gpu = 2
gradient_accumulation_steps = 4
save_every_n_epochs = 2
[adapter]
type = 'lora'
rank = 32
[optimizer]
type = 'adamw_optimi'
lr = 2e-5
"""
AI_TOOLKIT = """
job: extension
config:
  name: my_lora
  process:
    - type: sd_trainer
      network: {type: lora, linear: 16, linear_alpha: 8}
      save: {save_every: 250}
      datasets:
        - folder_path: /data/sks
          caption_ext: txt
          num_repeats: 2
          flip_x: true
          resolution: [512, 768]
      train: {batch_size: 2, steps: 1500, gradient_accumulation: 2, optimizer: adamw8bit, lr: 1e-4}
"""
ONETRAINER = {
    "training_method": "LORA",
    "epochs": 30,
    "batch_size": 4,
    "gradient_accumulation_steps": 1,
    "learning_rate": 3e-4,
    "resolution": "1024",
    "lora_rank": 16,
    "lora_alpha": 1.0,
    "optimizer": {"optimizer": "PRODIGY"},
    "concept_file_name": "training_concepts/concepts.json",
}
SIMPLETUNER_SETS = [
    {"id": "sks", "type": "local", "dataset_type": "image", "resolution": 1024, "resolution_type": "pixel_area",
     "crop": False, "repeats": 9, "cache_dir_vae": "cache"},
    {"id": "text", "type": "local", "dataset_type": "text_embeds", "default": True},
]  # fmt: skip
SIMPLETUNER = {"--train_batch_size": 2, "--max_train_steps": 800, "--learning_rate": 1e-4, "--lora_rank": 64}


def written(folder: Path, name: str, text: object) -> Path:
    path = folder / name
    path.write_text(text if isinstance(text, str) else json.dumps(text, indent=1), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("trainer", "name", "text", "expected"),
    [
        ("kohya", "set.toml", KOHYA_SETS, {"resolution": 768, "batch_size": 2, "repeats": 10}),
        ("kohya", "run.toml", KOHYA_TRAINING, {"epochs": 12, "batch_size": 3, "rank": 8, "alpha": 4}),
        ("musubi", "set.toml", MUSUBI, {"resolution": (960, 544), "batch_size": 1, "repeats": 4}),
        ("diffusion-pipe", "set.toml", DIFFUSION_PIPE_SETS, {"repeats": 5}),
        (
            "diffusion-pipe",
            "run.toml",
            DIFFUSION_PIPE_TRAINING,
            {"epochs": 20, "batch_size": 2, "gradient_accumulation": 4, "rank": 32, "learning_rate": 2e-5},
        ),
        (
            "ai-toolkit",
            "run.yaml",
            AI_TOOLKIT,
            {"max_steps": 1500, "batch_size": 2, "repeats": 2, "resolution": 768, "alpha": 8, "learning_rate": 1e-4},
        ),
        (
            "onetrainer",
            "run.json",
            ONETRAINER,
            {"epochs": 30, "batch_size": 4, "resolution": 1024, "alpha": 1.0, "optimizer": "PRODIGY"},
        ),
        ("simpletuner", "sets.json", SIMPLETUNER_SETS, {"resolution": 1024, "repeats": 10}),
        ("simpletuner", "config.json", SIMPLETUNER, {"max_steps": 800, "batch_size": 2, "rank": 64}),
        (
            "simpletuner",
            "config.json",
            {**SIMPLETUNER, "--num_train_epochs": 0, "--learning_rate": "8e-5"},
            {"epochs": None, "max_steps": 800, "learning_rate": 8e-5},
        ),
        ("onetrainer", "run.json", {**ONETRAINER, "resolution": "512,768"}, {"resolution": 768}),
        ("onetrainer", "run.json", {**ONETRAINER, "resolution": "832x1216"}, {"resolution": (832, 1216)}),
        (
            "diffusion-pipe",
            "run.toml",
            DIFFUSION_PIPE_TRAINING.replace("gpu = 2", "gpu = [[512, 4], [1024, 1]]"),
            {"batch_size": 1, "notes": ("Its batch size differs by resolution: that of 1024 px is taken.",)},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)
def test_what_decides_the_steps_is_read(
    tmp_path: Path, trainer: str, name: str, text: object, expected: dict[str, object]
) -> None:
    config = read_config(written(tmp_path, name, text), trainer)
    assert {key: getattr(config, key) for key in expected} == expected


def test_the_trainers_own_options_come_along(tmp_path: Path) -> None:
    assert read_config(written(tmp_path, "a.toml", KOHYA_SETS), "kohya").options == {
        "enable_bucket": True,
        "max_bucket_reso": 1536,
    }
    pipe = read_config(written(tmp_path, "b.toml", DIFFUSION_PIPE_SETS), "diffusion-pipe")
    assert pipe.options["num_ar_buckets"] == 9
    assert read_config(written(tmp_path, "c.yaml", AI_TOOLKIT), "ai-toolkit").options["flip_x"] is True


def test_a_file_decides_the_plan_where_the_user_says_nothing(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, "run.toml", KOHYA_TRAINING), "kohya")
    settings = with_config(PlanSettings(batch_size=1), config)
    plan = recommend(PlanInputs(sizes=((1024, 1024),) * 12, effective_images=12, low=11, high=12, settings=settings))
    assert (plan.schedule.epochs, plan.schedule.steps, plan.schedule.batch_size) == (12, 12 * 12, 1)
    assert plan.effective_rate == pytest.approx(2e-4 * 4 / 8)


@pytest.mark.parametrize(
    ("trainer", "name", "text", "says"),
    [
        ("kohya", "a.toml", KOHYA_SETS.replace("batch_size", "bach_size"), r"line 7: no key called 'bach_size'"),
        ("kohya", "a.toml", KOHYA_SETS.replace("num_repeats", "recursive"), r"line 11: no key called 'recursive'"),
        ("musubi", "a.toml", MUSUBI.replace("num_repeats", "min_bucket_reso"), r"line 11.*min_bucket_reso"),
        ("kohya", "a.toml", "[general\n", r"does not parse.*line 1"),
        ("onetrainer", "a.json", '{"epochs": 3,\n}', r"does not parse.*line [12]"),
        ("onetrainer", "a.json", '{\n"epoch": 3}', r"line 2: no key called 'epoch'.*Did you mean epochs"),
        ("ai-toolkit", "a.yaml", "config: [1\n", r"line 2 does not parse"),
        ("ai-toolkit", "a.yaml", "config:\n  name: x\n", r"no process"),
        ("ai-toolkit", "a.yaml", AI_TOOLKIT.replace("batch_size", "bach_size"), r"line 15: no key called 'bach_size'"),
        ("kohya", "a.toml", KOHYA_SETS.replace("= 10", "= 2.5"), r"line 11: num_repeats is 2.5. Give a whole number"),
        ("kohya", "a.toml", KOHYA_SETS.replace("= 10", "= 0"), r"line 11: num_repeats is 0"),
        ("kohya", "a.toml", KOHYA_SETS.replace("= 2\n", "= 'two'\n"), r"line 7: batch_size is 'two'"),
        ("kohya", "a.toml", KOHYA_SETS.replace("= 768", "= [1, 2, 3]"), r"line 6: resolution is \[1, 2, 3\]"),
        ("ai-toolkit", "a.yaml", AI_TOOLKIT.replace("lr: 1e-4", "lr: low"), r"line 15: lr is 'low'. Give a number"),
        ("ai-toolkit", "a.yaml", "a: \x00", r"does not parse"),
        ("onetrainer", "a.json", '[{"id": "sks", "type": "local"}]', r"no concept.* names a path"),
        ("kohya", "a.toml", KOHYA_SETS.replace("t = true", "t = 'no'"), r"enable_bucket is 'no'. Give true or false"),
        ("simpletuner", "a.json", "3", r"no image back end"),
        ("simpletuner", "a.json", '{"optimizer": {"optimizer": "ADAMW"}}', r"line 1: optimizer is .* Give a name"),
        ("simpletuner", "a.json", '[{"dataset_type": "image",\n"repeats": -1}]', r"line 2: repeats is -1"),
        ("simpletuner", "a.json", "[]", r"no image back end"),
        ("diffusers", "a.json", "{}", r"command line"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path: Path, trainer: str, name: str, text: str, says: str) -> None:
    with pytest.raises(TrainerError, match=says) as caught:
        read_config(written(tmp_path, name, text), trainer)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_another_trainers_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match="cannot be read"):
        read_config(tmp_path / "none.toml", "kohya")
    config = read_config(written(tmp_path, "a.json", ONETRAINER), "onetrainer")
    with pytest.raises(PlanError, match="--trainer onetrainer"):
        with_config(PlanSettings(trainer="kohya"), config)


def test_the_table_has_a_row_for_every_trainer_in_80_columns() -> None:
    rows = steps_table([(1024, 1024)] * 9 + [(832, 1216)] * 2, PlanSettings(repeats=3, batch_size=4, epochs=10))
    assert [row.trainer for row in rows] == list(TRAINERS)
    by_name = {row.trainer: row.steps for row in rows}
    assert by_name["kohya"] is not None
    assert by_name["kohya"].steps == 10 * (7 + 2)
    printed = table_page(
        steps_table([(1024, 1024)] * 9 + [(832, 1216)], PlanSettings(repeats=1, batch_size=4, epochs=10))
    )
    assert max(len(line) for line in printed.splitlines()) <= 80
    assert "simpletuner: the bucket" in printed
