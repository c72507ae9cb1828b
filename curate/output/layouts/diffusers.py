"""diffusers' dreambooth examples: numbered pictures and metadata.jsonl in train/, nothing else.

Hugging Face's image loader sorts files into splits by words in their names (test, val, eval, ...), so that a picture
called test_01 would be taken out of the training set: numbers are safe. Read in diffusers 58eb52c0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from curate.output.captions import Shape
from curate.output.layouts.base import how_to, learning_rate, length, options, place, shell, side
from curate.output.records import Action, Draft, WriteText
from curate.records import Role

_EXAMPLES = "examples/dreambooth/train_dreambooth_lora_"
_SCRIPTS: Mapping[str, tuple[str, str]] = {  # base -> script, model
    "sdxl": (f"{_EXAMPLES}sdxl.py", "stabilityai/stable-diffusion-xl-base-1.0"),
    "sd3": (f"{_EXAMPLES}sd3.py", "stabilityai/stable-diffusion-3-medium-diffusers"),
    "flux": (f"{_EXAMPLES}flux.py", "black-forest-labs/FLUX.1-dev"),
    "flux2": (f"{_EXAMPLES}flux2.py", "black-forest-labs/FLUX.2-dev"),
    "qwen": (f"{_EXAMPLES}qwen_image.py", "Qwen/Qwen-Image"),
    "z-image": (f"{_EXAMPLES}z_image.py", "Tongyi-MAI/Z-Image-Turbo"),
}


class Diffusers:
    """One set without subsets; class images, where there are regularisation pictures, in a folder of their own."""

    name = "diffusers"
    shape: Shape = "whole"
    reads_masks = False
    numbered = True
    config = None

    def folder(self, label: str, repeats: float, role: Role, *, own: bool) -> str:
        return "class_images" if role == "regularisation" else "train"

    def files(self, draft: Draft) -> Iterator[Action]:
        rows = []
        for part in draft.parts:
            yield from place(part, caption="")
            if part.role == "subject":
                rows += [{"file_name": one.file, "text": one.caption.text} for one in part.pictures]
        lines = [json.dumps(row, ensure_ascii=True) + "\n" for row in rows]
        yield WriteText(to="train/metadata.jsonl", text="".join(lines))
        yield how_to(draft, self.command(draft))

    def command(self, draft: Draft) -> str:
        values = draft.values
        script, model = _SCRIPTS.get(values.base, (f"{_EXAMPLES}{values.base}.py", "MODEL"))
        repeats = int(draft.subject()[0].repeats)
        arguments: list[tuple[str, object]] = [
            ("--pretrained_model_name_or_path", model),
            ("--dataset_name", draft.root),
            ("--image_column", "image"),
            ("--caption_column", "text"),
            ("--instance_prompt", draft.settings.trigger or draft.name),
            ("--resolution", side(values.resolution)),
            ("--train_batch_size", values.batch_size),
            ("--gradient_accumulation_steps", values.gradient_accumulation),
            ("--repeats", repeats),
            *length(draft, "--max_train_steps", "--num_train_epochs"),
            ("--rank", values.rank),
            ("--learning_rate", learning_rate(draft)),
            *([("--checkpointing_steps", values.save_every)] if values.save_every else []),
            ("--output_dir", f"output/{draft.name}"),
        ]
        if options(draft)["use_aspect_ratio_buckets"]:
            arguments.append(("--use_aspect_ratio_buckets", None))
        return shell(f"accelerate launch {script}", [*arguments, *_prior(draft)])


LAYOUT = Diffusers()


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
