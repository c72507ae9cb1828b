"""What an export is made from, the actions that it consists of, and what it tells afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from curate.output.actions import Action as Action
from curate.output.actions import PlaceMask as PlaceMask
from curate.output.actions import PlacePicture as PlacePicture
from curate.output.actions import WriteText as WriteText
from curate.output.choices import Cause as Cause
from curate.output.choices import CopyCaptions as CopyCaptions
from curate.output.choices import Encoding as Encoding
from curate.output.choices import Format as Format
from curate.output.choices import Link as Link
from curate.output.choices import Location as Location
from curate.output.selection import Selection
from curate.output.wanted import Settings as Settings
from curate.output.wanted import Values as Values
from curate.records import Facts, Kind, LeftOut, Picture, Role, Shared


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
    repeats: float | None = None  # passes an epoch that were decided for it alone; None: those of its subset
    held_out: bool = False  # it is kept to validate on, and never trained on


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A measured and decided set, ready to be laid out."""

    folder: str  # absolute path of the source
    items: tuple[Item, ...]
    broken: tuple[LeftOut, ...] = ()
    ignored: tuple[LeftOut, ...] = ()
    shared: tuple[Shared, ...] = ()  # regularisation pictures that are copies of the subject's
    outside: tuple[tuple[str, str], ...] = ()  # (start of paths, folder) of regularisation folders elsewhere
    values: Values = field(default_factory=Values)
    settings: Settings = field(default_factory=Settings)
    selection: Selection = field(default_factory=Selection)  # what weights, validation and limit came to
    moved: Mapping[str, str] = field(default_factory=dict)  # where files lie now that went elsewhere, by their path


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
    mask_in_alpha: bool = False  # the mask is written as the picture's transparency, not as a file
    resized: tuple[int, int] | None = None  # width, height in px that it is scaled down to
    keep_location: bool = False

    @property
    def location(self) -> Location:
        """What becomes of the place that its file tells. Pictures that are written anew tell none."""
        if not self.item.facts.has_location:
            return ""
        return "kept" if self.keep_location and self.encoding is None else "taken out"

    @property
    def file(self) -> str:
        return self.stem + self.suffix

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px, as written."""
        return self.resized or (self.item.facts.width, self.item.facts.height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Pictures that lie in one folder and share their repeats."""

    label: str  # its class text or name
    repeats: float  # passes an epoch
    role: Role
    folder: str  # below the exported set; "" for the set's own folder
    pictures: tuple[Placed, ...]  # in the order of their file names
    held_out: bool = False  # to validate on, not to train on

    @property
    def masked(self) -> bool:
        """Whether it has mask files."""
        return any(placed.mask and not placed.mask_in_alpha for placed in self.pictures)

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
    parts: tuple[Part, ...]  # that are trained on
    left_out: tuple[Left, ...]
    validation: tuple[Part, ...] = ()  # that are held out
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

    def every(self) -> tuple[Part, ...]:
        """All parts, those that are held out after those that are trained on."""
        return (*self.parts, *self.validation)

    def path(self, relative: str) -> str:
        """A file's or folder's path as the trainer will find it."""
        return f"{self.root.rstrip('/')}/{relative}" if relative else self.root

    def pictures(self) -> tuple[tuple[str, Placed], ...]:
        """Each picture with its path below the set."""
        return tuple(
            (f"{part.folder}/{placed.file}" if part.folder else placed.file, placed)
            for part in self.every()
            for placed in part.pictures
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile:
    path: str  # below the set
    digest: str  # SHA-256, hex
    size_bytes: int
    recipe: str = ""  # digest of all that its pixels were made from; "" for what was copied, linked or is text


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What an update does to a set that was written before; paths below the set."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    foreign: tuple[str, ...]  # files that curate did not write: they stay


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
    changes: Changes | None = None  # of an update

    @property
    def pictures(self) -> int:
        return sum(len(part.pictures) for part in self.draft.every())

    @property
    def left_out(self) -> Mapping[Cause, int]:
        """Number of files left out, by cause."""
        counts: dict[Cause, int] = {}
        for left in self.draft.left_out:
            counts[left.cause] = counts.get(left.cause, 0) + 1
        return counts
