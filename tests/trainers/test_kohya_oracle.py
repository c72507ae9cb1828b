"""kohya's own answers (tests/truth/kohya.json): the first wrong image is named first, then bucket, batch, step."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import pytest

from curate.errors import TrainerError
from curate.trainers.base import DataSet, Run, Size, Subset
from curate.trainers.batching import lay_out
from curate.trainers.count import count, counted
from curate.trainers.kohya import TRAINER, folder_repeats, make_bucket_resolutions, regularisation_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TRUTH = json.loads((Path(__file__).parents[1] / "truth" / "kohya.json").read_text(encoding="utf-8"))
CASES = {case["name"]: case for case in TRUTH["cases"]}


def _options(words: list[str]) -> Namespace:
    parser = ArgumentParser()
    for flag in ("enable_bucket", "bucket_no_upscale"):
        parser.add_argument(f"--{flag}", action="store_true")
    parser.add_argument("--resolution", default="512")
    for name, default in (
        ("train_batch_size", 1),
        ("min_bucket_reso", 256),
        ("max_bucket_reso", 1024),
        ("bucket_reso_steps", 64),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args(words)


class Folders:
    """The case's files: every picture once, with its row."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.sizes: list[Size] = []
        self.paths: list[str] = []
        self.rows: dict[str, tuple[int, ...]] = {}
        for root, stem, folders in (("train", "img", case["train"]), ("reg", "reg", case["reg"] or {})):
            for folder in sorted(folders):
                first = len(self.sizes)
                self.sizes += [(w, h) for w, h in folders[folder]]
                self.paths += [f"{root}/{folder}/{stem}{i:03d}.png" for i in range(len(folders[folder]))]
                self.rows[f"{root}/{folder}"] = tuple(range(first, len(self.sizes)))

    def subset(self, path: str, repeats: int) -> Subset:
        return Subset(
            pictures=self.rows[path], repeats=repeats, regularisation=path.startswith("reg/"), name=path.split("/")[1]
        )

    def named(self) -> tuple[Subset, ...]:
        times = {path: folder_repeats(path.split("/")[1]) for path in self.rows}
        return tuple(self.subset(path, n) for path, n in times.items() if n is not None)


def _run(case: dict[str, Any], folders: Folders) -> Run:
    chosen = vars(_options(case["cli"]))
    sets = []
    if case["dataset_toml"]:
        config = tomllib.loads(case["dataset_toml"])
        for data_set in config["datasets"]:
            values = {**chosen, "batch_size": 1, **config.get("general", {}), **data_set}
            subsets = tuple(
                folders.subset(s["image_dir"].replace("@TRAIN@", "train"), s["num_repeats"])
                for s in data_set["subsets"]
            )
            sets.append((subsets, (values["resolution"],) * 2, values["batch_size"], values))
    else:
        sides = [int(x) for x in chosen["resolution"].split(",")]
        sets.append((folders.named(), (sides[0], sides[-1]), chosen["train_batch_size"], chosen))
    return Run(
        sizes=tuple(folders.sizes),
        data_sets=tuple(
            DataSet(subsets=s, resolution=r, batch_size=b, options={k: o[k] for k in TRAINER.options})
            for s, r, b, o in sets
        ),
        epochs=case["max_train_epochs"],
        max_train_steps=None if case["max_train_epochs"] else case["max_train_steps_arg"],
        gradient_accumulation=case["gradient_accumulation_steps"],
        processes=case["num_processes"],
    )


def _images(run: Run, folders: Folders) -> list[dict[str, Any]]:
    """By data set and path: what the trainer makes of each image that it uses."""
    found = []
    for pool in lay_out(TRAINER, run).pools:
        images: dict[str, Any] = {}
        subject = sum(int(p.subset.repeats) * len(p.places) for p in pool.parts if not p.subset.regularisation)
        fill = iter(regularisation_of(pool, subject))
        for part in pool.parts:
            for row, (place,) in zip(part.subset.pictures, part.places, strict=True):
                times = next(fill) if part.subset.regularisation else part.subset.repeats
                if times:
                    images[folders.paths[row]] = {
                        "size": list(run.sizes[row]),
                        "bucket": list(place.bucket),
                        "resized": list(place.scaled),
                        "repeats": times,
                        "is_reg": part.subset.regularisation,
                    }
        found.append(images)
    return found


@pytest.mark.parametrize("name", CASES)
def test_kohya_does_what_its_own_code_did(name: str) -> None:
    case = CASES[name]
    folders = Folders(case)
    run = _run(case, folders)
    if "error" in case:
        with pytest.raises(TrainerError, match="max_bucket_reso"):
            count(TRAINER, run)
        return
    for index, (ours, theirs) in enumerate(zip(_images(run, folders), case["datasets"], strict=True)):
        for path, image in theirs["images"].items():
            assert ours.get(path) == image, f"data set {index}, image {path}"
        assert set(ours) == set(theirs["images"]), f"data set {index}, images"
    laid = lay_out(TRAINER, run)
    epoch = TRAINER.epoch(laid)
    for index, theirs in enumerate(case["datasets"]):
        mine = [b for b in epoch.buckets if b.pool == index]
        assert {f"{b.size[0]}x{b.size[1]}": b.entries for b in mine} == theirs["buckets"], f"data set {index}, buckets"
        assert sum(b.batches for b in mine) == theirs["batches"], f"data set {index}, batches"
        assert sum(b.entries - b.regularisation for b in mine) == theirs["num_train_images"]
    steps = counted(TRAINER, laid, epoch)
    assert steps.batches_per_epoch == case["batches_per_epoch"]
    assert epoch.per_process == case["batches_per_epoch_per_process"]
    assert steps.steps_per_epoch == case["update_steps_per_epoch"]
    assert steps.steps == case["max_train_steps"]
    assert steps.epochs == case["num_train_epochs"]


@pytest.mark.parametrize("entry", TRUTH["make_bucket_resolutions"], ids=lambda e: str(list(e.values())[:4]))
def test_the_bucket_list_is_the_trainers(entry: dict[str, Any]) -> None:
    width, height = entry["resolution"]
    ours = make_bucket_resolutions(
        (width, height), entry["min_bucket_reso"], entry["max_bucket_reso"], entry["bucket_reso_steps"]
    )
    assert [list(size) for size in ours] == entry["resolutions"]
