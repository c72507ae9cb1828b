"""SimpleTuner: a data back end for each folder in multidatabackend.json, and a config.json that names it.

Keys read in the documentation and the examples of SimpleTuner bc8e6ab7, and in helpers/data_backend and
helpers/configuration of its release 3.1.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from curate.output.captions import Shape
from curate.output.layouts.base import (
    alpha,
    how_to,
    learning_rate,
    options,
    place,
    place_held_out,
    place_masks_alike,
    plain_folder,
    saves,
    shell,
)
from curate.output.layouts.text import json_text
from curate.output.records import Action, Draft, Part, WriteText
from curate.records import Role
from curate.trainers import base

_DATA = "multidatabackend.json"
_FAMILIES: Mapping[str, tuple[str, str]] = {  # base -> model_family, model
    "sd15": ("sd1x", "stable-diffusion-v1-5/stable-diffusion-v1-5"),
    "sdxl": ("sdxl", "stabilityai/stable-diffusion-xl-base-1.0"),
    "sd3": ("sd3", "stabilityai/stable-diffusion-3.5-large"),
    "flux": ("flux", "black-forest-labs/FLUX.1-dev"),
    "flux2": ("flux2", "black-forest-labs/FLUX.2-dev"),
    "chroma": ("chroma", "lodestones/Chroma1-HD"),
    "qwen": ("qwen_image", "Qwen/Qwen-Image"),
    "wan": ("wan", "Wan-AI/Wan2.1-T2V-14B-Diffusers"),
    "z-image": ("z-image", "Tongyi-MAI/Z-Image"),
    "hunyuan": ("hunyuanvideo", ""),
}


class SimpleTuner:
    """Its `repeats` counts extra passes: one less than everywhere else."""

    name = "simpletuner"
    shape: Shape = "alternatives"
    reads_masks = True
    numbered = False
    validates = True
    held_out = "validation"
    config = "config.json"

    def folder(self, label: str, repeats: float, role: Role, *, own: bool) -> str:
        return plain_folder(label, role)

    def files(self, draft: Draft) -> Iterator[Action]:
        for part in draft.parts:
            yield from place(part)
            yield from place_masks_alike(part)  # it looks for a picture's whole file name in the masks' folder
        yield from place_held_out(draft)
        yield WriteText(to=_DATA, text=json_text(_back_ends(draft)))
        yield WriteText(to=self.config, text=json_text(_config(draft)))
        yield how_to(draft, self.command(draft))

    def command(self, draft: Draft) -> str:
        """`--env` takes the folder that holds a config.json; data paths in it are whole, outputs are not."""
        return shell("simpletuner train", [("--env", draft.root)])

    def takes_alpha(self, base: str) -> bool:
        return True

    def window(self, draft: Draft) -> tuple[str, ...]:
        return ()


LAYOUT = SimpleTuner()


def _back_ends(draft: Draft) -> list[dict[str, object]]:
    found = []
    for part in draft.parts:
        found.append(_images(draft, part))
        if part.masked:
            found.append(_masks(draft, part))
    found += [_held_out(draft, part) for part in draft.validation]
    text = {"id": "text-embeds", "type": "local", "dataset_type": "text_embeds", "default": True}
    return [*found, {**text, "cache_dir": "cache/text"}]


def _shape(draft: Draft) -> dict[str, object]:
    chosen = options(draft)
    found: dict[str, object] = {
        "crop": chosen["crop"],
        "resolution": draft.values.resolution,
        "resolution_type": chosen["resolution_type"],
    }
    if chosen["crop"]:
        found["crop_aspect"] = "square"
    if chosen["minimum_image_size"] is not None:
        found["minimum_image_size"] = chosen["minimum_image_size"]
    return found


def _images(draft: Draft, part: Part) -> dict[str, object]:
    name = _id(part)
    found: dict[str, object] = {
        "id": name,
        "type": "local",
        "dataset_type": "image",
        "instance_data_dir": draft.path(part.folder),
        **_shape(draft),
        "caption_strategy": "textfile",
        "repeats": int(part.repeats) - 1,
        "cache_dir_vae": f"cache/vae/{name}",
    }
    if part.role == "regularisation":
        found["is_regularisation_data"] = True
    if part.masked:
        found["conditioning_data"] = f"{name}-masks"
    return found


def _held_out(draft: Draft, part: Part) -> dict[str, object]:
    """An eval data set, whose buckets must fill a batch of every process like those that are trained on."""
    name, values = _id(part), draft.values
    return {
        "id": name,
        "type": "local",
        "dataset_type": "eval",
        "instance_data_dir": draft.path(part.folder),
        **_shape(draft),
        "caption_strategy": "textfile",
        "repeats": values.batch_size * values.processes - 1,
        "cache_dir_vae": f"cache/vae/{name}",
    }


def _masks(draft: Draft, part: Part) -> dict[str, object]:
    return {
        "id": f"{_id(part)}-masks",
        "type": "local",
        "dataset_type": "conditioning",
        "conditioning_type": "mask",
        "instance_data_dir": draft.path(part.mask_folder),
        **_shape(draft),
    }


def _id(part: Part) -> str:
    return part.folder.replace("/", "-").replace(" ", "-")


def _config(draft: Draft) -> dict[str, object]:
    values = draft.values
    family, model = _FAMILIES[base(values.base).name]
    found: dict[str, object] = {
        "--model_type": "lora",
        "--model_family": family,
        **({"--pretrained_model_name_or_path": model} if model else {}),  # "": the family's own
        "--data_backend_config": draft.path(_DATA),
        "--output_dir": f"output/{draft.name}",
        "--train_batch_size": values.batch_size,
        "--gradient_accumulation_steps": values.gradient_accumulation,
        "--optimizer": "adamw_bf16",
        "--mixed_precision": "bf16",
        "--gradient_checkpointing": True,
        "--learning_rate": learning_rate(draft),
        "--lora_rank": values.rank,
        "--lora_alpha": alpha(draft),
    }
    if values.max_steps:
        found |= {"--max_train_steps": values.max_steps, "--num_train_epochs": 0}
    elif values.epochs:
        found |= {"--num_train_epochs": values.epochs, "--max_train_steps": 0}
    if values.save_every:
        found["--checkpoint_step_interval"] = values.save_every
        found["--checkpoints_total_limit"] = max(5, saves(draft))  # beyond 5, its default, it deletes the oldest
    if draft.validation:
        every = values.save_every or max(1, (draft.steps or 0) // 10)
        pictures = sum(len(part.pictures) for part in draft.validation)
        found |= {"--eval_steps_interval": every, "--num_eval_images": pictures}
    found["--report_to"] = "none"  # no account with a tracker is needed
    return found
