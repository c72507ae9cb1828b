"""diffusers' dreambooth examples: numbered pictures and metadata.jsonl in train/, nothing else.

Hugging Face's image loader sorts files into splits by words in their names (test, val, eval, ...), so that a picture
called test_01 would be taken out of the training set: numbers are safe. Read in diffusers 58eb52c0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from curate.output.captions import Shape
from curate.output.layouts.base import (
    alpha,
    how_to,
    learning_rate,
    length,
    options,
    place,
    place_held_out,
    shell,
    side,
    whole,
)
from curate.output.records import Action, Draft, WriteText
from curate.records import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The example script for a base model, and what its argument parser knows."""

    file: str
    model: str
    dreambooth: bool = True  # it takes prompts and repeats; else only columns of a data set
    takes_alpha: bool = False  # else the LoRA's alpha is its rank


_EXAMPLES = "examples/dreambooth/train_dreambooth_lora_"
SCRIPTS: Mapping[str, Script] = {
    "sd15": Script(
        file="examples/text_to_image/train_text_to_image_lora.py",
        model="stable-diffusion-v1-5/stable-diffusion-v1-5",
        dreambooth=False,
    ),
    "sdxl": Script(file=f"{_EXAMPLES}sdxl.py", model="stabilityai/stable-diffusion-xl-base-1.0"),
    "sd3": Script(file=f"{_EXAMPLES}sd3.py", model="stabilityai/stable-diffusion-3-medium-diffusers"),
    "flux": Script(file=f"{_EXAMPLES}flux.py", model="black-forest-labs/FLUX.1-dev", takes_alpha=True),
    "flux2": Script(file=f"{_EXAMPLES}flux2.py", model="black-forest-labs/FLUX.2-dev", takes_alpha=True),
    "qwen": Script(file=f"{_EXAMPLES}qwen_image.py", model="Qwen/Qwen-Image", takes_alpha=True),
    "z-image": Script(file=f"{_EXAMPLES}z_image.py", model="Tongyi-MAI/Z-Image", takes_alpha=True),
}


class Diffusers:
    """One set without subsets; class images, where there are regularisation pictures, in a folder of their own."""

    name = "diffusers"
    shape: Shape = "whole"
    reads_masks = False
    numbered = True
    validates = False
    held_out = "held-out"  # the loader would take validation/ for a split of the data
    config = None

    def folder(self, label: str, repeats: float, role: Role, *, own: bool) -> str:
        return "class_images" if role == "regularisation" else "train"

    def files(self, draft: Draft) -> Iterator[Action]:
        rows = []
        for part in draft.parts:
            yield from place(part, caption="")
            if part.role == "subject":
                rows += [{"file_name": one.file, "text": one.caption.text} for one in part.pictures]
        yield from place_held_out(draft)
        lines = [json.dumps(row, ensure_ascii=True) + "\n" for row in rows]
        yield WriteText(to="train/metadata.jsonl", text="".join(lines))
        yield how_to(draft, self.command(draft))

    def command(self, draft: Draft) -> str:
        values = draft.values
        script = SCRIPTS.get(values.base)
        if script is None:
            return f"# diffusers has no LoRA example for {values.base}; kohya or musubi-tuner may train it"
        arguments: list[tuple[str, object]] = [
            ("--pretrained_model_name_or_path", script.model),
            *_data(draft, script),
            ("--resolution", side(values.resolution)),
            ("--train_batch_size", values.batch_size),
            ("--gradient_accumulation_steps", values.gradient_accumulation),
            ("--gradient_checkpointing", None),
            ("--mixed_precision", "bf16"),
            *length(draft, "--max_train_steps", "--num_train_epochs"),
            ("--rank", values.rank),
            *([("--lora_alpha", whole(alpha(draft)))] if script.takes_alpha else []),
            ("--learning_rate", learning_rate(draft)),
            *([("--checkpointing_steps", values.save_every)] if values.save_every else []),
            ("--output_dir", f"output/{draft.name}"),
        ]
        if options(draft)["use_aspect_ratio_buckets"]:
            arguments.append(("--use_aspect_ratio_buckets", None))
        prior = _prior(draft) if script.dreambooth else []
        return shell(f"accelerate launch {script.file}", [*arguments, *prior])

    def takes_alpha(self, base: str) -> bool:
        return base not in SCRIPTS or SCRIPTS[base].takes_alpha

    def window(self, draft: Draft) -> tuple[str, ...]:
        return ()


LAYOUT = Diffusers()


def _data(draft: Draft, script: Script) -> list[tuple[str, object]]:
    if not script.dreambooth:
        return [("--train_data_dir", draft.path("train")), ("--image_column", "image"), ("--caption_column", "text")]
    return [
        ("--dataset_name", draft.root),
        ("--image_column", "image"),
        ("--caption_column", "text"),
        ("--instance_prompt", draft.settings.trigger or draft.name),
        ("--repeats", int(draft.subject()[0].repeats)),
    ]


def _prior(draft: Draft) -> list[tuple[str, object]]:
    parts = draft.regularisation()
    if not parts:
        return []
    return [
        ("--with_prior_preservation", None),
        ("--class_data_dir", draft.path(parts[0].folder)),
        ("--class_prompt", parts[0].pictures[0].caption.text),
        ("--num_class_images", sum(len(part.pictures) for part in parts)),
        ("--prior_loss_weight", 1.0),
    ]
