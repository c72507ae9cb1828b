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
    learning_rate,
    length,
    options,
    place,
    place_masks,
    remarks,
    shell,
    side,
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


_T5 = (("--clip_l", "CLIP_L.safetensors"), ("--t5xxl", "T5XXL.safetensors"))
_FLUX = (*_T5, ("--ae", "AE.safetensors"))
SCRIPTS: Mapping[str, Script] = {
    "sd15": Script(file="train_network.py"),
    "sdxl": Script(file="sdxl_train_network.py"),
    "sd3": Script(
        file="sd3_train_network.py",
        network="networks.lora_sd3",
        more=(*_T5, ("--clip_g", "CLIP_G.safetensors")),
    ),
    "flux": Script(file="flux_train_network.py", network="networks.lora_flux", more=_FLUX),
    "chroma": Script(
        file="flux_train_network.py",
        network="networks.lora_flux",
        more=(("--model_type", "chroma"), *_FLUX[1:]),
    ),
}


class Kohya:
    """Every subset of the source stays a subset, with its repeats as the plan set them."""

    name = "kohya"
    shape: Shape = "first line"
    reads_masks = True
    numbered = False
    config = "dataset.toml"

    def folder(self, label: str, repeats: float, role: Role, *, own: bool) -> str:
        named = f"{int(repeats)}_{label}"
        return f"reg/{named}" if role == "regularisation" else named

    def files(self, draft: Draft) -> Iterator[Action]:
        for part in draft.parts:
            yield from place(part)
            yield from place_masks(part)
        yield WriteText(to=self.config, text=_dataset(draft))
        yield how_to(
            draft,
            self.command(draft),
            _fields(draft),
            "Or type into the GUI (it counts no steps itself when it is given a dataset configuration, and would train "
            "1600):",
        )

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
            *length(draft, "--max_train_steps", "--max_train_epochs"),
            ("--gradient_accumulation_steps", values.gradient_accumulation),
            ("--output_dir", "output"),
            ("--output_name", draft.name),
            ("--save_model_as", "safetensors"),
        ]
        if values.save_every:
            arguments.append(("--save_every_n_epochs", values.save_every))
        if _uses_masks(draft):
            arguments.append(("--masked_loss", None))
        return shell(f"accelerate launch {script.file}", arguments)


LAYOUT = Kohya()


def _dataset(draft: Draft) -> str:
    values = draft.values
    wanted = list(values.resolution) if isinstance(values.resolution, tuple) else side(values.resolution)
    data_set = {"resolution": wanted, "batch_size": values.batch_size, **options(draft)}
    lines = [*comments(remarks(draft)), "", "[general]", *toml_lines({"caption_extension": CAPTION}), ""]
    lines += ["[[datasets]]", *toml_lines(data_set), ""]
    for part in draft.parts:
        lines += _subset(draft, part)
    return "\n".join(lines).rstrip() + "\n"


def _subset(draft: Draft, part: Part) -> list[str]:
    subset: dict[str, object] = {"image_dir": draft.path(part.folder), "num_repeats": int(part.repeats)}
    if part.role == "regularisation":
        subset |= {"is_reg": True, "class_tokens": part.label}
    elif _uses_masks(draft):
        subset["conditioning_data_dir"] = draft.path(part.mask_folder)
    said = f"{len(part.pictures)} pictures, {int(part.repeats)} times each an epoch"
    return [*comments([said], "  "), "  [[datasets.subsets]]", *toml_lines(subset, "  "), ""]


def _uses_masks(draft: Draft) -> bool:
    """sd-scripts reads masks in data sets of a kind that knows no regularisation."""
    return any(part.masked for part in draft.parts) and not draft.regularisation()


def _fields(draft: Draft) -> list[tuple[str, object]]:
    values = draft.values
    return [
        ("Dataset config file", draft.path("dataset.toml")),
        ("Image folder (instead of it)", draft.root),
        *([("Regularisation folder", draft.path("reg"))] if draft.regularisation() else []),
        ("Caption file extension", CAPTION),
        ("Train batch size", values.batch_size),
        ("Max train epoch", draft.epochs or ""),
        ("Max train steps", draft.steps or ""),
        ("Save every N epochs", values.save_every or ""),
        ("Gradient accumulate steps", values.gradient_accumulation),
        ("Learning rate", f"{learning_rate(draft):g}"),
        ("Network Rank (Dimension)", values.rank),
        ("Network Alpha", f"{alpha(draft):g}"),
        ("Max resolution", f"{side(values.resolution)},{side(values.resolution)}"),
        *((name, value) for name, value in options(draft).items()),
    ]
