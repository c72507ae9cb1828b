"""The other trainers' own answers (tests/truth/others.json), picture first, then bucket, batch and step."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from curate.trainers import get
from curate.trainers.base import DataSet, Laid, Options, Resolution, Run, Size, Steps, Subset
from curate.trainers.batching import lay_out
from curate.trainers.count import count
from curate.trainers.diffusers import ladder
from curate.trainers.diffusion_pipe import spaced
from curate.trainers.musubi import resolutions as musubi_resolutions
from curate.trainers.onetrainer import resolutions as onetrainer_resolutions

TRUTH = json.loads((Path(__file__).parents[1] / "truth" / "others.json").read_text(encoding="utf-8"))
SETS: dict[str, list[Size]] = {name: [(w, h) for w, h in sizes] for name, sizes in TRUTH["sets"].items()}


def entries(section: str) -> Any:
    return pytest.mark.parametrize(("name", "entry"), TRUTH[section].items(), ids=list(TRUTH[section]))


def text(size: Size | None) -> str:
    assert size is not None
    return f"{size[0]}x{size[1]}"


def answer(
    name: str, trainer: str, resolution: Resolution, batch: int, repeats: float, options: Options, **more: int
) -> tuple[list[Size], Laid, Steps]:
    sizes = SETS[name.split("_")[0]]
    run = Run(
        sizes=tuple(sizes),
        data_sets=(
            DataSet(
                subsets=(Subset(pictures=tuple(range(len(sizes))), repeats=repeats),),
                resolution=resolution,
                batch_size=batch,
                options=options,
            ),
        ),
        epochs=1,
        **more,
    )
    return sizes, lay_out(get(trainer), run), count(get(trainer), run)


def scaled(laid: Laid) -> list[list[int]]:
    return [list(places[0].scaled) for places in laid.pools[0].parts[0].places]


def by_text(steps: Steps) -> dict[str, int]:
    return {text(size): n for size, n in steps.buckets.items()}


@entries("onetrainer")
def test_onetrainer(name: str, entry: dict[str, Any]) -> None:
    options = {"quantization": entry["quantization"]}
    _, laid, steps = answer(name, "onetrainer", int(entry["res"]), entry["batch_size"], entry["repeats"], options)
    assert [text(b) for b in steps.bucket_of_picture] == entry["bucket_of_image"]
    assert scaled(laid) == entry["scale_of_image"]
    assert by_text(steps) == entry["buckets"]
    assert sum(steps.buckets.values()) == entry["samples"]
    assert steps.batches_per_epoch == entry["batches_per_epoch"]
    assert round(sum(steps.dropped.values()), 6) == entry["dropped_samples"]
    assert steps.steps == entry["batches_per_epoch"]


def test_onetrainers_list_of_resolutions() -> None:
    listed = {(e["res"], e["quantization"]): e["possible_resolutions_wh"] for e in TRUTH["onetrainer"].values()}
    for (res, quantization), theirs in listed.items():  # theirs also holds the buckets of the override's default, 512
        ours = {size for side in (int(res), 512) for size in onetrainer_resolutions(side, quantization)}
        assert sorted(ours) == sorted((w, h) for w, h in theirs)


@entries("ai_toolkit")
def test_ai_toolkit(name: str, entry: dict[str, Any]) -> None:
    options = {"bucket_divisibility": entry["divisibility"], "flip_x": bool(entry["flip_axes"])}
    _, laid, steps = answer(name, "ai-toolkit", entry["resolution"], entry["batch_size"], entry["num_repeats"], options)
    assert [text(b) for b in steps.bucket_of_picture] == entry["bucket_of_image"]
    assert scaled(laid) == entry["scale_of_image"]
    assert {k: n * 1 for k, n in by_text(steps).items()} == entry["buckets"]
    assert steps.batches_per_epoch == entry["batches_per_epoch"]
    assert steps.samples_per_epoch == entry["batches_per_epoch"] * entry["batch_sizes"][0]
    assert steps.steps == entry["batches_per_epoch"]


@entries("diffusion_pipe")
def test_diffusion_pipe(name: str, entry: dict[str, Any]) -> None:
    config = entry["ar_cfg"]
    spread = not isinstance(config[0], list)
    options = {
        "enable_ar_bucket": True,
        "resolutions": entry["resolutions"],
        "round_to_multiple": entry["round_to_multiple"],
    }
    if not spread:
        options["ar_buckets"] = config
    else:
        options |= {"min_ar": config[0], "max_ar": config[1], "num_ar_buckets": config[2]}
        assert list(spaced(*config)) == entry["ars"]
    _, laid, steps = answer(
        name,
        "diffusion-pipe",
        entry["resolutions"][0],
        entry["micro_batch"],
        entry["num_repeats"],
        options,
        gradient_accumulation=entry["gradient_accumulation_steps"],
        processes=entry["data_parallel"],
    )
    keys = [places[0].key for places in laid.pools[0].parts[0].places]
    assert [key[0] for key in keys] == entry["ar_of_image"]  # type: ignore[index]
    theirs: Counter[str] = Counter()
    for bucket, n in entry["buckets"].items():
        theirs[bucket.split("(")[0]] += n
    assert by_text(steps) == theirs
    assert steps.steps_per_epoch == entry["steps_per_epoch"]
    assert round(sum(steps.dropped.values()), 6) == entry["dropped_examples"]
    assert steps.steps == entry["steps_per_epoch"]


@entries("musubi")
def test_musubi(name: str, entry: dict[str, Any]) -> None:
    width, height = entry["resolution"]
    options = {"enable_bucket": entry["enable_bucket"], "bucket_no_upscale": entry["bucket_no_upscale"]}
    assert [list(s) for s in musubi_resolutions((width, height), 16)] == entry["all_resolutions"]
    _, _, steps = answer(name, "musubi", (width, height), entry["batch_size"], entry["num_repeats"], options)
    assert [text(b) for b in steps.bucket_of_picture] == entry["bucket_of_image"]
    assert by_text(steps) == entry["buckets"]
    assert steps.batches_per_epoch == entry["batches_per_epoch"]
    assert steps.steps == entry["batches_per_epoch"]


@entries("diffusers_buckets")
def test_diffusers(name: str, entry: dict[str, Any]) -> None:
    options = {"use_aspect_ratio_buckets": True}
    _, _, steps = answer(name, "diffusers", entry["resolution"], entry["batch_size"], entry["repeats"], options)
    assert [text(b) for b in steps.bucket_of_picture] == entry["bucket_of_image_wh"]
    assert steps.batches_per_epoch == entry["batches_drop_last_true"]
    assert sum(-(-n // entry["batch_size"]) for n in steps.buckets.values()) == entry["batches_drop_last_false"]


@pytest.mark.parametrize("resolution", TRUTH["diffusers_ladder_hw"])
def test_the_ladder_of_diffusers(resolution: str) -> None:
    assert [[h, w] for w, h in ladder(int(resolution))] == TRUTH["diffusers_ladder_hw"][resolution]


@entries("simpletuner")
def test_simpletuner(name: str, entry: dict[str, Any]) -> None:
    kind = entry["resolution_type"]
    resolution = entry["resolution"] if kind != "pixel_area" else round((entry["resolution"] * 1e6) ** 0.5)
    passes = entry["repeats_extra"] + 1
    # a minimum that every picture passes: with it the trainer prunes, as in the vectors, instead of refusing
    options = {"resolution_type": kind, "crop": entry["crop"], "minimum_image_size": 1 if kind != "area" else 1e-6}
    sizes, laid, steps = answer(name, "simpletuner", resolution, entry["batch_size"], passes, options)
    keys = [places[0].key for places in laid.pools[0].parts[0].places]
    assert keys == entry["bucket_key_of_image"]
    assert [text(b) for b in steps.bucket_of_picture] == entry["target_size_of_image"]
    pruned = {keys[row] for row, n in steps.dropped.items() if n}
    assert pruned == set(entry["buckets_pruned"])
    kept = Counter(str(key) for key in keys if key not in pruned)
    assert kept == entry["buckets_kept"]
    assert steps.batches_per_epoch == entry["batches_per_epoch"]
    assert steps.steps == entry["batches_per_epoch"]
    assert sum(steps.buckets.values()) == len(sizes) * passes
