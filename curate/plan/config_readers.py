"""How each trainer's configuration is read, and its unknown keys refused with their line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from curate.plan.config_source import Source
from curate.plan.records import ConfigSubset
from curate.trainers import get


def _picked(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {ours: values[theirs] for theirs, ours in names.items() if values.get(theirs) is not None}


def _pair(value: Any) -> Any:
    """[w, h] or "w,h" as a pair, "1024" as a number."""
    if isinstance(value, str):
        parts = [int(part) for part in re.findall(r"\d+", value)]
        value = parts if len(parts) > 1 else parts[0] if parts else None
    if isinstance(value, list):
        value = tuple(value[:2]) if len(value) > 1 else value[0]
    return value[0] if isinstance(value, tuple) and value[0] == value[1] else value


def _kohya(source: Source) -> dict[str, Any]:
    root = source.parsed()
    if "datasets" not in root:
        flat: dict[str, Any] = {}
        for key, value in source.table(root, "training").items():
            flat |= source.table(value, key) if isinstance(value, dict) else {key: value}
        found = _picked(flat, TRAINING) | {k: flat[k] for k in get("kohya").options if k in flat}
        found["flips"] = bool(flat.get("flip_aug"))
        return found | ({"resolution": _pair(flat["resolution"])} if "resolution" in flat else {})
    return _data_sets(source, root)


def _data_sets(source: Source, root: dict[str, Any]) -> dict[str, Any]:
    """The data sets of kohya's or musubi's dataset TOML. Keys are inherited: general, data set, subset.

    Settings other than the folders and their repeats are those of the first.
    """
    source.table(root, "the file")
    general = source.table(root.get("general", {}), "general")
    data_sets = [{**general, **one} for one in source.tables(root["datasets"], "datasets")]
    if source.trainer == "kohya":
        each = [{**one, **subset} for one in data_sets for subset in source.tables(one.get("subsets"), "subsets")]
    else:
        each = data_sets
    values = each[0]
    found = _picked(values, {"batch_size": "batch_size"})
    found |= {k: values[k] for k in get(source.trainer).options if k in values}
    found["flips"] = any(bool(one.get("flip_aug")) for one in each)
    if "resolution" in values:
        found["resolution"] = _pair(values["resolution"])
    if len(data_sets) > 1 and any(_shape(one) != _shape(values) for one in data_sets):
        found["notes"] = ("It has several data sets: resolution, buckets and batch size of the first count for all.",)
    folder = "image_dir" if source.trainer == "kohya" else "image_directory"
    return found | {"subsets": _subsets(each, folder, "num_repeats", "is_reg")}


def _shape(values: Mapping[str, Any]) -> tuple[str, ...]:
    """What must be alike for data sets to count as one."""
    return tuple(repr(values.get(key)) for key in ("resolution", "batch_size", *sorted(get("kohya").options)))


def _subsets(
    tables: list[dict[str, Any]], folder: str, repeats: str, regularisation: str = ""
) -> tuple[ConfigSubset, ...]:
    """The folders that a configuration names, each with its repeats."""
    return tuple(
        ConfigSubset(
            path=str(one.get(folder) or ""),
            repeats=float(one.get(repeats, 1)),
            regularisation=bool(one.get(regularisation, False)),
        )
        for one in tables
    )


def _musubi(source: Source) -> dict[str, Any]:
    root = source.parsed()
    if "datasets" not in root:
        raise source.refused("it has no [[datasets]]", "Give its dataset configuration")
    return _data_sets(source, root)


def _onetrainer(source: Source) -> dict[str, Any]:
    root = source.parsed()
    if isinstance(root, list):  # a file of concepts alone
        return _concepts(source, root)
    values = source.table(root, "the configuration")
    found = _picked(values, TRAINING)
    optimizer = values.get("optimizer")
    if isinstance(optimizer, dict) and optimizer.get("optimizer"):
        found["optimizer"] = str(optimizer["optimizer"])
    if "resolution" in values:
        found["resolution"] = _pair(str(values["resolution"]))
    return found | (_concepts(source, values["concepts"]) if values.get("concepts") else {})


def _concepts(source: Source, concepts: Any) -> dict[str, Any]:
    """Concepts that are trained on. With the strategy SAMPLES `balancing` is a number of pictures, not of passes."""
    used = [
        {**one, "is_reg": one.get("type") == "PRIOR_PREDICTION"}
        for one in source.tables(concepts, "concepts")
        if one.get("enabled", True) and one.get("type") != "VALIDATION"
    ]
    flips = any(isinstance(image := one.get("image"), dict) and image.get("enable_random_flip") for one in used)
    if any(one.get("balancing_strategy") == "SAMPLES" for one in used):
        return {"notes": ("A concept is balanced by SAMPLES: its repeats are not read.",), "flips": flips}
    return {"subsets": _subsets(used, "path", "balancing", "is_reg"), "flips": flips}


def _ai_toolkit(source: Source) -> dict[str, Any]:
    root = source.table(source.parsed(), "the file")
    process = source.first(source.table(root.get("config"), "config").get("process"), "process")
    train = source.table(process.get("train", {}), "train")
    network = source.table(process.get("network", {}), "network")
    data_sets = source.tables(process.get("datasets"), "datasets")
    data_set = data_sets[0]
    found = _picked(train, TRAINING) | _picked(network, {"linear": "rank", "linear_alpha": "alpha"})
    found |= _picked(data_set, {"flip_x": "flip_x", "flip_y": "flip_y"})
    sides = data_set.get("resolution", 512)
    found["resolution"] = max(sides) if isinstance(sides, list) else sides
    if isinstance(sides, list) and len(sides) > 1:
        found["notes"] = (f"It trains every picture at {len(sides)} resolutions: the largest is taken.",)
    return found | {"subsets": _subsets(data_sets, "folder_path", "num_repeats", "is_reg")}


def _simpletuner(source: Source) -> dict[str, Any]:
    root = source.parsed()
    if isinstance(root, dict):
        return _picked(source.table(root, "the configuration"), TRAINING)
    images = [one for one in root or [] if isinstance(one, dict) and one.get("dataset_type", "image") == "image"]
    back_ends = source.tables(images, "image back end")
    back_ends = [one for one in back_ends if not one.get("disabled")] or back_ends
    found = _picked(back_ends[0], {"resolution": "resolution", "train_batch_size": "batch_size"})
    found |= {k: back_ends[0][k] for k in get("simpletuner").options if k in back_ends[0]}
    passes = [{**one, "repeats": int(one.get("repeats", 0)) + 1} for one in back_ends]
    return found | {"subsets": _subsets(passes, "instance_data_dir", "repeats", "is_regularisation_data")}


def _diffusion_pipe(source: Source) -> dict[str, Any]:
    values = source.table(source.parsed(), "the file")
    if "directory" not in values:
        adapter, optimizer = values.get("adapter", {}), values.get("optimizer", {})
        return (
            _picked(values, TRAINING)
            | _picked(adapter, {"rank": "rank"})
            | _picked(optimizer, {"lr": "learning_rate", "type": "optimizer"})
        )
    merged = [{**values, **one} for one in source.tables(values["directory"], "directory")]
    found = {k: merged[0][k] for k in get("diffusion-pipe").options if k in merged[0]}
    return found | {"subsets": _subsets(merged, "path", "num_repeats")}


TRAINING = {
    "train_batch_size": "batch_size",
    "batch_size": "batch_size",
    "micro_batch_size_per_gpu": "batch_size",
    "epochs": "epochs",
    "max_train_epochs": "epochs",
    "num_train_epochs": "epochs",
    "max_train_steps": "max_steps",
    "max_steps": "max_steps",
    "steps": "max_steps",
    "gradient_accumulation_steps": "gradient_accumulation",
    "gradient_accumulation": "gradient_accumulation",
    "learning_rate": "learning_rate",
    "unet_lr": "learning_rate",
    "lr": "learning_rate",
    "network_dim": "rank",
    "lora_rank": "rank",
    "network_alpha": "alpha",
    "lora_alpha": "alpha",
    "optimizer_type": "optimizer",
    "optimizer": "optimizer",
}
READERS: dict[str, Callable[[Source], dict[str, Any]]] = {
    "kohya": _kohya,
    "onetrainer": _onetrainer,
    "ai-toolkit": _ai_toolkit,
    "simpletuner": _simpletuner,
    "diffusion-pipe": _diffusion_pipe,
    "musubi": _musubi,
}
