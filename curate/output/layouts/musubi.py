"""musubi-tuner: a folder for each data set, its cache beside it, and a dataset.toml.

Schema read in dataset/config_utils.py of musubi-tuner 30c658c4, which refuses unknown keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from curate.output.captions import Shape
from curate.output.layouts.base import (
    CAPTION,
    alpha,
    how_to,
    learning_rate,
    length,
    options,
    place,
    plain_folder,
    remarks,
    shell,
    side,
)
from curate.output.layouts.text import comments, toml_lines
from curate.output.records import Action, Draft, WriteText
from curate.records import Role

_KEYS = ("enable_bucket", "bucket_no_upscale")  # of the trainer's options, those that the schema knows
_SCRIPTS: Mapping[str, tuple[str, str, str]] = {  # script prefix, network module, option of the text encoder
    "qwen": ("qwen_image_", "networks.lora_qwen_image", "--text_encoder"),
    "wan": ("wan_", "networks.lora_wan", "--t5"),
    "z-image": ("zimage_", "networks.lora_zimage", "--text_encoder"),
    "flux2": ("flux_2_", "networks.lora_flux_2", "--text_encoder"),
}


class Musubi:
    """It has no regularisation: those pictures become one more data set."""

    name = "musubi"
    shape: Shape = "whole"
    reads_masks = False
    numbered = False
    config = "dataset.toml"

    def folder(self, label: str, repeats: float, role: Role, *, own: bool) -> str:
        return plain_folder(label, role)

    def files(self, draft: Draft) -> Iterator[Action]:
        for part in draft.parts:
            yield from place(part)
        yield WriteText(to=self.config, text=_dataset(draft))
        yield how_to(draft, self.command(draft))

    def command(self, draft: Draft) -> str:
        """Two caches, then the training."""
        values = draft.values
        if values.base not in _SCRIPTS:
            return f"# musubi-tuner has no script for {values.base}; kohya or OneTrainer may"
        prefix, network, encoder = _SCRIPTS[values.base]
        data = ("--dataset_config", draft.path(self.config))
        models: tuple[tuple[str, object], ...] = (("--vae", "VAE.safetensors"), (encoder, "TEXT_ENCODER.safetensors"))
        train: list[tuple[str, object]] = [
            ("--dit", "MODEL.safetensors"),
            *models,
            data,
            ("--network_module", network),
            ("--network_dim", values.rank),
            ("--network_alpha", float(alpha(draft))),
            ("--learning_rate", learning_rate(draft)),
            *length(draft, "--max_train_steps", "--max_train_epochs"),
            ("--gradient_accumulation_steps", values.gradient_accumulation),
            *([("--save_every_n_epochs", values.save_every)] if values.save_every else []),
            ("--output_dir", "output"),
            ("--output_name", draft.name),
        ]
        source = f"src/musubi_tuner/{prefix}"
        return "\n".join(
            (
                shell(f"python {source}cache_latents.py", [data, models[0]]),
                shell(f"python {source}cache_text_encoder_outputs.py", [data, models[1]]),
                shell(f"accelerate launch {source}train_network.py", train),
            )
        )


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
