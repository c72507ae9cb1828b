"""OneTrainer: a concept for each folder in concepts.json, and a configuration that names it.

Keys read in modules/util/config/ConceptConfig.py and TrainConfig.py of OneTrainer 23df3832. Without `__version` a file
counts as version 0 and is migrated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from curate.output.captions import Shape
from curate.output.layouts.base import (
    alpha,
    how_to,
    interval,
    learning_rate,
    place,
    place_masks,
    plain_folder,
    shell,
    side,
    table,
)
from curate.output.layouts.text import json_text
from curate.output.records import Action, Draft, Part, WriteText
from curate.records import Role

CONCEPT_VERSION = 2
CONFIG_VERSION = 12  # of TrainConfig; older snapshots read it as their own, newer ones migrate from it


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A base model with what OneTrainer's own LoRA preset for it sets beyond the defaults.

    Without these the defaults would load every part in 32 bits and train the text encoders too.
    """

    kind: str  # model_type
    name: str  # base_model_name
    trained: str = "transformer"  # the part that gets the LoRA
    dtype: str = "BFLOAT_16"  # of that part; the presets' for 16 and 24 GB of video memory
    encoders: Mapping[str, str] = field(default_factory=dict)  # text encoder -> its dtype
    trains_encoders: bool = False
    compute: str = "BFLOAT_16"  # train_dtype
    more: Mapping[str, object] = field(default_factory=dict)

    def keys(self) -> dict[str, object]:
        return {
            "model_type": self.kind,
            "base_model_name": self.name,
            self.trained: {"train": True, "weight_dtype": self.dtype},
            **{part: {"train": self.trains_encoders, "weight_dtype": kind} for part, kind in self.encoders.items()},
            "vae": {"weight_dtype": "FLOAT_32"},
            "train_dtype": self.compute,
            **self.more,
        }


_HALF = "FLOAT_16"
_CLIP_AND_T5 = {"text_encoder": "BFLOAT_16", "text_encoder_2": "NFLOAT_4"}
_FLOW: Mapping[str, object] = {"timestep_distribution": "LOGIT_NORMAL"}
MODELS: Mapping[str, Model] = {
    "sd15": Model(
        kind="STABLE_DIFFUSION_15",
        name="stable-diffusion-v1-5/stable-diffusion-v1-5",
        trained="unet",
        dtype=_HALF,
        encoders={"text_encoder": _HALF},
        trains_encoders=True,
        compute=_HALF,
    ),
    "sdxl": Model(
        kind="STABLE_DIFFUSION_XL_10_BASE",
        name="stabilityai/stable-diffusion-xl-base-1.0",
        trained="unet",
        dtype=_HALF,
        encoders={"text_encoder": _HALF, "text_encoder_2": _HALF},
        compute=_HALF,
    ),
    "sd3": Model(
        kind="STABLE_DIFFUSION_35",
        name="stabilityai/stable-diffusion-3.5-large",
        dtype=_HALF,
        encoders={"text_encoder": _HALF, "text_encoder_2": _HALF, "text_encoder_3": _HALF},
        compute=_HALF,
        more=_FLOW,
    ),
    "flux": Model(
        kind="FLUX_DEV_1",
        name="black-forest-labs/FLUX.1-dev",
        dtype="NFLOAT_4",
        encoders=_CLIP_AND_T5,
        more={**_FLOW, "dynamic_timestep_shifting": True},
    ),
    "flux2": Model(
        kind="FLUX_2",
        name="black-forest-labs/FLUX.2-dev",
        dtype="FLOAT_8",
        encoders={"text_encoder": "FLOAT_8"},
        more={**_FLOW, "dynamic_timestep_shifting": True},
    ),
    "chroma": Model(
        kind="CHROMA_1",
        name="lodestones/Chroma1-HD",
        encoders={"text_encoder": "BFLOAT_16"},
        more={"timestep_distribution": "INVERTED_PARABOLA", "noising_weight": 7.7},
    ),
    "qwen": Model(
        kind="QWEN", name="Qwen/Qwen-Image", dtype="FLOAT_8", encoders={"text_encoder": "FLOAT_8"}, more=_FLOW
    ),
    "z-image": Model(
        kind="Z_IMAGE", name="Tongyi-MAI/Z-Image", dtype="FLOAT_8", encoders={"text_encoder": "FLOAT_8"}, more=_FLOW
    ),
    "hunyuan": Model(
        kind="HUNYUAN_VIDEO",
        name="hunyuanvideo-community/HunyuanVideo",
        dtype="FLOAT_8",
        encoders={"text_encoder": "FLOAT_8", "text_encoder_2": "FLOAT_8"},
        more=_FLOW,
    ),
}


class OneTrainer:
    """Masks lie beside their pictures as -masklabel.png."""

    name = "onetrainer"
    shape: Shape = "alternatives"
    reads_masks = True
    numbered = False
    validates = True
    held_out = "validation"
    config = "config.json"

    def folder(self, label: str, repeats: float, role: Role, *, own: bool) -> str:
        return plain_folder(label, role)

    def files(self, draft: Draft) -> Iterator[Action]:
        for part in draft.every():
            yield from place(part)
            yield from place_masks(part, folder=part.folder, end="-masklabel.png")
        yield WriteText(to="concepts.json", text=json_text([_concept(draft, part) for part in draft.every()]))
        yield WriteText(to=self.config, text=json_text(_config(draft)))
        yield how_to(draft, self.command(draft), self.window(draft))

    def command(self, draft: Draft) -> str:
        if draft.values.base not in MODELS:
            return f"# OneTrainer trains no {draft.values.base}; musubi-tuner or SimpleTuner may"
        return shell("python scripts/train.py", [("--config-path", draft.path(self.config))])

    def takes_alpha(self, base: str) -> bool:
        return True

    def window(self, draft: Draft) -> tuple[str, ...]:
        title = "Or load OneTrainer's own LoRA preset for the model, choose the concepts file, and type in:"
        return table(title, list(_config(draft, shown=True).items()))


LAYOUT = OneTrainer()


_UNITS = {"epochs": "EPOCH", "steps": "STEP"}


def _every(draft: Draft) -> int:
    """The interval of saving in OneTrainer's unit: its steps are batches."""
    steps = draft.values.save_unit == "steps"
    return interval(draft) * (draft.values.gradient_accumulation if steps else 1)


def _concept(draft: Draft, part: Part) -> dict[str, object]:
    return {
        "__version": CONCEPT_VERSION,
        "name": f"{part.label} (held out)" if part.held_out else part.label,
        "path": draft.path(part.folder),
        "enabled": True,
        "type": _kind(part),
        "include_subdirectories": False,
        "balancing": float(part.repeats),
        "balancing_strategy": "REPEATS",
        "loss_weight": 1.0,
        "text": {"prompt_source": "sample"},
        "image": {"enable_crop_jitter": False, "enable_random_flip": False},  # both are on by default
    }


def _kind(part: Part) -> str:
    if part.held_out:
        return "VALIDATION"
    return "PRIOR_PREDICTION" if part.role == "regularisation" else "STANDARD"


def _config(draft: Draft, *, shown: bool = False) -> dict[str, object]:
    """The keys that decide steps and rate; all others keep OneTrainer's defaults."""
    values = draft.values
    resolution = values.resolution
    found: dict[str, object] = {} if shown else {"__version": CONFIG_VERSION, "training_method": "LORA"}
    if values.base in MODELS and not shown:
        found |= MODELS[values.base].keys()
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
        found |= {"save_every": _every(draft), "save_every_unit": _UNITS[values.save_unit]}
    if draft.validation:
        found |= {"validation": True, "validate_after": _every(draft), "validate_after_unit": _UNITS[values.save_unit]}
    if not shown:
        found["output_model_destination"] = f"models/{draft.name}.safetensors"
    return found
