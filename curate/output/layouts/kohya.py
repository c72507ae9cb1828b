"""kohya sd-scripts: `N_name` folders that work by their names alone, and a dataset.toml that says the same.

Schema read in library/config_util.py of sd-scripts 48d368fa, which refuses unknown keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from curate.output.captions import Shape
from curate.output.layouts.base import (
    CAPTION,
    alpha,
    how_to,
    interval,
    learning_rate,
    length,
    options,
    place,
    place_held_out,
    place_masks,
    remarks,
    shell,
    side,
    table,
)
from curate.output.layouts.text import comments, toml_lines
from curate.output.records import Action, Draft, Part, WriteText
from curate.records import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The training script for a base model, and the arguments that only the user can fill in."""

    file: str
    network: str = "networks.lora"
    more: tuple[tuple[str, object], ...] = ()


_T5 = ("--t5xxl", "T5XXL.safetensors")
_CLIP = ("--clip_l", "CLIP_L.safetensors")
_AE = ("--ae", "AE.safetensors")
SCRIPTS: Mapping[str, Script] = {  # as docs/*_train_network.md of sd-scripts give them
    "sd15": Script(file="train_network.py"),
    "sdxl": Script(file="sdxl_train_network.py"),
    "sd3": Script(
        file="sd3_train_network.py",
        network="networks.lora_sd3",
        more=(_CLIP, _T5, ("--clip_g", "CLIP_G.safetensors")),
    ),
    "flux": Script(
        file="flux_train_network.py",
        network="networks.lora_flux",
        more=(
            *(_CLIP, _T5, _AE),
            *(("--guidance_scale", 1.0), ("--timestep_sampling", "flux_shift"), ("--model_prediction_type", "raw")),
        ),
    ),
    "chroma": Script(
        file="flux_train_network.py",
        network="networks.lora_flux",
        more=(
            *(("--model_type", "chroma"), _T5, _AE, ("--apply_t5_attn_mask", None)),
            *(("--guidance_scale", 0.0), ("--timestep_sampling", "sigmoid"), ("--model_prediction_type", "raw")),
        ),
    ),
}


class Kohya:
    """Every subset of the source stays a subset, with its repeats as the plan set them."""

    name = "kohya"
    shape: Shape = "first line"
    reads_masks = True
    numbered = False
    validates = True
    held_out = "validation"
    config = "dataset.toml"

    def folder(self, label: str, repeats: float, role: Role, *, own: bool) -> str:
        named = f"{int(repeats)}_{label}"
        return f"reg/{named}" if role == "regularisation" else named

    def files(self, draft: Draft) -> Iterator[Action]:
        for part in draft.parts:
            yield from place(part)
            yield from place_masks(part)
        yield from place_held_out(draft)
        yield WriteText(to=self.config, text=_dataset(draft))
        yield how_to(draft, self.command(draft), self.window(draft))

    def command(self, draft: Draft) -> str:
        values = draft.values
        script = SCRIPTS.get(values.base)
        if script is None:
            return f"# sd-scripts has no script for {values.base}; musubi-tuner or OneTrainer may"
        arguments: list[tuple[str, object]] = [
            ("--pretrained_model_name_or_path", "MODEL.safetensors"),
            *script.more,
            ("--dataset_config", draft.path(self.config)),
            ("--network_module", script.network),
            ("--network_dim", values.rank),
            ("--network_alpha", float(alpha(draft))),
            ("--learning_rate", learning_rate(draft)),
            ("--optimizer_type", values.optimizer),
            *length(draft, "--max_train_steps", "--max_train_epochs"),
            ("--gradient_accumulation_steps", values.gradient_accumulation),
            ("--mixed_precision", "bf16"),
            ("--gradient_checkpointing", None),
            ("--sdpa", None),
            ("--output_dir", "output"),
            ("--output_name", draft.name),
            ("--save_model_as", "safetensors"),
        ]
        if values.save_every:
            arguments.append((f"--save_every_n_{values.save_unit}", values.save_every))
        if draft.validation:
            arguments.append((f"--validate_every_n_{values.save_unit}", interval(draft)))
        if _uses_masks(draft):
            arguments.append(("--masked_loss", None))
        return shell(f"accelerate launch {script.file}", arguments)

    def takes_alpha(self, base: str) -> bool:
        return True

    def window(self, draft: Draft) -> tuple[str, ...]:
        """Labels as kohya_ss 45088f04 shows them in the LoRA tab."""
        title = "Or in kohya_ss, tab LoRA, which counts no steps and would train 1600:"
        if _uses_masks(draft) or _uses_alpha(draft):  # only a dataset configuration can name masks
            return table(title, _fields(draft))
        return (*table(title, _fields(draft)), "", *table("Or with folders, no config file:", _folder_fields(draft)))


LAYOUT = Kohya()


def _dataset(draft: Draft) -> str:
    values = draft.values
    wanted = list(values.resolution) if isinstance(values.resolution, tuple) else side(values.resolution)
    data_set = {"resolution": wanted, "batch_size": values.batch_size, **options(draft)}
    lines = [*comments(remarks(draft)), "", "[general]", *toml_lines({"caption_extension": CAPTION}), ""]
    lines += ["[[datasets]]", *toml_lines(data_set), ""]
    for part in draft.parts:
        lines += _subset(draft, part)
    if draft.validation:  # not a subset of the same set, as docs/validation.md has it: the set's own split decides
        said = "all of it is held out to validate on"
        lines += [*comments([said]), "[[datasets]]", *toml_lines({**data_set, "validation_split": 1.0}), ""]
        for part in draft.validation:
            lines += _subset(draft, part)
    return "\n".join(lines).rstrip() + "\n"


def _subset(draft: Draft, part: Part) -> list[str]:
    subset: dict[str, object] = {"image_dir": draft.path(part.folder), "num_repeats": int(part.repeats)}
    if part.role == "regularisation":
        subset |= {"is_reg": True, "class_tokens": part.label}
    if _uses_masks(draft) and not part.held_out:
        subset["conditioning_data_dir"] = draft.path(part.mask_folder)
    if _uses_alpha(draft):
        subset["alpha_mask"] = True  # where a picture has no transparency all of it counts
    times = "" if part.held_out else f", {int(part.repeats)} times each an epoch"
    said = f"{len(part.pictures)} pictures{times}"
    return [*comments([said], "  "), "  [[datasets.subsets]]", *toml_lines(subset, "  "), ""]


def _uses_masks(draft: Draft) -> bool:
    """Mask folders; beside regularisation pictures the masks are inside the pictures instead (output.alpha)."""
    return any(part.masked for part in draft.parts)


def _uses_alpha(draft: Draft) -> bool:
    return any(one.mask_in_alpha for part in draft.parts for one in part.pictures)


_OPTIMIZERS: Mapping[str, str] = {"adamw": "AdamW", "adamw8bit": "AdamW8bit", "prodigy": "Prodigy"}  # as it lists them
_LABELS: Mapping[str, str] = {
    "enable_bucket": "Enable buckets",
    "min_bucket_reso": "Minimum bucket resolution",
    "max_bucket_reso": "Maximum bucket resolution",
    "bucket_reso_steps": "Bucket resolution steps",
    "bucket_no_upscale": "Don't upscale bucket resolution",
}


def _fields(draft: Draft) -> list[tuple[str, object]]:
    """Those that the dataset configuration leaves open."""
    values = draft.values
    return [
        ("Dataset config file", draft.path("dataset.toml")),
        ("Trained Model output name", draft.name),
        ("Max train epoch", 0 if values.max_steps else draft.epochs or 0),  # above 0 it overrides the steps
        ("Max train steps", draft.steps or 0),
        ("Save every N epochs", values.save_every or 0 if values.save_unit == "epochs" else 0),
        *([("Save every N steps", values.save_every or 0)] if values.save_unit == "steps" else []),
        ("Gradient accumulate steps", values.gradient_accumulation),
        ("Learning rate", f"{learning_rate(draft):g}"),
        ("Optimizer", _OPTIMIZERS.get(values.optimizer.lower(), values.optimizer)),
        ("Network Rank (Dimension)", values.rank),
        ("Network Alpha", f"{alpha(draft):g}"),
        ("Masked loss", _uses_masks(draft)),
    ]


def _folder_fields(draft: Draft) -> list[tuple[str, object]]:
    """What stands for the dataset configuration where folders are used instead."""
    values, chosen = draft.values, options(draft)
    wide, high = values.resolution if isinstance(values.resolution, tuple) else (side(values.resolution),) * 2
    return [
        ("Image folder", draft.root),
        *([("Regularisation directory", draft.path("reg"))] if draft.regularisation() else []),
        ("Caption file extension", CAPTION),
        ("Train batch size", values.batch_size),
        ("Max resolution", f"{wide},{high}"),
        *((label, chosen[key]) for key, label in _LABELS.items()),
    ]
