"""musubi-tuner: a folder for each data set, its cache beside it, and a dataset.toml.

Schema read in dataset/config_utils.py of musubi-tuner 30c658c4, which refuses unknown keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from curate.output.captions import Shape
from curate.output.layouts.base import (
    CAPTION,
    alpha,
    how_to,
    learning_rate,
    length,
    options,
    place,
    place_held_out,
    plain_folder,
    remarks,
    shell,
    side,
)
from curate.output.layouts.text import comments, toml_lines
from curate.output.records import Action, Draft, WriteText
from curate.records import Role

_KEYS = ("enable_bucket", "bucket_no_upscale")  # of the trainer's options, those that the schema knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The three scripts for a base model, and what its page in musubi-tuner's docs asks for."""

    prefix: str
    network: str
    encoder: str = "--text_encoder"  # option that names the text encoder
    more: tuple[tuple[str, object], ...] = ()


_FIXED = (("--timestep_sampling", "shift"), ("--weighting_scheme", "none"))
SCRIPTS: Mapping[str, Script] = {
    "qwen": Script(
        prefix="qwen_image_", network="networks.lora_qwen_image", more=(*_FIXED, ("--discrete_flow_shift", 2.2))
    ),
    "wan": Script(
        prefix="wan_",
        network="networks.lora_wan",
        encoder="--t5",
        more=(("--task", "t2v-14B"), *_FIXED, ("--discrete_flow_shift", 3.0)),
    ),
    "z-image": Script(prefix="zimage_", network="networks.lora_zimage", more=(*_FIXED, ("--discrete_flow_shift", 2.0))),
    "flux2": Script(
        prefix="flux_2_",
        network="networks.lora_flux_2",
        more=(("--timestep_sampling", "flux2_shift"), ("--weighting_scheme", "none")),
    ),
}


class Musubi:
    """It has no regularisation: those pictures become one more data set."""

    name = "musubi"
    shape: Shape = "whole"
    reads_masks = False
    numbered = False
    validates = False
    held_out = "validation"
    config = "dataset.toml"

    def folder(self, label: str, repeats: float, role: Role, *, own: bool) -> str:
        return plain_folder(label, role)

    def files(self, draft: Draft) -> Iterator[Action]:
        for part in draft.parts:
            yield from place(part)
        yield from place_held_out(draft)
        yield WriteText(to=self.config, text=_dataset(draft))
        yield how_to(draft, self.command(draft))

    def command(self, draft: Draft) -> str:
        """Two caches, then the training, which refuses to start without an attention and an optimizer."""
        values = draft.values
        script = SCRIPTS.get(values.base)
        if script is None:
            return f"# musubi-tuner has no script for {values.base}; kohya or OneTrainer may"
        data = ("--dataset_config", draft.path(self.config))
        models: tuple[tuple[str, object], ...] = (
            ("--vae", "VAE.safetensors"),
            (script.encoder, "TEXT_ENCODER.safetensors"),
        )
        train: list[tuple[str, object]] = [
            ("--dit", "MODEL.safetensors"),
            *models,
            data,
            ("--sdpa", None),
            ("--mixed_precision", "bf16"),
            ("--gradient_checkpointing", None),
            *script.more,
            ("--optimizer_type", values.optimizer),
            ("--network_module", script.network),
            ("--network_dim", values.rank),
            ("--network_alpha", float(alpha(draft))),
            ("--learning_rate", learning_rate(draft)),
            *length(draft, "--max_train_steps", "--max_train_epochs"),
            ("--gradient_accumulation_steps", values.gradient_accumulation),
            *([(f"--save_every_n_{values.save_unit}", values.save_every)] if values.save_every else []),
            ("--output_dir", "output"),
            ("--output_name", draft.name),
        ]
        source = f"src/musubi_tuner/{script.prefix}"
        return "\n".join(
            (
                shell(f"python {source}cache_latents.py", [data, models[0]]),
                shell(f"python {source}cache_text_encoder_outputs.py", [data, models[1]]),
                shell(f"accelerate launch {source}train_network.py", train),
            )
        )

    def takes_alpha(self, base: str) -> bool:
        return True

    def window(self, draft: Draft) -> tuple[str, ...]:
        return ()


LAYOUT = Musubi()


def _dataset(draft: Draft) -> str:
    values = draft.values
    wanted = values.resolution if isinstance(values.resolution, tuple) else (side(values.resolution),) * 2
    chosen = options(draft)
    general = {
        "resolution": list(wanted),
        "caption_extension": CAPTION,
        "batch_size": values.batch_size,
        **{key: chosen[key] for key in _KEYS},
    }
    lines = [*comments(remarks(draft)), "", "[general]", *toml_lines(general), ""]
    for part in draft.parts:
        data_set = {
            "image_directory": draft.path(part.folder),
            "cache_directory": draft.path(f"cache/{part.folder}"),
            "num_repeats": int(part.repeats),
        }
        lines += [*comments([f"{len(part.pictures)} pictures"]), "[[datasets]]", *toml_lines(data_set), ""]
    return "\n".join(lines).rstrip() + "\n"
