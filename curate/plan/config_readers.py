"""How each trainer's configuration is read, and its unknown keys refused with their line."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

from curate.errors import TrainerError
from curate.plan.config_keys import KNOWN, READ
from curate.trainers import get

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LIKE = 0.85  # share of letters in common from which an unknown key counts as misspelt


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    trainer: str
    path: Path
    text: str

    def parsed(self) -> Any:
        """The file's values. Raises TrainerError that names the line where it does not parse."""
        try:
            if self.path.suffix.lower() == ".toml":
                return tomllib.loads(self.text)
            if self.path.suffix.lower() in (".yaml", ".yml"):
                return import_module("yaml").safe_load(self.text)
            return json.loads(self.text)
        except ValueError as error:  # TOML and JSON; both messages name the line
            raise self.refused(f"does not parse: {error}", "Mend it, or leave it out") from error
        except Exception as error:
            mark = getattr(error, "problem_mark", None)
            if mark is None:
                raise
            raise self.refused(
                f"line {mark.line + 1} does not parse: {getattr(error, 'problem', '')}", "Mend it"
            ) from error

    def refused(self, problem: str, advice: str) -> TrainerError:
        return TrainerError(self.trainer, f"{self.path.name}: " + " ".join(problem.split()), advice)

    def line(self, key: str) -> int:
        """The line (from 1) on which a key stands first."""
        found = re.search(rf"""^[^#\n]*?["']?{re.escape(key)}["']?\s*[=:]""", self.text, re.MULTILINE)
        return self.text.count("\n", 0, found.end()) + 1 if found else 1

    def table(self, value: Any, section: str) -> dict[str, Any]:
        """A section's keys, after unknown or misspelt ones have been refused."""
        if not isinstance(value, dict):
            raise self.refused(f"{section} is no table of keys", "See the trainer's own example")
        known = KNOWN.get((self.trainer, section))
        for key in value:
            plain = key.lstrip("-")
            if known is not None and plain not in known:
                raise self._unknown(key, section, get_close_matches(plain, known, 1))
            read = READ[self.trainer]
            like = get_close_matches(plain, read, 1, LIKE)
            if known is None and like and plain not in read:
                raise self._unknown(key, section, like)
        return {key.lstrip("-"): one for key, one in value.items()}

    def _unknown(self, key: str, section: str, like: list[str]) -> TrainerError:
        advice = f"Did you mean {like[0]}" if like else "Remove it"
        return self.refused(f"line {self.line(key)}: no key called {key!r} in {section}", advice)

    def first(self, value: Any, section: str) -> dict[str, Any]:
        """The first of a list of tables; the others are checked too."""
        if not isinstance(value, list) or not value:
            raise self.refused(f"it has no {section}", "See the trainer's own example")
        tables = [self.table(one, section) for one in value]
        return tables[0]


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
        return found | ({"resolution": _pair(flat["resolution"])} if "resolution" in flat else {})
    return _data_sets(source, root)


def _data_sets(source: Source, root: dict[str, Any]) -> dict[str, Any]:
    """The general section and the first data set of kohya's or musubi's dataset TOML, which inherit in that order."""
    source.table(root, "the file")
    general = source.table(root.get("general", {}), "general")
    data_set = source.first(root["datasets"], "datasets")
    subset = source.first(data_set["subsets"], "subsets") if source.trainer == "kohya" else {}
    values = {**general, **data_set, **subset}
    found = _picked(values, {"batch_size": "batch_size", "num_repeats": "repeats"})
    found |= {k: values[k] for k in get(source.trainer).options if k in values}
    if "resolution" in values:
        found["resolution"] = _pair(values["resolution"])
    if len(root["datasets"]) > 1 or len(data_set.get("subsets", [])) > 1:
        found["notes"] = ("It has several data sets or subsets: the first one's settings are taken for all.",)
    return found


def _musubi(source: Source) -> dict[str, Any]:
    root = source.parsed()
    if "datasets" not in root:
        raise source.refused("it has no [[datasets]]", "Give its dataset configuration")
    return _data_sets(source, root)


def _onetrainer(source: Source) -> dict[str, Any]:
    values = source.table(source.parsed(), "the configuration")
    found = _picked(values, TRAINING)
    optimizer = values.get("optimizer")
    if isinstance(optimizer, dict) and optimizer.get("optimizer"):
        found["optimizer"] = str(optimizer["optimizer"])
    if "resolution" in values:
        found["resolution"] = _pair(str(values["resolution"]))
    concepts = values.get("concepts")
    if concepts:
        found["repeats"] = source.first(concepts, "concepts").get("balancing", 1.0)
    return found


def _ai_toolkit(source: Source) -> dict[str, Any]:
    root = source.table(source.parsed(), "the file")
    process = source.first(source.table(root.get("config"), "config").get("process"), "process")
    train = source.table(process.get("train", {}), "train")
    network = source.table(process.get("network", {}), "network")
    data_set = source.first(process.get("datasets"), "datasets")
    found = _picked(train, TRAINING) | _picked(network, {"linear": "rank", "linear_alpha": "alpha"})
    found |= _picked(data_set, {"num_repeats": "repeats", "flip_x": "flip_x", "flip_y": "flip_y"})
    sides = data_set.get("resolution", 512)
    found["resolution"] = max(sides) if isinstance(sides, list) else sides
    if isinstance(sides, list) and len(sides) > 1:
        found["notes"] = (f"It trains every picture at {len(sides)} resolutions: the largest is taken.",)
    return found


def _simpletuner(source: Source) -> dict[str, Any]:
    root = source.parsed()
    if isinstance(root, dict):
        return _picked(source.table(root, "the configuration"), TRAINING)
    images = [one for one in root or [] if isinstance(one, dict) and one.get("dataset_type", "image") == "image"]
    back_end = source.first(images, "image back end")
    found = _picked(back_end, {"resolution": "resolution", "train_batch_size": "batch_size"})
    found |= {k: back_end[k] for k in get("simpletuner").options if k in back_end}
    return found | {"repeats": int(back_end.get("repeats", 0)) + 1}


def _diffusion_pipe(source: Source) -> dict[str, Any]:
    values = source.table(source.parsed(), "the file")
    if "directory" not in values:
        adapter, optimizer = values.get("adapter", {}), values.get("optimizer", {})
        return (
            _picked(values, TRAINING)
            | _picked(adapter, {"rank": "rank"})
            | _picked(optimizer, {"lr": "learning_rate", "type": "optimizer"})
        )
    directory = source.first(values["directory"], "directory")
    merged = {**values, **directory}
    found = {k: merged[k] for k in get("diffusion-pipe").options if k in merged}
    return found | _picked(merged, {"num_repeats": "repeats"})


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
