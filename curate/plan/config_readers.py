"""How each trainer's configuration is read, and its unknown keys refused with their line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from curate.plan.config_source import Source
from curate.plan.records import ConfigSubset
from curate.trainers import get

Subsets = tuple[ConfigSubset, ...]


def _pair(source: Source, value: Any) -> Any:
    """[w, h], "w,h" or "wxh" as a pair, "1024" as a number, px. Raises TrainerError for anything else."""
    sides = re.split(r"[,x]", value) if isinstance(value, str) else value if isinstance(value, list) else [value]
    if not 1 <= len(sides) <= 2:
        raise source.wrong("resolution", value, "one side, or width and height")
    given = [int(source.number("resolution", side, whole=True)) for side in sides]
    return given[0] if given[0] == given[-1] else tuple(given)


def _largest(source: Source, values: Sequence[Any]) -> tuple[int, tuple[str, ...]]:
    """The largest of several resolutions, px, and what to say of the others."""
    sides = [int(source.number("resolution", side, whole=True)) for side in values]
    if len(sides) == 1:
        return sides[0], ()
    return max(sides), (f"It trains every picture at {len(sides)} resolutions: the largest is taken.",)


def _alike(tables: Sequence[Mapping[str, Any]], keys: Iterable[str], what: str) -> tuple[str, ...]:
    """What to say where folders differ in what must be one setting here."""
    if len({tuple(repr(one.get(key)) for key in sorted(keys)) for one in tables}) < 2:
        return ()
    return (f"Its {what} differ: resolution, buckets and batch size of the first count for all.",)


def _kohya(source: Source) -> dict[str, Any]:
    root = source.parsed()
    if "datasets" not in root:
        flat: dict[str, Any] = {}
        for key, value in source.table(root, "training").items():
            flat |= source.table(value, key) if isinstance(value, dict) else {key: value}
        found = source.picked(flat, TRAINING) | {k: flat[k] for k in get("kohya").options if k in flat}
        found["flips"] = bool(flat.get("flip_aug"))
        return found | ({"resolution": _pair(source, flat["resolution"])} if "resolution" in flat else {})
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
    found = source.picked(values, {"batch_size": "batch_size"})
    found |= {k: values[k] for k in get(source.trainer).options if k in values}
    found["flips"] = any(bool(one.get("flip_aug")) for one in each)
    if "resolution" in values:
        found["resolution"] = _pair(source, values["resolution"])
    found["notes"] = _alike(data_sets, ("resolution", "batch_size", *get(source.trainer).options), "data sets")
    folder = "image_dir" if source.trainer == "kohya" else "image_directory"
    return found | {"subsets": _subsets(source, each, (folder, "num_repeats", "is_reg"))}


def _subsets(source: Source, tables: Sequence[Mapping[str, Any]], keys: tuple[str, str, str]) -> Subsets:
    """The folders that a configuration names, each with its repeats, by its keys for these and for regularisation."""
    folder, repeats, regularisation = keys
    whole = get(source.trainer).whole_repeats
    return tuple(
        ConfigSubset(
            path=str(one.get(folder) or ""),
            repeats=float(source.number(repeats, one.get(repeats, 1), whole)),
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
    optimizer = values.get("optimizer")
    if isinstance(optimizer, dict):
        values["optimizer"] = optimizer.get("optimizer")
    found = source.picked(values, TRAINING)
    sides = str(values.get("resolution") or "")
    if "x" in sides:
        found["resolution"] = _pair(source, sides)
    elif sides:  # "512,768" are two resolutions here, not width and height
        found["resolution"], found["notes"] = _largest(source, sides.split(","))
    concepts = _concepts(source, values["concepts"]) if values.get("concepts") else {}
    notes = (*found.get("notes", ()), *concepts.get("notes", ()))
    return found | concepts | {"notes": notes}


def _concepts(source: Source, concepts: Any) -> dict[str, Any]:
    """Concepts that are trained on. With the strategy SAMPLES `balancing` is a number of pictures, not of passes."""
    used = [
        {**one, "is_reg": one.get("type") == "PRIOR_PREDICTION"}
        for one in source.tables(concepts, "concepts")
        if one.get("enabled", True) and one.get("type") != "VALIDATION"
    ]
    if not any(one.get("path") for one in used):
        raise source.refused("no concept that is trained on names a path", "See the trainer's own example")
    flips = any(isinstance(image := one.get("image"), dict) and image.get("enable_random_flip") for one in used)
    if any(one.get("balancing_strategy") == "SAMPLES" for one in used):
        return {"notes": ("A concept is balanced by SAMPLES: its repeats are not read.",), "flips": flips}
    return {"subsets": _subsets(source, used, ("path", "balancing", "is_reg")), "flips": flips}


def _ai_toolkit(source: Source) -> dict[str, Any]:
    root = source.table(source.parsed(), "the file")
    process = source.first(source.table(root.get("config"), "config").get("process"), "process")
    train = source.table(process.get("train", {}), "train")
    network = source.table(process.get("network", {}), "network")
    data_sets = source.tables(process.get("datasets"), "datasets")
    data_set = data_sets[0]
    found = source.picked(train, TRAINING) | source.picked(network, {"linear": "rank", "linear_alpha": "alpha"})
    found |= {key: data_set[key] for key in ("flip_x", "flip_y") if key in data_set}
    sides = data_set.get("resolution", 512)
    found["resolution"], several = _largest(source, sides if isinstance(sides, list) else [sides])
    found["notes"] = (*several, *_alike(data_sets, ("resolution", "flip_x", "flip_y"), "data sets"))
    return found | {"subsets": _subsets(source, data_sets, ("folder_path", "num_repeats", "is_reg"))}


def _simpletuner(source: Source) -> dict[str, Any]:
    root = source.parsed()
    if isinstance(root, dict):
        return source.picked(source.table(root, "the configuration"), TRAINING)
    listed = root if isinstance(root, list) else []
    images = [one for one in listed if isinstance(one, dict) and one.get("dataset_type", "image") == "image"]
    back_ends = source.tables(images, "image back end")
    back_ends = [one for one in back_ends if not one.get("disabled")] or back_ends
    first, options = back_ends[0], get("simpletuner").options
    found = source.picked(first, {"resolution": "resolution", "train_batch_size": "batch_size"})
    if found.get("resolution") == int(found.get("resolution", 0)) and first.get("resolution_type") != "area":
        found["resolution"] = int(found["resolution"])
    found |= {k: first[k] for k in options if k in first}
    found["notes"] = _alike(back_ends, ("resolution", "train_batch_size", *options), "back ends")
    passes = [{**one, "repeats": _passes(source, one.get("repeats", 0))} for one in back_ends]
    return found | {"subsets": _subsets(source, passes, ("instance_data_dir", "repeats", "is_regularisation_data"))}


def _passes(source: Source, extra: Any) -> int:
    """Passes an epoch from SimpleTuner's field of extra ones."""
    if isinstance(extra, bool) or not isinstance(extra, int) or extra < 0:
        raise source.wrong("repeats", extra, "a whole number from 0 on")
    return extra + 1


def _diffusion_pipe(source: Source) -> dict[str, Any]:
    values = source.table(source.parsed(), "the file")
    if "directory" not in values:
        adapter = source.table(values.get("adapter", {}), "adapter")
        optimizer = source.table(values.pop("optimizer", {}), "optimizer")
        notes: tuple[str, ...] = ()
        batch = values.get("micro_batch_size_per_gpu")
        if isinstance(batch, list) and all(isinstance(one, list) and len(one) == 2 for one in batch) and batch:
            side, values["micro_batch_size_per_gpu"] = max(batch)
            notes = (f"Its batch size differs by resolution: that of {side} px is taken.",)
        return (
            source.picked(values, TRAINING)
            | source.picked(adapter, {"rank": "rank"})
            | source.picked(optimizer, {"lr": "learning_rate", "type": "optimizer"})
            | {"notes": notes}
        )
    merged = [{**values, **one} for one in source.tables(values["directory"], "directory")]
    found = {k: merged[0][k] for k in get("diffusion-pipe").options if k in merged[0]}
    found["notes"] = _alike(merged, get("diffusion-pipe").options, "directories")
    return found | {"subsets": _subsets(source, merged, ("path", "num_repeats", ""))}


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
