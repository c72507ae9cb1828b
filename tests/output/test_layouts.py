"""Each trainer's folder and configuration, read back by strict readers of its schema."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from output_sets import Exporter, draw, measured
from PIL import Image

from curate import output, trainers
from curate.errors import ExportError, TrainerError
from curate.output.layouts import text
from curate.trainers.base import Size

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ALL = [name for name in output.LAYOUTS if name != "folder"]
BASE = {"musubi": "qwen"}
KOHYA_SET = words(
    "resolution batch_size enable_bucket min_bucket_reso max_bucket_reso bucket_reso_steps bucket_no_upscale "
    "network_multiplier validation_seed validation_split resize_interpolation subsets"
)
KOHYA_SUBSET = {
    "image_dir": str, "num_repeats": int, "is_reg": bool, "class_tokens": str, "conditioning_data_dir": str,
    "alpha_mask": bool,
}  # fmt: skip
MUSUBI_GENERAL = {"resolution": list, "caption_extension": str, "batch_size": int, "enable_bucket": bool,
                  "bucket_no_upscale": bool}  # fmt: skip
MUSUBI_SET = {"image_directory": str, "cache_directory": str, "num_repeats": int}
CONCEPT = words(
    "__version name path enabled type include_subdirectories balancing balancing_strategy loss_weight text image"
)
AITK_SET = words("folder_path caption_ext resolution num_repeats is_reg mask_path flip_x flip_y cache_latents_to_disk")
ST_SET = words(
    "id type dataset_type instance_data_dir crop crop_aspect resolution resolution_type minimum_image_size "
    "caption_strategy repeats cache_dir_vae is_regularisation_data conditioning_data conditioning_type"
)
DP_FILE = words("resolutions enable_ar_bucket min_ar max_ar num_ar_buckets ar_buckets frame_buckets directory")


def typed(values: Mapping[str, Any], schema: Mapping[str, type]) -> None:
    for key, value in values.items():
        assert key in schema, f"unknown key {key}"
        assert type(value) is schema[key], f"{key} = {value!r}"


def sizes_in(folder: Path) -> list[Size]:
    """The sizes that a trainer finds: each picture has its caption, and there is nothing else."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix in (".txt", ".jsonl") or path.name.endswith("-masklabel.png"):
            continue
        assert path.suffix in (".jpg", ".jpeg", ".png", ".webp"), path
        with Image.open(path) as image:
            assert image.mode in ("RGB", "L", "P", "RGBA")
            assert image.getexif().get(0x0112, 1) == 1
            found.append(image.size)
    return found


def captioned(folder: Path) -> bool:
    return all(
        path.with_suffix(".txt").read_text(encoding="utf-8").strip()
        for path in folder.iterdir()
        if path.suffix in (".jpg", ".png", ".webp") and not path.name.endswith("-masklabel.png")
    )


def option(command: str, name: str) -> str:
    words = shlex.split(command.replace("\\\n", " "))
    return words[words.index(name) + 1]


class Reader:
    """What one trainer reads out of an exported folder: sizes by subset, and the numbers that decide steps."""

    def __init__(self, written: output.Written) -> None:
        self.root = Path(written.destination)
        text = (self.root / "how-to-start.txt").read_text(encoding="utf-8")
        self.how_to = text.split("Start the training with:\n\n")[1].split("\n\n")[0]
        self.subsets: list[tuple[list[Size], float, bool]] = []
        self.validation: list[Path] = []
        self.batch, self.epochs, self.steps = 1, None, None
        self.options: dict[str, object] = {}
        self.resolution: Any = 1024
        getattr(self, "_" + written.draft.settings.trainer.replace("-", "_"))()

    def toml(self, name: str) -> dict[str, Any]:
        return tomllib.loads((self.root / name).read_text(encoding="utf-8"))

    def json(self, name: str) -> Any:
        return json.loads((self.root / name).read_text(encoding="utf-8"))

    def add(self, folder: str, repeats: float, regularisation: bool = False) -> None:
        where = Path(folder)
        assert where.is_absolute()
        assert captioned(where)
        self.subsets.append((sizes_in(where), repeats, regularisation))

    def _kohya(self) -> None:
        config = self.toml("dataset.toml")
        assert set(config) == {"general", "datasets"}
        assert config["general"] == {"caption_extension": ".txt"}
        data_set, *held_out = config["datasets"]
        for one in held_out:
            assert one["validation_split"] == 1.0
            assert {**one, "subsets": 0} == {**data_set, "validation_split": 1.0, "subsets": 0}
            self.validation += [Path(subset["image_dir"]) for subset in one["subsets"]]
        assert set(data_set) <= KOHYA_SET
        for subset in data_set["subsets"]:
            typed(subset, KOHYA_SUBSET)
            assert Path(subset["image_dir"]).name.split("_")[0] == str(subset["num_repeats"])
            self.add(subset["image_dir"], subset["num_repeats"], subset.get("is_reg", False))
        self.options = {key: data_set[key] for key in trainers.get("kohya").options}
        self.batch, self.resolution = data_set["batch_size"], data_set["resolution"]
        self.epochs = int(option(self.how_to, "--max_train_epochs"))
        assert option(self.how_to, "--dataset_config") == str(self.root / "dataset.toml")

    def _musubi(self) -> None:
        config = self.toml("dataset.toml")
        assert set(config) == {"general", "datasets"}
        typed(config["general"], MUSUBI_GENERAL)
        for data_set in config["datasets"]:
            typed(data_set, MUSUBI_SET)
            self.add(data_set["image_directory"], data_set["num_repeats"])
        caches = [one["cache_directory"] for one in config["datasets"]]
        assert len(set(caches)) == len(caches)
        self.options = {key: config["general"][key] for key in ("enable_bucket", "bucket_no_upscale")}
        self.batch, self.resolution = config["general"]["batch_size"], tuple(config["general"]["resolution"])
        self.epochs = int(option(self.how_to, "--max_train_epochs"))

    def _onetrainer(self) -> None:
        config = self.json("config.json")
        assert config["concept_file_name"] == str(self.root / "concepts.json")
        for concept in self.json("concepts.json"):
            assert set(concept) <= CONCEPT
            assert concept["__version"] == 2
            if concept["type"] == "VALIDATION":
                assert config["validation"] is True
                assert config["validate_after_unit"] == "EPOCH"
                self.validation.append(Path(concept["path"]))
                continue
            self.add(concept["path"], concept["balancing"], concept["type"] == "PRIOR_PREDICTION")
        self.batch, self.epochs, self.resolution = config["batch_size"], config["epochs"], int(config["resolution"])

    def _ai_toolkit(self) -> None:
        raw = (self.root / "config.yaml").read_text(encoding="utf-8")
        (process,) = yaml.safe_load(raw)["config"]["process"]
        assert process["type"] == "sd_trainer"
        assert isinstance(process["train"]["lr"], float)
        for data_set in process["datasets"]:
            assert set(data_set) <= AITK_SET
            self.add(data_set["folder_path"], data_set["num_repeats"], data_set.get("is_reg", False))
            (self.resolution,) = data_set["resolution"]
        self.batch, self.steps = process["train"]["batch_size"], process["train"]["steps"]

    def _simpletuner(self) -> None:
        config = self.json("config.json")
        assert config["--data_backend_config"] == str(self.root / "multidatabackend.json")
        *images, texts = self.json("multidatabackend.json")
        assert texts["dataset_type"] == "text_embeds"
        assert len({one["id"] for one in images}) == len(images)
        for one in images:
            assert set(one) <= ST_SET
            if one["dataset_type"] == "eval":
                assert config["--eval_steps_interval"] >= 1
                self.validation.append(Path(one["instance_data_dir"]))
            if one["dataset_type"] == "image":
                self.add(one["instance_data_dir"], one["repeats"] + 1, one.get("is_regularisation_data", False))
        self.batch, self.steps = config["--train_batch_size"], config["--max_train_steps"]

    def _diffusion_pipe(self) -> None:
        data, train = self.toml("dataset.toml"), self.toml("train.toml")
        assert set(data) <= DP_FILE
        assert train["dataset"] == str(self.root / "dataset.toml")
        assert {"output_dir", "epochs", "model", "adapter", "optimizer"} <= set(train)
        assert sum(key.startswith("save_every_n") for key in train) == 1
        for directory in data["directory"]:
            assert set(directory) <= {"path", "num_repeats", "mask_path"}
            self.add(directory["path"], directory["num_repeats"])
        for held_out in train.get("eval_datasets", []):
            whole = tomllib.loads(Path(held_out["config"]).read_text(encoding="utf-8"))
            assert {**whole, "directory": 0} == {**data, "directory": 0}
            assert train["eval_micro_batch_size_per_gpu"] == train["eval_gradient_accumulation_steps"] == 1
            self.validation += [Path(one["path"]) for one in whole["directory"]]
        (self.resolution,) = data["resolutions"]
        self.options = {key: data[key] for key in ("enable_ar_bucket", "min_ar", "max_ar", "num_ar_buckets")}
        self.batch, self.epochs, self.steps = train["micro_batch_size_per_gpu"], train["epochs"], train["max_steps"]

    def _diffusers(self) -> None:
        lines = (self.root / "train" / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        assert all(set(row) == {"file_name", "text"} and row["text"] for row in rows)
        inside = sorted(path.name for path in (self.root / "train").iterdir() if path.name != "metadata.jsonl")
        assert sorted(row["file_name"] for row in rows) == inside
        assert all(re.fullmatch(r"\d+\.(jpg|png|webp)", name) for name in inside)
        self.subsets.append((sizes_in(self.root / "train"), int(option(self.how_to, "--repeats")), False))
        classes = self.root / "class_images"
        if classes.is_dir():
            assert all(path.suffix in (".jpg", ".png", ".webp") for path in classes.iterdir())
            self.subsets.append((sizes_in(classes), 1, True))
        self.batch, self.steps = (
            int(option(self.how_to, "--train_batch_size")),
            int(option(self.how_to, "--max_train_steps")),
        )

    def count(self, trainer: str) -> trainers.Steps:
        chosen = trainers.get(trainer)
        sizes: list[Size] = []
        subsets = []
        for own, repeats, regularisation in self.subsets:
            rows = tuple(range(len(sizes), len(sizes) + len(own)))
            sizes += own
            subsets.append(trainers.Subset(pictures=rows, repeats=repeats, regularisation=regularisation))
        defaults = chosen.curate_options(1024, trainers.base(BASE.get(trainer, "sdxl")))
        data_set = trainers.DataSet(
            subsets=tuple(subsets),
            resolution=self.resolution,
            batch_size=self.batch,
            options={**defaults, **self.options},
        )
        run = trainers.Run(sizes=tuple(sizes), data_sets=(data_set,), epochs=self.epochs, max_train_steps=self.steps)
        return trainers.count(chosen, run)


def values_for(trainer: str, **more: Any) -> dict[str, Any]:
    length = {"epochs": 7} if trainers.get(trainer).budget == "epochs" else {"max_steps": 210}
    return {"base": BASE.get(trainer, "sdxl"), "batch_size": 2, "save_every": 3, **length, **more}


def varied(source: Path) -> None:
    for number, size in enumerate([(128, 96), (128, 96), (96, 128), (100, 100), (200, 80), (128, 96), (100, 100)]):
        draw(source / f"p{number}.png", size=size, seed=number)


@pytest.mark.parametrize("trainer", ALL)
def test_the_exported_folder_gives_exactly_the_steps_that_were_promised(
    export: Exporter, source: Path, trainer: str
) -> None:
    varied(source)
    written = export(trainer=trainer, values=values_for(trainer, repeats=3))
    read = Reader(written)
    assert read.count(trainer).steps == written.draft.steps
    assert sum(len(sizes) for sizes, _, _ in read.subsets) == 7
    assert {repeats for _, repeats, _ in read.subsets} == {3}


@pytest.mark.parametrize("trainer", [name for name in ALL if name != "diffusers"])
def test_subsets_keep_their_repeats_and_regularisation_its_role(export: Exporter, source: Path, trainer: str) -> None:
    for number in range(6):
        draw(source / "2_sks man" / f"a{number}.png", size=(128, 96), seed=number)
    for number in range(4):
        draw(source / "3_sks hat" / f"a{number}.png", size=(96, 128), seed=50 + number)
    for number in range(3):
        draw(source / "reg" / "1_man" / f"r{number}.png", size=(100, 100), seed=80 + number)
    chosen = {"2_sks man": 4.0, "3_sks hat": 6.0}
    written = export(trainer=trainer, values=values_for(trainer, subset_repeats=chosen))
    read = Reader(written)
    assert read.count(trainer).steps == written.draft.steps
    known = trainer not in ("musubi", "diffusion-pipe")
    assert sorted((len(s), r, reg) for s, r, reg in read.subsets) == sorted(
        [(6, 4, False), (4, 6, False), (3, 1, known)]
    )


def test_pictures_are_counted_in_the_order_of_their_new_names(export: Exporter, source: Path) -> None:
    """sd-scripts fills up with regularisation pictures in that order, and leaves the last ones out."""
    draw(source / "1_sks" / "a.png")
    for number, name in enumerate(("x_1_2_3_4.png", "x_0.png", "b.png")):
        draw(source / "reg" / "1_man" / name, size=(64 + 64 * number, 64), seed=number)
    written = export(trainer="kohya", values=values_for("kohya", batch_size=1))
    (part,) = written.draft.regularisation()
    assert [placed.file for placed in part.pictures] == ["b.png", "x-1-2-3-4.png", "x_0.png"]
    assert Reader(written).count("kohya").steps == written.draft.steps


def test_diffusers_takes_one_number_of_repeats_and_class_images_apart(export: Exporter, source: Path) -> None:
    for number in range(6):
        draw(source / f"{1 + number % 2}_sks" / f"a{number}.png", seed=number)
    draw(source / "reg" / "1_man" / "r.png", seed=9)
    with pytest.raises(TrainerError, match="one number for the whole set"):
        export(trainer="diffusers", values=values_for("diffusers"))
    written = export(
        "same", trainer="diffusers", values=values_for("diffusers", subset_repeats={"1_sks": 2, "2_sks": 2})
    )
    read = Reader(written)
    assert [(len(sizes), reg) for sizes, _, reg in read.subsets] == [(6, False), (1, True)]
    assert option(read.how_to, "--num_class_images") == "1"
    assert read.count("diffusers").steps == written.draft.steps


def test_kohyas_folder_mode_says_the_same_as_its_toml(export: Exporter, source: Path) -> None:
    varied(source)
    draw(source / "5_sks" / "b.png", seed=60)
    draw(source / "reg" / "2_man" / "r.png", seed=61)
    written = export(trainer="kohya", name="my set", values=values_for("kohya", repeats=3, subset_repeats={"5_sks": 9}))
    root = Path(written.destination)
    by_name = {
        folder.name: int(folder.name.split("_")[0])
        for folder in (*root.iterdir(), *(root / "reg").iterdir())
        if folder.is_dir() and folder.name != "reg"
    }
    assert by_name == {"3_my set": 3, "9_sks": 9, "2_man": 2}
    config = tomllib.loads((root / "dataset.toml").read_text(encoding="utf-8"))
    subsets = config["datasets"][0]["subsets"]
    assert {Path(one["image_dir"]).name: one["num_repeats"] for one in subsets} == by_name


@pytest.mark.parametrize("trainer", ALL)
def test_train_path_stands_in_every_config_and_the_real_place_in_none(
    export: Exporter, source: Path, trainer: str
) -> None:
    varied(source)
    written = export(trainer=trainer, train_path='/workspace/a "set"/', values=values_for(trainer, repeats=3))
    root = Path(written.destination)
    texts = [p.read_text(encoding="utf-8") for p in root.iterdir() if p.is_file() and p.name != output.MANIFEST]
    assert all(str(root) not in one for one in texts)
    assert any("/workspace/a" in one for one in texts)
    if trainer == "kohya":
        config = tomllib.loads((root / "dataset.toml").read_text(encoding="utf-8"))
        assert config["datasets"][0]["subsets"][0]["image_dir"] == '/workspace/a "set"/3_nora set'


@pytest.mark.parametrize("trainer", ALL)
def test_why_stands_in_the_comments_and_can_end_nothing(export: Exporter, source: Path, trainer: str) -> None:
    varied(source)
    why = ("Sound: 42 exposures\nbatch_size = 99",)
    written = export(trainer=trainer, values=values_for(trainer, repeats=3, why=why))
    assert Reader(written).batch == 2
    assert "Sound: 42 exposures" in (Path(written.destination) / "how-to-start.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("trainer", ["kohya", "onetrainer", "ai-toolkit", "simpletuner", "diffusion-pipe"])
def test_masks_follow_their_pictures(export: Exporter, source: Path, trainer: str) -> None:
    for number in range(4):
        draw(source / f"a_1_2_3_{number}.png", size=(128, 96), seed=number)
    for number in range(2):
        half = np.zeros((96, 128), np.uint8)
        half[:, :64] = 255
        (source / "masks").mkdir(exist_ok=True)
        Image.fromarray(half).save(source / "masks" / f"a_1_2_3_{number}.png")
    written = export(trainer=trainer, values=values_for(trainer, repeats=3))
    root = Path(written.destination)
    end = "-masklabel.png" if trainer == "onetrainer" else ".png"
    where = root / "nora set" if trainer == "onetrainer" else root / "masks"
    found = sorted(path for path in where.rglob(f"*{end}"))
    assert [path.name for path in found] == [f"a-1-2-3-{number}{end}" for number in range(4)]
    means = [np.asarray(Image.open(path)).mean() for path in found]
    assert means == [127.5, 127.5, 255, 255]
    texts = "".join(p.read_text(encoding="utf-8") for p in root.iterdir() if p.is_file() and p.name != output.MANIFEST)
    named = {
        "kohya": "conditioning_data_dir",
        "onetrainer": '"masked_training": true',
        "ai-toolkit": "mask_path",
        "simpletuner": '"conditioning_type": "mask"',
        "diffusion-pipe": "mask_path",
    }
    assert named[trainer] in texts
    assert Reader(written).count(trainer).steps == written.draft.steps


def test_a_trainer_without_masks_says_so(export: Exporter, source: Path) -> None:
    varied(source)
    Image.new("L", (128, 96), 255).save(source / "p0-masklabel.png")
    written = export(trainer="musubi", values=values_for("musubi", repeats=3))
    assert "musubi reads no masks: those of 1 pictures are not used." in written.lines


def test_a_set_that_would_train_nothing_is_refused(export: Exporter, source: Path) -> None:
    varied(source)
    with pytest.raises(ExportError, match="Nothing is left to train on"):
        export(trainer="onetrainer", values={"epochs": 3, "batch_size": 64})


def test_fractions_of_a_repeat_only_where_the_trainer_takes_them(export: Exporter, source: Path) -> None:
    varied(source)
    with pytest.raises(TrainerError, match="whole number"):
        export(trainer="kohya", values=values_for("kohya", repeats=2.5))
    written = export("one", trainer="onetrainer", values=values_for("onetrainer", repeats=2.5))
    assert [repeats for _, repeats, _ in Reader(written).subsets] == [2.5]


def test_an_unknown_trainer_names_the_known_ones(source: Path, tmp_path: Path) -> None:
    varied(source)
    with pytest.raises(TrainerError, match="folder, kohya"):
        output.draft(measured(source, {"trainer": "khoya"}, {}), tmp_path / "out")


def test_the_plain_folder_holds_pictures_and_captions_only(export: Exporter, source: Path) -> None:
    draw(source / "a.png")
    draw(source / "sub" / "a.png", seed=1)
    draw(source / "10_sks" / "a.png", seed=2)
    written = export(trainer="folder", values={"repeats": 5})
    root = Path(written.destination)
    found = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    assert found == ["10_sks/a.png", "10_sks/a.txt", "a.png", "a.txt", "curate-manifest.json", "sub-a.png", "sub-a.txt"]


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        'quo"te',
        "back\\slash",
        "tab\tand\nline",
        "uml\u00e4ut \u00e9",
        "\U0001f600 \x7f \x01",
        "C:\\sets\\nora",
        "# no: [x]",
    ],
)
def test_text_survives_toml_and_yaml(value: str) -> None:
    assert tomllib.loads("\n".join(text.toml_lines({"a": value, "b": [value]}))) == {"a": value, "b": [value]}
    assert yaml.safe_load("\n".join(text.yaml_lines({"a": value, "b": [value]}))) == {"a": value, "b": [value]}


@pytest.mark.parametrize("number", [1e-4, 3e-6, 0.5, 1.0, 1e-8, 123456.0])
def test_floats_stay_floats_in_toml_and_yaml(number: float) -> None:
    assert tomllib.loads(f"a = {text.toml_value(number)}") == {"a": number}
    assert yaml.safe_load(f"a: {text.yaml_value(number)}") == {"a": number}


def test_the_same_set_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    varied(source)
    found = measured(source, {"trainer": "kohya", "train_path": "/x"}, values_for("kohya", repeats=3))
    shuffled = replace(found, items=tuple(reversed(found.items)))
    one = output.write(output.draft(found, tmp_path / "1"), tmp_path / "1")
    two = output.write(output.draft(shuffled, tmp_path / "2"), tmp_path / "2")
    assert one.files == two.files
