"""ai-toolkit: one YAML file; a data set for each folder.

Keys read in toolkit/config_modules.py of ai-toolkit 27a03a91, which ignores unknown ones without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from curate.output.captions import Shape
from curate.output.layouts.base import (
    CAPTION,
    alpha,
    how_to,
    learning_rate,
    options,
    place,
    place_held_out,
    place_masks,
    plain_folder,
    quoted,
    remarks,
    saves,
    shell,
    side,
)
from curate.output.layouts.text import comments, yaml_lines, yaml_value
from curate.output.records import Action, Draft, Part, WriteText
from curate.records import Role

_MODELS: Mapping[str, Mapping[str, object]] = {
    "sd15": {"name_or_path": "stable-diffusion-v1-5/stable-diffusion-v1-5"},
    "sdxl": {"name_or_path": "stabilityai/stable-diffusion-xl-base-1.0", "is_xl": True},
    "sd3": {"name_or_path": "stabilityai/stable-diffusion-3.5-large", "is_v3": True, "quantize": True},
    "flux": {"name_or_path": "black-forest-labs/FLUX.1-dev", "is_flux": True, "quantize": True},
    "chroma": {"name_or_path": "lodestones/Chroma1-HD", "arch": "chroma", "quantize": True},
    "flux2": {"name_or_path": "black-forest-labs/FLUX.2-dev", "arch": "flux2", "quantize": True},
    "qwen": {"name_or_path": "Qwen/Qwen-Image", "arch": "qwen_image", "quantize": True},
    "wan": {"name_or_path": "Wan-AI/Wan2.1-T2V-14B-Diffusers", "arch": "wan21", "quantize": True},
    "z-image": {"name_or_path": "Tongyi-MAI/Z-Image", "arch": "zimage", "quantize": True},
}
_DIFFUSION = ("sd15", "sdxl")  # trained by predicting noise; the others by flow matching


class AiToolkit:
    """It counts steps only, so repeats do nothing but balance folders."""

    name = "ai-toolkit"
    shape: Shape = "whole"
    reads_masks = True
    numbered = False
    validates = False
    held_out = "validation"
    config = "config.yaml"

    def folder(self, label: str, repeats: float, role: Role, *, own: bool) -> str:
        return plain_folder(label, role)

    def files(self, draft: Draft) -> Iterator[Action]:
        for part in draft.parts:
            yield from place(part)
            yield from place_masks(part)
        yield from place_held_out(draft)
        yield WriteText(to=self.config, text=_config(draft))
        yield how_to(draft, self.command(draft))

    def command(self, draft: Draft) -> str:
        if draft.values.base not in _MODELS:
            return f"# ai-toolkit trains no {draft.values.base}; kohya or OneTrainer may"
        return shell(f"python run.py {quoted(draft.path(self.config))}", [])

    def takes_alpha(self, base: str) -> bool:
        return True

    def window(self, draft: Draft) -> tuple[str, ...]:
        return ()


LAYOUT = AiToolkit()


def _config(draft: Draft) -> str:
    values = draft.values
    flow = values.base not in _DIFFUSION
    network = {"type": "lora", "linear": values.rank, "linear_alpha": alpha(draft)}
    save = {
        "dtype": "float16",
        "save_every": values.save_every or 250,
        "max_step_saves_to_keep": max(100, saves(draft)),  # older ones are deleted, and the first are the soundest
    }
    train = {
        "batch_size": values.batch_size,
        "steps": draft.steps or values.max_steps or 1000,
        "gradient_accumulation": values.gradient_accumulation,
        "train_unet": True,
        "train_text_encoder": False,
        "gradient_checkpointing": True,
        "noise_scheduler": "flowmatch" if flow else "ddpm",
        "optimizer": values.optimizer,
        "lr": learning_rate(draft),
        "dtype": "bf16",
    }
    model = _MODELS.get(values.base, {"name_or_path": "MODEL", "arch": values.base})
    lines = [
        *comments((*remarks(draft), "ai-toolkit has no epochs: train.steps is the whole length.")),
        "job: extension",
        "config:",
        f"  name: {yaml_value(draft.name)}",
        "  process:",
        "    - type: sd_trainer",
        "      training_folder: output",
        "      device: cuda:0",
    ]
    for section, keys in (("network", network), ("save", save), ("train", train), ("model", model)):
        lines += [f"      {section}:", *yaml_lines(keys, "        ")]
    lines.append("      datasets:")
    for part in draft.parts:
        first, *rest = yaml_lines(_data_set(draft, part))
        lines += [f"        - {first}", *(f"          {line}" for line in rest)]
    return "\n".join(lines) + "\n"


def _data_set(draft: Draft, part: Part) -> dict[str, object]:
    chosen = options(draft)
    found: dict[str, object] = {
        "folder_path": draft.path(part.folder),
        "caption_ext": CAPTION.lstrip("."),
        "num_repeats": int(part.repeats),
        "resolution": [side(draft.values.resolution)],
    }
    found |= {flip: True for flip in ("flip_x", "flip_y") if chosen[flip]}
    if part.role == "regularisation":
        found["is_reg"] = True
    if part.masked:
        found["mask_path"] = draft.path(part.mask_folder)
    return found
