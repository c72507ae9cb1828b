"""Base models, as far as they decide resolution, buckets and the usual learning rate.

Divisors: how finely each trainer rounds a bucket's sides follows the model's autoencoder and patch size; read in the
trainers' code at the commits named in their files. Learning rates: the trainers' own LoRA example configurations.
"""

from __future__ import annotations

from dataclasses import dataclass

from curate.errors import TrainerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A base model. All sizes are px."""

    name: str
    resolution: int  # side of the square of equal area that it was trained on
    bucket_step: int = 64  # kohya: bucket_reso_steps
    quantization: int = 64  # OneTrainer
    divisor: int = 16  # ai-toolkit
    round_to: int = 16  # diffusion-pipe
    learning_rate: float = 1e-4  # usual for a LoRA with alpha = rank


BASES: dict[str, Base] = {
    "sd15": Base(name="sd15", resolution=512, quantization=8),
    "sdxl": Base(name="sdxl", resolution=1024),
    "sd3": Base(name="sd3", resolution=1024),
    "flux": Base(name="flux", resolution=1024, divisor=32),
    "flux2": Base(name="flux2", resolution=1024),
    "chroma": Base(name="chroma", resolution=1024, divisor=32),
    "qwen": Base(name="qwen", resolution=1024, divisor=32),
    "wan": Base(name="wan", resolution=1024),
    "z-image": Base(name="z-image", resolution=1024),
    "hunyuan": Base(name="hunyuan", resolution=1024, round_to=32),
}


def base(name: str) -> Base:
    """The base model of that name. Raises TrainerError for an unknown one."""
    if name not in BASES:
        raise TrainerError(name, "no base model of that name", f"Choose one of: {', '.join(BASES)}")
    return BASES[name]
