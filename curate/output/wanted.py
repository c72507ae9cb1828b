"""What is asked of an export: what the set is trained with, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from curate.output.choices import CopyCaptions, Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What is trained with. Without a plan only the pictures' layout and their repeats mean something."""

    base: str = "sdxl"
    resolution: int | float | tuple[int, int] = 1024  # px, or megapixels for SimpleTuner's area
    batch_size: int = 1  # pictures a batch of one process
    gradient_accumulation: int = 1  # batches a step
    processes: int = 1  # GPUs
    epochs: int | None = None
    max_steps: int | None = None  # optimizer steps, where they and not the epochs are set
    repeats: float | None = None  # passes an epoch over subsets not named below; None: those of their folder's name
    subset_repeats: Mapping[str, float] = field(default_factory=dict)  # by Picture.subset, of the subject
    options: Mapping[str, object] = field(default_factory=dict)  # the trainer's own; unnamed ones as curate writes them
    learning_rate: float | None = None  # None: usual for the base model
    rank: int = 16  # of the LoRA
    alpha: float | None = None  # None: equal to rank
    optimizer: str = "adamw"
    save_every: int | None = None  # in `save_unit`; optimizer steps where the trainer saves after nothing else
    save_unit: Literal["epochs", "steps"] = "epochs"  # of trainers that save after either
    why: tuple[str, ...] = ()  # a line each, for the comments of the configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the set is written."""

    trainer: str = "folder"
    name: str = ""  # of the set; "" for the folder's name
    class_word: str = ""  # what the subject is: "man"
    trigger: str = ""  # a word that every caption of the subject holds
    format: Format = "keep"  # of pictures that are written anew; another than keep: of all
    background: tuple[int, int, int] = (255, 255, 255)  # RGB 0-255 behind transparent pixels
    alpha_masks: bool = False  # transparency becomes a mask, for trainers that read masks
    no_caption: str = ""  # name, class:WORD, skip or error; "" for the class word, trigger or name
    copy_captions: CopyCaptions = "keep"  # what becomes of the captions of copies that are left out
    train_path: str = ""  # where the set will lie when it is trained; "" for where it is written
    weights: bool = False  # look-alikes share the exposures of one picture
    validation: float = 0  # pictures to hold out, or below 1 their share of the set; 0: none
    limit: int | None = None  # at most so many pictures: those that keep the most; None: all
    keep_location: bool = False  # pictures that are copied still tell where they were taken
    resize_to: int | None = None  # px: short side that larger pictures are scaled down to; None: they stay
