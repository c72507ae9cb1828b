"""diffusion-pipe: a directory for each folder in dataset.toml, and a train.toml that names it.

Keys read in utils/dataset.py and the examples of diffusion-pipe 8f83dbf2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from curate.output.captions import Shape
from curate.output.layouts.base import (
    how_to,
    learning_rate,
    options,
    place,
    place_masks,
    plain_folder,
    remarks,
    shell,
    side,
    whole,
)
from curate.output.layouts.text import comments, toml_lines
from curate.output.records import Action, Draft, Part, WriteText
from curate.records import Role

_HELD_OUT = "validation.toml"
MODELS: Mapping[str, Mapping[str, object]] = {  # as docs/supported_models.md gives them
    "sdxl": {"type": "sdxl", "checkpoint_path": "MODEL.safetensors"},
    "sd3": {"type": "sd3", "diffusers_path": "MODEL_FOLDER"},
    "flux": {"type": "flux", "diffusers_path": "MODEL_FOLDER", "flux_shift": True},
    "flux2": {
        "type": "flux2",
        "diffusion_model": "MODEL.safetensors",
        "vae": "VAE.safetensors",
        "text_encoders": [{"path": "TEXT_ENCODER.safetensors", "type": "flux2"}],
        "timestep_sample_method": "logit_normal",
        "shift": 3,
    },
    "chroma": {
        "type": "chroma",
        "diffusers_path": "FLUX_FOLDER",
        "transformer_path": "MODEL.safetensors",
        "flux_shift": True,
    },
    "qwen": {"type": "qwen_image", "diffusers_path": "MODEL_FOLDER", "timestep_sample_method": "logit_normal"},
    "wan": {"type": "wan", "ckpt_path": "MODEL_FOLDER", "timestep_sample_method": "logit_normal"},
    "z-image": {
        "type": "z_image",
        "diffusion_model": "MODEL.safetensors",
        "vae": "VAE.safetensors",
        "text_encoders": [{"path": "TEXT_ENCODER.safetensors", "type": "lumina2"}],
    },
    "hunyuan": {
        "type": "hunyuan-video",
        "transformer_path": "MODEL.safetensors",
        "vae_path": "VAE.safetensors",
        "llm_path": "LLM_FOLDER",
        "clip_path": "CLIP_FOLDER",
        "timestep_sample_method": "logit_normal",
    },
}


class DiffusionPipe:
    """Only pictures and captions in a directory, since it tries everything else as a picture or video."""

    name = "diffusion-pipe"
    shape: Shape = "whole"
    reads_masks = True
    numbered = False
    validates = True
    held_out = "validation"
    config = "train.toml"

    def folder(self, label: str, repeats: float, role: Role, *, own: bool) -> str:
        return plain_folder(label, role)

    def files(self, draft: Draft) -> Iterator[Action]:
        for part in draft.every():
            yield from place(part)
            yield from place_masks(part)
        yield WriteText(to="dataset.toml", text=_dataset(draft, draft.parts))
        if draft.validation:
            yield WriteText(to=_HELD_OUT, text=_dataset(draft, draft.validation))
        yield WriteText(to=self.config, text=_training(draft))
        yield how_to(draft, self.command(draft))

    def command(self, draft: Draft) -> str:
        processes = draft.values.processes
        if draft.values.base not in MODELS:
            return f"# diffusion-pipe trains no {draft.values.base}; kohya or OneTrainer may"
        return shell(f"deepspeed --num_gpus={processes} train.py --deepspeed", [("--config", draft.path(self.config))])

    def takes_alpha(self, base: str) -> bool:
        return False  # train.py stops at an alpha of its own

    def window(self, draft: Draft) -> tuple[str, ...]:
        return ()


LAYOUT = DiffusionPipe()


def _dataset(draft: Draft, parts: Sequence[Part]) -> str:
    chosen = options(draft)
    sides = chosen["resolutions"] or [side(draft.values.resolution)]
    keys: dict[str, object] = {"resolutions": sides, "enable_ar_bucket": chosen["enable_ar_bucket"]}
    if chosen["ar_buckets"] is not None:
        keys["ar_buckets"] = chosen["ar_buckets"]
    else:
        keys |= {
            "min_ar": _float(chosen["min_ar"]),
            "max_ar": _float(chosen["max_ar"]),
            "num_ar_buckets": chosen["num_ar_buckets"],
        }
    keys["frame_buckets"] = [1]
    said = [f"What is held out of {draft.name} to validate on."] if parts is draft.validation else remarks(draft)
    lines = [*comments(said), "", *toml_lines(keys), ""]
    for part in parts:
        lines += [
            *comments([f"{len(part.pictures)} pictures"]),
            "[[directory]]",
            *toml_lines(_directory(draft, part)),
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


def _directory(draft: Draft, part: Part) -> dict[str, object]:
    found: dict[str, object] = {"path": draft.path(part.folder), "num_repeats": whole(part.repeats)}
    if part.masked:
        found["mask_path"] = draft.path(part.mask_folder)
    return found


def _training(draft: Draft) -> str:
    values = draft.values
    keys: dict[str, object] = {
        "output_dir": f"output/{draft.name}",
        "dataset": draft.path("dataset.toml"),
        "epochs": draft.epochs or values.epochs or 1,
    }
    if values.max_steps:
        keys["max_steps"] = values.max_steps
    keys |= {
        "micro_batch_size_per_gpu": values.batch_size,
        "gradient_accumulation_steps": values.gradient_accumulation,
        "pipeline_stages": 1,
        "activation_checkpointing": True,
        "save_dtype": "bfloat16",
    }
    keys |= {"save_every_n_steps": values.save_every} if values.save_every else {"save_every_n_epochs": 1}
    if draft.validation:
        keys["eval_datasets"] = [{"name": "validation", "config": draft.path(_HELD_OUT)}]
        keys |= {"eval_every_n_steps": values.save_every} if values.save_every else {"eval_every_n_epochs": 1}
        keys |= {"eval_before_first_step": True, "eval_micro_batch_size_per_gpu": 1}
        keys["eval_gradient_accumulation_steps"] = 1  # with more, short buckets of so few pictures would be dropped
    model = {**MODELS.get(values.base, {"type": values.base}), "dtype": "bfloat16"}
    adapter = {"type": "lora", "rank": values.rank, "dtype": "bfloat16"}
    optimizer = {
        "type": "adamw_optimi",
        "lr": learning_rate(draft),
        "betas": [0.9, 0.99],
        "weight_decay": 0.01,
        "eps": 1e-8,
    }
    lines = [*comments(remarks(draft)), "", *toml_lines(keys), ""]
    for section, values_of in (("model", model), ("adapter", adapter), ("optimizer", optimizer)):
        lines += [f"[{section}]", *toml_lines(values_of), ""]
    return "\n".join(lines).rstrip() + "\n"


def _float(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
