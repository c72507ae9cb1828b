"""What an export is made from, the actions that it consists of, and what it tells afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from curate.records import Facts, Kind, LeftOut, Picture, Role

Link = Literal["", "hard", "sym"]
Cause = Literal["copy", "decided", "small", "no caption", "broken", "ignored"]
Format = Literal["keep", "png", "jpg", "webp"]
Encoding = Literal["png", "jpg", "webp"]
CopyCaptions = Literal["keep", "longest", "merge-tags"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Which kept picture stands for one that is left out, and why they are held for one photograph."""

    keeper: str  # path
    kind: Kind
    edit: str  # how it was made from the keeper
    correlation: float | None = None  # -1..1 over the aligned pictures; None where none was needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One picture of the set, and what was decided about it."""

    picture: Picture
    facts: Facts
    kept: bool = True
    reason: str = ""  # why it is left out where that is no copy: "decided by you"
    evidence: Evidence | None = None  # of a copy that is left out
    weight: float | None = None  # effective images that it is, 0-1; None: not measured


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
    save_every: int | None = None  # epochs, or steps where the trainer counts steps
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A measured and decided set, ready to be laid out."""

    folder: str  # absolute path of the source
    items: tuple[Item, ...]
    broken: tuple[LeftOut, ...] = ()
    ignored: tuple[LeftOut, ...] = ()
    values: Values = field(default_factory=Values)
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacePicture:
    """Copy this picture to this path; with an encoding its pixels are made safe and written anew."""

    source: str
    digest: str  # SHA-256 of the source, as scanned
    size_bytes: int
    to: str
    encoding: Encoding | None = None  # None: byte for byte
    pixels: int = 0  # width x height, for the estimate of disk space


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceMask:
    """Write a picture's mask as grey PNG of the picture's upright size: white is trained."""

    to: str
    size: tuple[int, int]  # width, height in px
    source: str = ""  # mask file, or the picture itself for its transparency; "" for all white
    alpha_of_source: bool = False
    orientation: int = 1  # EXIF, of the picture


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteText:
    """Write this text there, as UTF-8 with line feeds."""

    to: str
    text: str


Action = PlacePicture | PlaceMask | WriteText


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """The caption that is written, in the trainer's shape."""

    text: str
    source: str | None  # the file that it came from; None where it came from none
    changes: tuple[str, ...] = ()  # what was done to it, in words
    made: bool = False  # there was none: curate wrote it


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One picture of the exported set."""

    item: Item
    stem: str
    suffix: str  # with the dot
    encoding: Encoding | None  # None: byte for byte
    fixes: tuple[str, ...]  # why its pixels or its name are changed
    caption: Caption
    mask: PlaceMask | None = None  # with an empty `to`

    @property
    def file(self) -> str:
        return self.stem + self.suffix

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        return self.item.facts.width, self.item.facts.height


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Pictures that lie in one folder and share their repeats."""

    label: str  # its class text or name
    repeats: float  # passes an epoch
    role: Role
    folder: str  # below the exported set; "" for the set's own folder
    pictures: tuple[Placed, ...]  # in the order of their file names

    @property
    def masked(self) -> bool:
        return any(placed.mask for placed in self.pictures)

    @property
    def mask_folder(self) -> str:
        return "/".join(part for part in ("masks", self.folder) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A file that is not exported, and why."""

    path: str
    cause: Cause
    reason: str
    digest: str = ""
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The exported set before a byte of it is written."""

    export: Export
    name: str
    root: str  # its path as the configuration names it, forward slashes
    parts: tuple[Part, ...]
    left_out: tuple[Left, ...]
    notes: tuple[str, ...] = ()  # a line each
    steps: int | None = None  # optimizer steps of this very set, by the trainer's own rule
    epochs: int | None = None

    @property
    def settings(self) -> Settings:
        return self.export.settings

    @property
    def values(self) -> Values:
        return self.export.values

    def subject(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.role == "subject")

    def regularisation(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.role == "regularisation")

    def path(self, relative: str) -> str:
        """A file's or folder's path as the trainer will find it."""
        return f"{self.root.rstrip('/')}/{relative}" if relative else self.root

    def pictures(self) -> tuple[tuple[str, Placed], ...]:
        """Each picture with its path below the set."""
        return tuple(
            (str(PurePosixPath(part.folder) / placed.file), placed) for part in self.parts for placed in part.pictures
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile:
    path: str  # below the set
    digest: str  # SHA-256, hex
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What an export did, or would do."""

    destination: str
    draft: Draft
    config: str | None  # path of the configuration; None for a trainer that has none
    lines: tuple[str, ...]  # the listing; the same for a dry run
    notes: tuple[str, ...]  # what the system refused: links that became copies
    files: tuple[WrittenFile, ...] = ()  # () for a dry run
    dry_run: bool = False

    @property
    def pictures(self) -> int:
        return sum(len(part.pictures) for part in self.draft.parts)

    @property
    def left_out(self) -> Mapping[Cause, int]:
        """Number of files left out, by cause."""
        counts: dict[Cause, int] = {}
        for left in self.draft.left_out:
            counts[left.cause] = counts.get(left.cause, 0) + 1
        return counts
