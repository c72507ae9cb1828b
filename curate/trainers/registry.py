"""The trainers by name. To add one: its file, and its line here."""

from __future__ import annotations

from importlib import import_module

from curate.errors import TrainerError
from curate.trainers.base import Trainer

TRAINERS = {
    "kohya": "curate.trainers.kohya",
    "onetrainer": "curate.trainers.onetrainer",
    "ai-toolkit": "curate.trainers.ai_toolkit",
    "simpletuner": "curate.trainers.simpletuner",
    "diffusion-pipe": "curate.trainers.diffusion_pipe",
    "musubi": "curate.trainers.musubi",
    "diffusers": "curate.trainers.diffusers",
}


def get(name: str) -> Trainer:
    """The trainer of that name. Raises TrainerError for an unknown one."""
    if name not in TRAINERS:
        raise TrainerError.unknown(name, TRAINERS)
    trainer: Trainer = import_module(TRAINERS[name]).TRAINER
    return trainer
