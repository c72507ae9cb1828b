"""OneTrainer: a concept for each folder in concepts.json, and a configuration that names it.

Keys read in modules/util/config/ConceptConfig.py and TrainConfig.py of OneTrainer 23df3832. Without `__version` a file
counts as version 0 and is migrated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from curate.output.captions import Shape
from curate.output.layouts.base import (
    alpha,
    how_to,
    learning_rate,
    place,
    place_masks,
    plain_folder,
    shell,
    side,
)
from curate.output.layouts.text import json_text
from curate.output.records import Action, Draft, Part, WriteText
from curate.records import Role

CONCEPT_VERSION = 2
CONFIG_VERSION = 12  # of TrainConfig; older snapshots read it as their own, newer ones migrate from it
MODELS: Mapping[str, tuple[str, str]] = {  # base -> model_type, base_model_name; both of OneTrainer's own presets
    "sd15": ("STABLE_DIFFUSION_15", "stable-diffusion-v1-5/stable-diffusion-v1-5"),
    "sdxl": ("STABLE_DIFFUSION_XL_10_BASE", "stabilityai/stable-diffusion-xl-base-1.0"),
    "sd3": ("STABLE_DIFFUSION_35", "stabilityai/stable-diffusion-3.5-large"),
    "flux": ("FLUX_DEV_1", "black-forest-labs/FLUX.1-dev"),
    "chroma": ("CHROMA_1", "lodestones/Chroma1-HD"),
    "qwen": ("QWEN", "Qwen/Qwen-Image"),
    "z-image": ("Z_IMAGE", "Tongyi-MAI/Z-Image-Turbo"),
}


class OneTrainer:
    """Masks lie beside their pictures as -masklabel.png."""

    name = "onetrainer"
    shape: Shape = "alternatives"
    reads_masks = True
    numbered = False
    config = "config.json"

    def folder(self, label: str, repeats: float, role: Role, *, own: bool) -> str:
        return plain_folder(label, role)

    def files(self, draft: Draft) -> Iterator[Action]:
        for part in draft.parts:
            yield from place(part)
            yield from place_masks(part, folder=part.folder, end="-masklabel.png")
        yield WriteText(to="concepts.json", text=json_text([_concept(draft, part) for part in draft.parts]))
        yield WriteText(to=self.config, text=json_text(_config(draft)))
        title = "Or load OneTrainer's own preset for the model, choose concepts.json, and type in:"
        yield how_to(draft, self.command(draft), list(_config(draft, shown=True).items()), title)

    def command(self, draft: Draft) -> str:
        return shell("python scripts/train.py", [("--config-path", draft.path(self.config))])


LAYOUT = OneTrainer()


def _concept(draft: Draft, part: Part) -> dict[str, object]:
    return {
        "__version": CONCEPT_VERSION,
        "name": part.label,
        "path": draft.path(part.folder),
        "enabled": True,
        "type": "PRIOR_PREDICTION" if part.role == "regularisation" else "STANDARD",
        "include_subdirectories": False,
        "balancing": float(part.repeats),
        "balancing_strategy": "REPEATS",
        "loss_weight": 1.0,
        "text": {"prompt_source": "sample"},
        "image": {"enable_crop_jitter": False},
    }


def _config(draft: Draft, *, shown: bool = False) -> dict[str, object]:
    """The keys that decide steps and rate; all others keep OneTrainer's defaults."""
    values = draft.values
    model, base_name = MODELS.get(values.base, ("", ""))
    resolution = values.resolution
    found: dict[str, object] = {} if shown else {"__version": CONFIG_VERSION, "training_method": "LORA"}
    if model and not shown:
        found |= {"model_type": model, "base_model_name": base_name}
    found |= {
        "concept_file_name": draft.path("concepts.json"),
        "resolution": f"{resolution[0]}x{resolution[1]}" if isinstance(resolution, tuple) else str(side(resolution)),
        "aspect_ratio_bucketing": True,
        "batch_size": values.batch_size,
        "gradient_accumulation_steps": values.gradient_accumulation,
        "learning_rate": learning_rate(draft),
        "lora_rank": values.rank,
        "lora_alpha": float(alpha(draft)),
        "masked_training": any(part.masked for part in draft.parts),
    }
    if draft.epochs:
        found["epochs"] = draft.epochs
    if values.save_every:
        found |= {"save_every": values.save_every, "save_every_unit": "EPOCH"}
    if not shown:
        found["output_model_destination"] = f"models/{draft.name}.safetensors"
    return found
