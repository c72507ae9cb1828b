"""What each trainer sees in an exported folder, by its own rules for files, captions, masks, repeats and schema.

Written after the trainers' code, strict where they are: an unknown key, a wrong type or a missing file is an
AssertionError. Snapshots: sd-scripts 48d368fa (library/config_util.py, train_util.py), OneTrainer 23df3832
(modules/util/config, mgds), ai-toolkit 27a03a91 (toolkit/config_modules.py, data_loader.py), SimpleTuner bc8e6ab7 and
its release 3.1.6 (helpers/data_backend, helpers/metadata/utils/duplicator.py, helpers/multiaspect/sampler.py),
diffusion-pipe 8f83dbf2 (train.py, utils/dataset.py, models/base.py), musubi-tuner 30c658c4 (dataset/config_utils.py),
diffusers 58eb52c0 (examples/dreambooth).
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Weights = NDArray[np.float64]
Schema = Mapping[str, "type | tuple[type, ...]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One picture as the trainer takes it."""

    path: Path
    captions: tuple[str, ...]  # alternatives
    repeats: float
    regularisation: bool = False
    weights: Weights | None = None  # [H, W] of the loss, 0-1; None: no mask


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def command_of(root: Path) -> list[list[str]]:
    """The commands of how-to-start.txt, in words."""
    text = (root / "how-to-start.txt").read_text(encoding="utf-8")
    block = text.split("Start the training with:\n\n")[1].split("\n\n")[0].replace("\\\n", " ")
    return [shlex.split(line) for line in block.splitlines() if not line.startswith("#")]


def options_of(words: list[str]) -> dict[str, str]:
    """`--name value` and `--name` of a command."""
    found = {}
    for at, word in enumerate(words):
        if word.startswith("--"):
            after = words[at + 1] if at + 1 < len(words) else ""
            found[word] = "" if after.startswith("--") else after
    return found


def check(values: Mapping[str, Any], schema: Schema) -> None:
    """Every key known, every value of its very type: True is no int."""
    for key, value in values.items():
        assert key in schema, f"unknown key {key}"
        kinds = schema[key] if isinstance(schema[key], tuple) else (schema[key],)
        assert type(value) in kinds, f"{key} = {value!r}"


def toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def grey(path: Path, size: tuple[int, int]) -> Weights:
    with Image.open(path) as image:
        assert image.size == size, f"mask {path} is {image.size}, its picture {size}"
        return np.asarray(image.convert("RGB"))[..., 0] / 255


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


# ---- sd-scripts: a subset's, data set's or general table may hold these; unknown ones are refused

_KOHYA_SHARED: Schema = {
    "color_aug": bool, "flip_aug": bool, "num_repeats": int, "random_crop": bool, "shuffle_caption": bool,
    "keep_tokens": int, "keep_tokens_separator": str, "secondary_separator": str, "caption_separator": str,
    "enable_wildcard": bool, "token_warmup_min": int, "token_warmup_step": (int, float), "caption_prefix": str,
    "caption_suffix": str, "custom_attributes": dict, "caption_dropout_every_n_epochs": int,
    "caption_dropout_rate": (int, float), "caption_tag_dropout_rate": (int, float), "caption_extension": str,
    "cache_info": bool, "resize_interpolation": str,
}  # fmt: skip
_KOHYA_SET: Schema = {
    "batch_size": int, "bucket_no_upscale": bool, "bucket_reso_steps": int, "enable_bucket": bool,
    "max_bucket_reso": int, "min_bucket_reso": int, "validation_seed": int, "validation_split": float,
    "resolution": (int, list), "network_multiplier": float, "resize_interpolation": str, "subsets": list,
}  # fmt: skip
_KOHYA_PLAIN: Schema = {
    **_KOHYA_SHARED, "image_dir": str, "is_reg": bool, "class_tokens": str, "alpha_mask": bool,
    "validation_seed": int, "validation_split": float,
}  # fmt: skip
_KOHYA_MASKED: Schema = {**_KOHYA_SHARED, "image_dir": str, "conditioning_data_dir": str}
_CV_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def _globbed(folder: Path) -> list[Path]:
    """Suffixes all in lower or all in upper case, no sub-folders, no hidden files."""
    listed = {suffix for one in _CV_SUFFIXES for suffix in (one, one.upper())}
    return sorted(path for path in folder.iterdir() if path.suffix in listed and not path.name.startswith("."))


def kohya(root: Path) -> Iterator[Sample]:
    (command,) = command_of(root)
    given = options_of(command)
    assert Path(given["--dataset_config"]).name == "dataset.toml"
    config = toml(root / "dataset.toml")
    check(config, {"general": dict, "datasets": list})
    general = config.get("general", {})
    check(general, {**_KOHYA_SHARED, **{k: v for k, v in _KOHYA_SET.items() if k != "subsets"}})
    seen_folders = set()
    for data_set in config["datasets"]:
        check(data_set, {**_KOHYA_SHARED, **_KOHYA_SET})
        subsets = data_set["subsets"]
        masked = "--masked_loss" in given and all("conditioning_data_dir" in one for one in subsets)
        for subset in subsets:
            check(subset, _KOHYA_MASKED if masked else _KOHYA_PLAIN)
            assert subset["image_dir"] not in seen_folders  # a second one is skipped
            seen_folders.add(subset["image_dir"])
            ending = {**general, **data_set, **subset}.get("caption_extension", ".caption")
            yield from _kohya_subset(subset, ending)


def _kohya_subset(subset: Mapping[str, Any], ending: str) -> Iterator[Sample]:
    folder = Path(subset["image_dir"])
    pictures = _globbed(folder)
    masks = None
    if "conditioning_data_dir" in subset:
        masks = {path.stem: path for path in _globbed(Path(subset["conditioning_data_dir"]))}
        assert set(masks) == {path.stem for path in pictures}  # missing and extra ones stop it
    for path in pictures:
        lines = path.with_suffix(ending).read_text(encoding="utf-8").splitlines()
        assert lines, f"{path}: a caption file without a line stops it"
        weights = grey(masks[path.stem], size_of(path)) if masks else None
        if subset.get("alpha_mask"):
            with Image.open(path) as image:
                weights = np.asarray(image.convert("RGBA"))[..., 3] / 255
        yield Sample(
            path=path,
            captions=(lines[0].strip(),),
            repeats=subset.get("num_repeats", 1),
            regularisation=subset.get("is_reg", False),
            weights=weights,
        )


# ---- musubi-tuner

_MUSUBI_SHARED: Schema = {
    "caption_extension": str, "batch_size": int, "num_repeats": int, "resolution": (int, list), "enable_bucket": bool,
    "bucket_no_upscale": bool, "skip_corrupted_cache": bool,
}  # fmt: skip
_MUSUBI_SET: Schema = {
    **_MUSUBI_SHARED, "image_directory": str, "image_jsonl_file": str, "cache_directory": str,
    "control_directory": str, "multiple_target": bool,
}  # fmt: skip


def musubi(root: Path) -> Iterator[Sample]:
    *caches, train = command_of(root)
    assert len(caches) == 2
    given = options_of(train)
    assert {"--dit", "--vae", "--dataset_config", "--network_module", "--optimizer_type"} <= set(given)
    assert {"--sdpa", "--flash_attn", "--flash3", "--sage_attn", "--xformers"} & set(given)  # or it stops
    config = toml(root / "dataset.toml")
    check(config, {"general": dict, "datasets": list})
    check(config["general"], _MUSUBI_SHARED)
    places = [one.get("cache_directory", one["image_directory"]) for one in config["datasets"]]
    assert len(set(places)) == len(places)
    for data_set in config["datasets"]:
        check(data_set, _MUSUBI_SET)
        ending = {**config["general"], **data_set}["caption_extension"]
        for path in _globbed(Path(data_set["image_directory"])):
            caption = path.with_suffix(ending)
            if caption.exists():  # else the picture is left out
                text = caption.read_text(encoding="utf-8").strip()
                yield Sample(path=path, captions=(text,), repeats=data_set.get("num_repeats", 1))


# ---- OneTrainer

_CONCEPT: Schema = {
    "__version": int, "name": str, "path": str, "seed": int, "enabled": bool, "type": str,
    "include_subdirectories": bool, "image_variations": int, "text_variations": int, "balancing": float,
    "balancing_strategy": str, "loss_weight": float, "image": dict, "text": dict,
}  # fmt: skip
_CONCEPT_IMAGE: Schema = {"enable_crop_jitter": bool, "enable_random_flip": bool, "enable_fixed_flip": bool}
_PART: Schema = {"train": bool, "weight_dtype": str}
_PARTS = ("unet", "transformer", "text_encoder", "text_encoder_2", "text_encoder_3", "text_encoder_4", "vae")
_ONETRAINER: Schema = {
    "__version": int, "training_method": str, "model_type": str, "base_model_name": str, "concept_file_name": str,
    "resolution": str, "aspect_ratio_bucketing": bool, "batch_size": int, "gradient_accumulation_steps": int,
    "learning_rate": float, "lora_rank": int, "lora_alpha": float, "masked_training": bool, "epochs": int,
    "save_every": int, "save_every_unit": str, "output_model_destination": str, "train_dtype": str,
    "timestep_distribution": str, "dynamic_timestep_shifting": bool, "noising_weight": float,
    "validation": bool, "validate_after": int, "validate_after_unit": str, **dict.fromkeys(_PARTS, dict),
}  # fmt: skip
_DATA_TYPES = {"FLOAT_8", "FLOAT_16", "FLOAT_32", "BFLOAT_16", "NFLOAT_4"}
_MODEL_PARTS = {  # model_type -> the parts that it loads
    "STABLE_DIFFUSION_15": {"text_encoder", "unet", "vae"},
    "STABLE_DIFFUSION_XL_10_BASE": {"text_encoder", "text_encoder_2", "unet", "vae"},
    "STABLE_DIFFUSION_35": {"text_encoder", "text_encoder_2", "text_encoder_3", "transformer", "vae"},
    "FLUX_DEV_1": {"text_encoder", "text_encoder_2", "transformer", "vae"},
    "FLUX_2": {"text_encoder", "transformer", "vae"},
    "CHROMA_1": {"text_encoder", "transformer", "vae"},
    "QWEN": {"text_encoder", "transformer", "vae"},
    "Z_IMAGE": {"text_encoder", "transformer", "vae"},
    "HUNYUAN_VIDEO": {"text_encoder", "text_encoder_2", "transformer", "vae"},
}
_MGDS_SUFFIXES = (".bmp", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".avif")


def onetrainer(root: Path) -> Iterator[Sample]:
    config = json.loads((root / "config.json").read_text(encoding="utf-8"))
    check(config, _ONETRAINER)
    parts = {key for key in config if key in _PARTS}
    assert parts == _MODEL_PARTS[config["model_type"]]
    for part in parts:
        check(config[part], _PART)
        assert config[part]["weight_dtype"] in _DATA_TYPES
    assert config["train_dtype"] in _DATA_TYPES
    assert config["training_method"] == "LORA"
    assert config.get("save_every_unit", "EPOCH") in ("NEVER", "EPOCH", "STEP", "SECOND", "MINUTE", "HOUR", "ALWAYS")
    for concept in json.loads((root / "concepts.json").read_text(encoding="utf-8")):
        check(concept, _CONCEPT)
        check(concept["image"], _CONCEPT_IMAGE)
        assert concept["text"] == {"prompt_source": "sample"}
        assert concept["enabled"]
        yield from _concept(concept, masked=config["masked_training"])


def _concept(concept: Mapping[str, Any], *, masked: bool) -> Iterator[Sample]:
    for path in sorted(Path(concept["path"]).iterdir()):
        if path.suffix.lower() not in _MGDS_SUFFIXES or path.stem.endswith(("-masklabel", "-condlabel")):
            continue
        lines = path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
        mask = path.with_name(f"{path.stem}-masklabel.png")
        has_mask = masked and mask.exists()
        yield Sample(
            path=path,
            captions=tuple(line.strip() for line in lines if line.strip()),
            repeats=concept["balancing"],
            regularisation=concept["type"] == "PRIOR_PREDICTION",
            weights=grey(mask, size_of(path)) if has_mask else None,
        )


# ---- ai-toolkit: unknown keys would be ignored without a word

_AITK = {
    "network": words("type linear linear_alpha rank"),
    "save": words("dtype save_every max_step_saves_to_keep save_format"),
    "train": words(
        "batch_size steps gradient_accumulation train_unet train_text_encoder gradient_checkpointing "
        "noise_scheduler optimizer lr dtype"
    ),
    "model": words("name_or_path is_xl is_flux is_v3 arch quantize"),
}
_AITK_SET = words(
    "folder_path caption_ext num_repeats resolution flip_x flip_y is_reg mask_path alpha_mask cache_latents_to_disk"
)
_AITK_ARCHES = {"chroma", "flux2", "qwen_image", "zimage", "wan21"}


def ai_toolkit(root: Path) -> Iterator[Sample]:
    config = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    assert config["job"] == "extension"
    (process,) = config["config"]["process"]
    assert process["type"] == "sd_trainer"
    for section, known in _AITK.items():
        assert set(process[section]) <= known, section
    assert process["model"].get("arch", "flux2") in _AITK_ARCHES
    assert type(process["train"]["lr"]) is float
    for data_set in process["datasets"]:
        assert set(data_set) <= _AITK_SET
        ending = "." + data_set["caption_ext"].lstrip(".")
        for folder, below, files in os.walk(data_set["folder_path"]):
            below[:] = [name for name in below if name != "_controls" and not name.startswith(".")]
            for name in sorted(files):
                if name.lower().endswith((".jpg", ".jpeg", ".png", ".webp")):
                    yield _aitk_sample(Path(folder) / name, ending, data_set)


def _aitk_sample(path: Path, ending: str, data_set: Mapping[str, Any]) -> Sample:
    text = path.with_suffix(ending).read_text(encoding="utf-8")
    tags = (part.strip() for part in text.replace("\n", ", ").replace("\r", ", ").split(","))
    weights = None
    if "mask_path" in data_set:
        tried = [Path(data_set["mask_path"]) / f"{path.stem}{end}" for end in (".jpg", ".jpeg", ".png", ".webp")]
        weights = grey(next(one for one in tried if one.exists()), size_of(path))
    return Sample(
        path=path,
        captions=(", ".join(tag for tag in tags if tag),),
        repeats=data_set["num_repeats"],
        regularisation=data_set.get("is_reg", False),
        weights=weights,
    )


# ---- SimpleTuner

_BACKEND = words(
    "id type dataset_type instance_data_dir crop crop_aspect crop_style resolution resolution_type minimum_image_size "
    "caption_strategy repeats cache_dir_vae cache_dir is_regularisation_data conditioning_data conditioning_type "
    "default"
)
_ST_ARGUMENTS = words(
    "model_type model_family pretrained_model_name_or_path data_backend_config output_dir train_batch_size "
    "gradient_accumulation_steps optimizer mixed_precision gradient_checkpointing learning_rate lora_rank lora_alpha "
    "max_train_steps num_train_epochs checkpoint_step_interval checkpoints_total_limit report_to eval_steps_interval "
    "num_eval_images eval_dataset_id"
)
_ST_FAMILIES = {
    "sd1x", "sdxl", "sd3", "flux", "flux2", "chroma", "qwen_image", "wan", "z-image", "hunyuanvideo",
}  # fmt: skip


def simpletuner(root: Path) -> Iterator[Sample]:
    (command,) = command_of(root)
    assert Path(options_of(command)["--env"]) == root
    config = json.loads((root / "config.json").read_text(encoding="utf-8"))
    assert {key.lstrip("-") for key in config} <= _ST_ARGUMENTS
    assert {"--model_type", "--model_family", "--optimizer", "--data_backend_config", "--output_dir"} <= set(config)
    assert config["--model_family"] in _ST_FAMILIES
    assert not (config["--max_train_steps"] and config["--num_train_epochs"])  # it refuses both
    backends = json.loads((root / "multidatabackend.json").read_text(encoding="utf-8"))
    by_id = {one["id"]: one for one in backends}
    assert len(by_id) == len(backends)
    assert sum(one["dataset_type"] == "text_embeds" and one.get("default", False) for one in backends) == 1
    for one in backends:
        assert set(one) <= _BACKEND
        if one.get("resolution_type") == "pixel_area":
            assert type(one["resolution"]) is int
        if one["dataset_type"] == "image":
            yield from _st_backend(one, by_id.get(one.get("conditioning_data", "")))


def _st_backend(backend: Mapping[str, Any], masks: Mapping[str, Any] | None) -> Iterator[Sample]:
    folder = Path(backend["instance_data_dir"])
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in (*_CV_SUFFIXES, ".avif", ".jxl")):
        text = (path.parent / f"{path.stem}.txt").read_text(encoding="utf-8")
        lines = tuple(line for line in text.split("\n") if line) if "\n" in text else (text,)
        weights = None
        if masks:
            assert masks["conditioning_type"] == "mask"
            weights = grey(Path(masks["instance_data_dir"]) / path.relative_to(folder), size_of(path))
        yield Sample(
            path=path,
            captions=lines,
            repeats=backend["repeats"] + 1,
            regularisation=backend.get("is_regularisation_data", False),
            weights=weights,
        )


# ---- diffusion-pipe

_DP_DATA: Schema = {
    "resolutions": list, "enable_ar_bucket": bool, "min_ar": float, "max_ar": float, "num_ar_buckets": int,
    "ar_buckets": list, "frame_buckets": list, "directory": list,
}  # fmt: skip
_DP_TRAIN: Schema = {
    "output_dir": str, "dataset": str, "epochs": int, "max_steps": int, "micro_batch_size_per_gpu": int,
    "gradient_accumulation_steps": int, "pipeline_stages": int, "activation_checkpointing": bool, "save_dtype": str,
    "save_every_n_steps": int, "save_every_n_epochs": int, "model": dict, "adapter": dict, "optimizer": dict,
    "eval_datasets": list, "eval_every_n_epochs": int, "eval_every_n_steps": int, "eval_before_first_step": bool,
    "eval_micro_batch_size_per_gpu": int, "eval_gradient_accumulation_steps": int,
}  # fmt: skip
_DP_TYPES = {"sdxl", "sd3", "flux", "flux2", "chroma", "qwen_image", "wan", "z_image", "hunyuan-video"}


def diffusion_pipe(root: Path) -> Iterator[Sample]:
    train, data = toml(root / "train.toml"), toml(root / "dataset.toml")
    check(train, _DP_TRAIN)
    check(data, _DP_DATA)
    assert sum(key.startswith("save_every_n_") for key in train) >= 1  # asserted by train.py
    assert train["model"]["type"] in _DP_TYPES
    assert train["model"]["dtype"] == "bfloat16"
    assert "alpha" not in train["adapter"]  # NotImplementedError there
    assert 1 <= len(data["resolutions"]) <= 3  # more make it quit
    for directory in data["directory"]:
        check(directory, {"path": str, "num_repeats": (int, float), "mask_path": str})
        folder = Path(directory["path"])
        masks = {path.stem: path for path in Path(directory.get("mask_path", folder)).iterdir() if path.is_file()}
        for path in sorted(folder.iterdir()):
            if not path.is_file() or path.suffix in (".txt", ".npz", ".json", ".parquet", ".bak", ".db"):
                continue
            text = path.with_suffix(".txt").read_text(encoding="utf-8").strip()
            weights = grey(masks[path.stem], size_of(path)) if "mask_path" in directory else None
            if text:  # else it is skipped
                yield Sample(path=path, captions=(text,), repeats=directory["num_repeats"], weights=weights)


# ---- diffusers: what load_dataset("imagefolder") makes of the folder, and what the examples open

_SPLITS = re.compile(r"(?:^|[^a-z])(train|training|validation|valid|dev|val|test|testing|eval|evaluation)(?:[^a-z]|$)")


def diffusers(root: Path) -> Iterator[Sample]:
    (command,) = command_of(root)
    given = options_of(command)
    repeats = int(given.get("--repeats", "1"))
    named = [path.name for path in root.iterdir() if path.is_file() and _SPLITS.search(path.name.lower())]
    assert not named, f"taken for data of a split: {named}"
    lines = (root / "train" / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    rows = {row["file_name"]: row for row in map(json.loads, lines)}
    pictures = sorted(path for path in (root / "train").iterdir() if path.name != "metadata.jsonl")
    assert [path.name for path in pictures] == sorted(rows)  # a picture without a row stops the loader
    for path in pictures:
        assert not _SPLITS.search(path.stem.lower())
        size_of(path)
        yield Sample(path=path, captions=(rows[path.name][given["--caption_column"]],), repeats=repeats)
    if "--class_data_dir" in given:
        for path in sorted(Path(given["--class_data_dir"]).iterdir()):
            size_of(path)  # every entry is opened
            yield Sample(path=path, captions=(given["--class_prompt"],), repeats=1, regularisation=True)


def folder(root: Path) -> Iterator[Sample]:
    """Pictures with .txt beside them, as nearly all read them; repeats by kohya's folder names."""
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() in _CV_SUFFIXES and "masks" not in path.relative_to(root).parts:
            text = path.with_suffix(".txt").read_text(encoding="utf-8").strip()
            prefix = path.parent.name.partition("_")[0]
            mask = root / "masks" / path.relative_to(root).with_suffix(".png")
            yield Sample(
                path=path,
                captions=(text,),
                repeats=int(prefix) if prefix.isdigit() and path.parent != root else 1,
                regularisation=path.relative_to(root).parts[0] == "reg",
                weights=grey(mask, size_of(path)) if mask.exists() else None,
            )


LOADERS: Mapping[str, Callable[[Path], Iterator[Sample]]] = {
    "folder": folder,
    "kohya": kohya,
    "onetrainer": onetrainer,
    "ai-toolkit": ai_toolkit,
    "simpletuner": simpletuner,
    "diffusion-pipe": diffusion_pipe,
    "musubi": musubi,
    "diffusers": diffusers,
}
